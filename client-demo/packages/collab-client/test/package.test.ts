/** The package that a server hands out, as somebody has it who installed it. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build } from 'esbuild'
import { publint } from 'publint'

const PACKAGE = resolve(import.meta.dirname, '..')
const MODULES = resolve(PACKAGE, '../../node_modules')
const SERVED = resolve(PACKAGE, '../../../collab/static/client')
const TARBALL = join(SERVED, 'collab-client.tgz')
/** Bytes, gzipped, beside Yjs. */
const LIMIT = 25_000

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'collab-client-'))
  const installed = join(folder, 'node_modules/collab-client')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['xzf', TARBALL, '--strip-components', '1', '-C', installed])
  for (const name of ['yjs', 'lib0', 'y-protocols', 'y-indexeddb', 'engine.io-client', 'socket.io-parser', 'react']) {
    symlinkSync(join(MODULES, name), join(folder, 'node_modules', name))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The gzipped size of what a page loads for `code`. */
async function size(code: string, external = ['yjs', 'react']): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: folder }, external, bundle: true, minify: true, format: 'esm', target: 'es2022', write: false,
  })
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
}

/** What a program prints. */
function run(code: string, kind: 'module' | 'commonjs'): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [`--input-type=${kind}`, '-e', code], { cwd: folder, encoding: 'utf8', timeout: 20_000 })
  expect([stderr, status]).toEqual(['', 0])
  return stdout.trim()
}

test('what is served is built from these sources', () => {
  const again = mkdtempSync(join(tmpdir(), 'collab-client-again-'))
  try {
    execFileSync(process.execPath, ['tools/build.mjs'], { cwd: PACKAGE, env: { ...process.env, CLIENT_SERVED: again }, stdio: 'pipe' })
    const stale = 'collab/static/client is stale: run `npm ci && npm run build` in client-demo'
    expect(readFileSync(join(again, 'collab-client.js'), 'utf8') === readFileSync(join(SERVED, 'collab-client.js'), 'utf8'), stale).toBe(true)
    // Another Node may compress otherwise.
    expect(gunzipSync(readFileSync(join(again, 'collab-client.tgz'))).equals(gunzipSync(readFileSync(TARBALL))), stale).toBe(true)
  } finally {
    rmSync(again, { recursive: true })
  }
})

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: join(folder, 'node_modules/collab-client'), pack: false, strict: true })
  expect(messages).toEqual([])
})

test('are the types wrong? no', () => {
  const { stdout, status } = spawnSync(process.execPath, [join(MODULES, '@arethetypeswrong/cli/dist/index.js'), TARBALL], { encoding: 'utf8' })
  expect(stdout).toContain('No problems found')
  expect(status).toBe(0)
})

test('it is small, and smaller where little of it is used', async () => {
  const all = 'export * from "collab-client"; '
  const yjs = 'export * as Y from "yjs"; '
  // Yjs brings lib0 along; where it is counted twice, the two are a little more.
  expect((await size(yjs + all, [])) - (await size(yjs, []))).toBeLessThan(LIMIT)
  expect(await size(all)).toBeLessThan(25.5 * 1024)
  expect(await size('export * from "collab-client/react"')).toBeLessThan(26.5 * 1024)
  expect(await size('export { inWords } from "collab-client"')).toBeLessThan(2_000)
})

test.each(['collab-client', 'collab-client/react', 'collab-client/offline'])('%s does nothing when it is imported', (name) => {
  const look = `console.log(Object.keys(globalThis).filter((each) => !before.has(each)).join(), process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length)`
  // Yjs notes that it is there; nothing else may.
  const before = `const before = new Set(Object.keys(globalThis));`
  expect(run(`await import('yjs'); ${before} const all = await import('${name}'); console.log(Object.keys(all).length > 0); ${look}`, 'module')).toBe('true\n 0')
  expect(run(`require('yjs'); ${before} const all = require('${name}'); console.log(Object.keys(all).length > 0); ${look}`, 'commonjs')).toBe('true\n 0')
})

test('both kinds of modules export the same', () => {
  const names = (kind: 'module' | 'commonjs'): string =>
    run(`const all = ${kind === 'module' ? 'await import' : 'require'}('collab-client'); console.log(Object.keys(all).sort().join())`, kind)
  expect(names('module')).toBe(names('commonjs'))
  expect(names('module')).toContain('CollabProvider')
})

test('everything in one module: with Y, and without asking for another file', () => {
  const text = readFileSync(join(SERVED, 'collab-client.js'), 'utf8')
  expect(/\bfrom\s*["']|\bimport\s*\(/.test(text)).toBe(false)
  const path = join(SERVED, 'collab-client.js')
  const said = run(
    `const { CollabProvider, Y, keepOffline } = await import(${JSON.stringify(path)});
     const provider = new CollabProvider('http://127.0.0.1:9', 'notes', null, { connect: false });
     provider.doc.getText('body').insert(0, 'hello');
     console.log(provider.doc instanceof Y.Doc, provider.status, provider.unsaved, typeof keepOffline);
     provider.destroy()`,
    'module',
  )
  expect(said).toBe('true offline 1 function')
})

test('a server renders with it, and ends', () => {
  const said = run(
    `const { createElement: h } = await import('react');
     const { renderToString } = await import(${JSON.stringify(join(MODULES, 'react-dom/server.node.js'))});
     const { CollabDocument, useStatus, useOthers, useDoc } = await import('collab-client/react');
     const Told = () => useStatus() + useOthers().length + useDoc().getText('body');
     console.log(renderToString(h(CollabDocument, { url: 'http://127.0.0.1:9', name: 'notes' }, h(Told))))`,
    'module',
  )
  expect(said).toBe('connecting0')
})
