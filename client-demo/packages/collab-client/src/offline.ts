/** The local copy in IndexedDB: edits survive a reload without a server. Needs `y-indexeddb`. */

import { IndexeddbPersistence } from 'y-indexeddb'
import type { LocalCopy, MakeLocalCopy } from './options.js'

/**
 * For the option `local` of a provider. Copies are apart for each server, document and `subject`, so that one person's
 * browser never shows what another's token opened. Where there is no IndexedDB, there is no copy.
 */
export const keepOffline: MakeLocalCopy = (doc, place): LocalCopy | null => {
  if (typeof indexedDB === 'undefined') return null
  return new IndexeddbPersistence(`collab:${place}`, doc)
}
