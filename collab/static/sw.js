// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-BJoM98lC.css","/assets/board-CLam1tK_.js","/assets/code-B-16CG0l.js","/assets/code-DsB2szY0.css","/assets/dist-3L2rlgb7.js","/assets/dist-6e8q2pbD.js","/assets/dist-CXwOJZ5k.js","/assets/dist-D38eVxZ2.js","/assets/dist-DPR7PdcC.js","/assets/dist-DXGoM2XB.js","/assets/dist-De0qxzdt.js","/assets/dist-DtuXN0dm.js","/assets/document-CD9KqqEs.js","/assets/document-D1mdDSIR.css","/assets/export-C3e0azBZ.js","/assets/home-CGxs2_tA.css","/assets/home-DUj3OIbm.js","/assets/index-BbFph5F7.js","/assets/index-uKGrzBP9.css","/assets/index-x4MQke6x.js","/assets/inspector-1ueqDobx.js","/assets/inspector-D5U6_XyR.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/people-CNPDxX9e.js","/assets/pictures-DI7vu5Fe.js","/assets/places-BWwVrtkz.js","/assets/preload-helper-CVfkMyKi.js","/assets/shapes-ZfQPjf4Y.js","/assets/store-Cs8hVH4J.js","/assets/text-vVtzm1SI.js","/assets/text-wHzptEpr.css","/assets/versions-BYsqnHEH.js","/assets/versions-Dcp2wNn7.css","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-c27a2bdfe999'
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
