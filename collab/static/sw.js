// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-BJoM98lC.css","/assets/board-ByuPLP6Q.js","/assets/code-CjevpQFq.js","/assets/code-DsB2szY0.css","/assets/document-Bl15blTq.js","/assets/document-D1mdDSIR.css","/assets/export-DfQQniCy.js","/assets/home-CGxs2_tA.css","/assets/home-DUj3OIbm.js","/assets/index-B42ry3DU.js","/assets/index-BA312CJX.js","/assets/index-BTPkdQ2G.js","/assets/index-BVbKF71W.js","/assets/index-BWYBK4RI.js","/assets/index-ClFWy1R5.js","/assets/index-CzuDnli_.js","/assets/index-DydghWpa.js","/assets/index-Kn7v42Xo.js","/assets/index-VcLLzuMO.js","/assets/index-uKGrzBP9.css","/assets/inspector-BMUeFJpS.js","/assets/inspector-D5U6_XyR.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/people-CNPDxX9e.js","/assets/pictures-DI7vu5Fe.js","/assets/places-Ci9bOhGH.js","/assets/preload-helper-CVfkMyKi.js","/assets/shapes-3Cn-ydch.js","/assets/store-DRdPmnJG.js","/assets/text-DePDN3e0.js","/assets/text-wHzptEpr.css","/assets/versions-Dcp2wNn7.css","/assets/versions-RXRhZ8eL.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-2bb83f50833b'
const PAGE = '/'

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll([PAGE, ...ASSETS]))
      .then(() => self.skipWaiting()),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith('collab-') && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (request.mode === 'navigate' && (url.pathname === '/' || url.pathname.startsWith('/d/'))) {
    // The network first: a new build is taken at once. All pages are the same file.
    event.respondWith(fetch(request).catch(() => caches.match(PAGE, { cacheName: CACHE })))
  } else if (ASSETS.includes(url.pathname)) {
    // Names of built files change with their content.
    event.respondWith(caches.match(request, { cacheName: CACHE }).then((kept) => kept ?? fetch(request)))
  }
})
