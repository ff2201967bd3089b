/** Where the client's sources are: the demo and the tests use them as they are, and nothing has to be built first. */

import { fileURLToPath } from 'node:url'

const SOURCES = fileURLToPath(new URL('../packages/collab-client/src/', import.meta.url))

export const CLIENT_ALIAS = [
  { find: /^collab-client$/, replacement: `${SOURCES}index.ts` },
  { find: /^collab-client\/(\w+)$/, replacement: `${SOURCES}$1.ts` },
]
