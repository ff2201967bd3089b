/**
 * Builds what people install: `dist/` (ES modules and CommonJS, each with its types), and in collab/static/client
 * what a server hands out: the package, everything in one module, and the pages for those who write with machines.
 * The same sources give the same bytes, whatever the day and the machine.
 */

import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = fileURLToPath(new URL('..', import.meta.url))
// A test builds elsewhere, and compares.
const served = resolve(here, process.env.CLIENT_SERVED ?? '../../../collab/static/client')
const dist = join(here, 'dist')
process.env.NODE_ENV = 'production' // whoever calls
const common = {
  configFile: false,
  root: here,
  logLevel: 'warn',
  publicDir: false,
  // A field that a constructor sets needs no line of its own.
  esbuild: { tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } } },
}

async function libraries() {
  const entry = Object.fromEntries(['index', 'react', 'offline'].map((name) => [name, join(here, `src/${name}.ts`)]))
  await build({
    ...common,
    build: {
      outDir: dist,
      emptyOutDir: true,
      target: 'es2022',
      minify: false,
      lib: { entry },
      rollupOptions: {
        // Only its own files; what it needs is installed beside it, once.
        external: (id) => !id.startsWith('.') && !id.startsWith('/'),
        output: ['es', 'cjs'].map((format) => ({
          format,
          exports: 'named',
          // One file for each source: what is not used is not loaded, whatever the bundler knows of it.
          preserveModules: true,
          preserveModulesRoot: join(here, 'src'),
          entryFileNames: `[name].${format === 'es' ? 'js' : 'cjs'}`,
          // Frameworks that render on a server are to know that hooks belong to the page.
          banner: (chunk) => (chunk.name === 'react' ? '"use client";' : ''),
        })),
      },
    },
  })
}

/** Types of ES modules, and the same for CommonJS, where files are called otherwise. */
function types() {
  // `typescript` shows no path of its program to others.
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', join(here, 'tsconfig.build.json')], { stdio: 'inherit' })
  for (const name of readdirSync(dist).filter((each) => each.endsWith('.d.ts'))) {
    const text = readFileSync(join(dist, name), 'utf8').replaceAll(/((?:from|import\()\s*['"]\.\/[\w-]+)\.js(['"])/g, '$1.cjs$2')
    writeFileSync(join(dist, name.replace(/\.d\.ts$/, '.d.cts')), text)
  }
}

async function standalone() {
  await build({
    ...common,
    build: {
      outDir: served,
      emptyOutDir: true,
      target: 'es2022',
      minify: 'esbuild',
      lib: { entry: join(here, 'src/standalone.ts'), formats: ['es'], fileName: () => 'collab-client.js' },
    },
    // In a library Vite leaves blanks in, for those who bundle it; nobody bundles this one.
    plugins: [{ name: 'small', renderChunk: async (code) => (await import('vite')).transformWithEsbuild(code, 'collab-client.js', { minify: true, target: 'es2022', format: 'esm' }) }],
  })
}

/** What `collab init` writes, for those who have Node alone. */
function starts() {
  const from = resolve(here, '../../../collab/commands/starts')
  for (const kind of ['react', 'vanilla']) cpSync(join(from, kind), join(dist, 'starts', kind), { recursive: true, filter: (path) => !path.endsWith('__pycache__') })
}

function pack() {
  mkdirSync(served, { recursive: true })
  const said = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', served], { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const [{ filename }] = Object.values(JSON.parse(said))
  rmSync(join(served, 'collab-client.tgz'), { force: true })
  renameSync(join(served, filename), join(served, 'collab-client.tgz'))
}

await libraries()
types()
starts()
await standalone()
pack()
for (const name of ['SKILL.md', 'llms.txt']) copyFileSync(join(here, name), join(served, name))
