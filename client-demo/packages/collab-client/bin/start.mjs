#!/usr/bin/env node
/**
 * Writes a working start, with nothing but Node: `npx http://HOST:PORT/client/collab-client.tgz react my-folder`.
 * The same files as `collab init` writes; the server in them is the one that this package came from.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const WRITTEN = 'http://127.0.0.1:8080'
const here = fileURLToPath(new URL('..', import.meta.url))
const starts = join(here, 'dist/starts')
const NEXT = {
  react: ['npm install', 'npm run dev'],
  vanilla: ['npx vite'],
}
const ORIGIN = 'http://localhost:5173'

/** Where npm had this package from, which it notes beside it; null where that was no server. */
function server() {
  try {
    const { packages } = JSON.parse(readFileSync(join(here, '../.package-lock.json'), 'utf8'))
    const from = packages['node_modules/collab-client'].resolved
    return /^(https?:\/\/.+)\/client\/collab-client\.tgz$/.exec(from)?.[1] ?? null
  } catch {
    return null
  }
}

function fail(words) {
  console.error(words)
  process.exit(2)
}

function read() {
  try {
    return parseArgs({ allowPositionals: true, options: { url: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  } catch (error) {
    return fail(error.message)
  }
}

const { values, positionals } = read()
const [kind, folder = '.', ...more] = positionals
const usage = `npx ${server() ?? WRITTEN}/client/collab-client.tgz ${Object.keys(NEXT).join('|')} [FOLDER] [--url SERVER]`
if (values.help) {
  console.log(`${usage}\nWrites a working start into FOLDER, which is empty or not there yet.`)
  process.exit()
}
if (!Object.hasOwn(NEXT, kind ?? '') || more.length > 0) fail(usage)
if (existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0)) {
  fail(`${folder} is not empty; allowed: a folder that is empty, or not there yet`)
}
const url = (values.url ?? server() ?? WRITTEN).replace(/\/+$/, '')
const source = join(starts, kind)
for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  const from = join(entry.parentPath ?? entry.path, entry.name)
  const to = join(folder, relative(source, from))
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, readFileSync(from, 'utf8').replaceAll(WRITTEN, url))
}
console.log(`${folder}: ${kind}. Next:`)
for (const step of [...(folder === '.' ? [] : [`cd ${folder}`]), ...NEXT[kind]]) console.log(`  ${step}`)
console.log(`Then open ${ORIGIN} in two windows; the server lets its pages in: collab serve --cors-origins ${ORIGIN}`)
