import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

import { licences } from './tools/licences'
import { sourceHash } from './tools/sourceHash'
import { CLIENT_ALIAS } from './tools/sources'

// The server of `npm run dev` hands everything that is not a page to a collab server beside it.
const server = process.env['COLLAB_URL'] ?? 'http://127.0.0.1:8080'

/** Writes sw.js with the list of built files; the same input gives the same bytes. */
function serviceWorker(): Plugin {
  return {
    name: 'collab-service-worker',
    apply: 'build',
    generateBundle(_options, bundle) {
      // Fonts of other scripts are fetched where they are needed; a copy for everybody would be waste.
      const kept = Object.keys(bundle).filter((name) => name.startsWith('assets/') && !/-(vietnamese|greek|cyrillic|latin-ext)|\.woff$/.test(name))
      const assets = [...kept.map((name) => `/${name}`).sort(), '/icon.svg', '/theme.js']
      const source = readFileSync(new URL('src/worker/sw.js', import.meta.url), 'utf8')
      const hash = createHash('sha256').update(source)
      for (const asset of assets) hash.update(asset)
      for (const file of ['index.html', 'public/icon.svg', 'public/theme.js']) hash.update(readFileSync(new URL(file, import.meta.url)))
      this.emitFile({
        type: 'asset',
        fileName: 'sw.js',
        source: source.replace('= __ASSETS__', `= ${JSON.stringify(assets)}`).replace('__VERSION__', hash.digest('hex').slice(0, 12)),
      })
    },
  }
}

/** Leaves the hash of the sources beside the built files, so that a check without Node can tell stale ones. */
function builtFrom(): Plugin {
  return {
    name: 'collab-built-from',
    apply: 'build',
    generateBundle() {
      const source = `${sourceHash(fileURLToPath(new URL('.', import.meta.url)))}\n`
      this.emitFile({ type: 'asset', fileName: 'source.sha256', source })
    },
  }
}

/** Writes down whose work is handed on with the pages. */
function handedOn(): Plugin {
  return {
    name: 'collab-handed-on',
    apply: 'build',
    generateBundle(_options, bundle) {
      const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
      // Fonts are no modules: style sheets name them.
      const assets = Object.values(bundle).flatMap((each) => (each.type === 'asset' ? each.originalFileNames : []))
      const parts = [...this.getModuleIds(), ...assets.map(here)]
      writeFileSync(here('../collab/THIRD_PARTY_LICENSES'), licences(parts, here('package-lock.json')))
    },
  }
}

export default defineConfig({
  base: '/',
  resolve: { alias: CLIENT_ALIAS },
  plugins: [serviceWorker(), builtFrom(), handedOn()],
  build: {
    outDir: '../collab/static',
    emptyOutDir: true,
    target: 'es2022',
    // Fonts as data: URLs would be refused by the server's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '/socket.io': { target: server, ws: true },
      '/api': server,
    },
  },
})
