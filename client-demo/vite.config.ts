import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

import { sourceHash } from './tools/sourceHash'

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

export default defineConfig({
  base: '/',
  plugins: [serviceWorker(), builtFrom()],
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
