/** One hash over everything that the build is made of. `tests/browser/test_built.py` computes the same. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Files and folders of client-demo/ that the built pages depend on. */
const CLIENT = ['LICENSE', 'README.md', 'SKILL.md', 'bin', 'llms.txt', 'offline', 'package.json', 'react', 'src', 'tools', 'tsconfig.build.json']
const SOURCES = [
  'index.html', 'package-lock.json', 'package.json', 'public', 'src', 'tools', 'tsconfig.json', 'vite.config.ts',
  ...CLIENT.map((name) => `packages/collab-client/${name}`),
]

/** The hash of the sources under `root`, in hex: of each file's path and content, in the order of their paths. */
export function sourceHash(root: string): string {
  const hash = createHash('sha256')
  for (const path of SOURCES.flatMap((source) => filesUnder(root, source)).sort()) {
    hash.update(`${path}\0`)
    hash.update(readFileSync(join(root, path)))
    hash.update('\0')
  }
  return hash.digest('hex')
}

function filesUnder(root: string, path: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path]
  return readdirSync(join(root, path)).flatMap((name) => filesUnder(root, `${path}/${name}`))
}
