/** The licences of everything that ends up in the built pages; `tests/unit/test_distribution.py` tells when they are stale. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGE = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//

/**
 * What has to be handed on with the pages.
 *
 * @param modules ids of the modules that were bundled, as Vite names them
 * @param lockFile path of package-lock.json, whose hash is noted
 * @throws if a package comes without a licence text
 */
export function licences(modules: Iterable<string>, lockFile: string): string {
  const folders = new Map<string, string>()
  for (const id of modules) {
    const found = PACKAGE.exec(id.replace(/^\0+/, '')) // modules that the bundler rewrites carry a zero in front
    if (found?.[1] && found[2]) folders.set(found[1], found[2])
  }
  const parts = [...folders].map(([folder, name]) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string; license: string }
    return { line: `${name} ${version} ${license}`, text: licenceText(folder, name) }
  })
  parts.sort((one, other) => (one.line < other.line ? -1 : 1))
  const lock = createHash('sha256').update(readFileSync(lockFile)).digest('hex')
  const head = `Bundled in collab/static, with their licences. Made by \`npm run build\` in client-demo.\npackage-lock.json ${lock}\n\n`
  return `${head}${parts.map(({ line }) => line).join('\n')}\n${parts.map(({ line, text }) => `\n${'='.repeat(80)}\n${line}\n\n${text}\n`).join('')}`
}

function licenceText(folder: string, name: string): string {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort()
  if (files.length === 0) throw new Error(`${name} comes without the text of its licence`)
  return files.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()).join('\n\n')
}
