// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-BxsMS6I_.js","/assets/code-C2EUf0xS.js","/assets/code-DsB2szY0.css","/assets/document-2Zhf5WLl.js","/assets/document-CsTrI8ey.css","/assets/export-GRnpAx8y.js","/assets/home-CtADORp4.css","/assets/home-bszsSbJS.js","/assets/index-BGCgaNfq.js","/assets/index-BhkUUP8j.js","/assets/index-BndkPiTX.js","/assets/index-Bygn69Ii.js","/assets/index-C05Mn_Gd.css","/assets/index-CZ3XCbX8.js","/assets/index-D2hZ8Uq_.js","/assets/index-DczBbArc.js","/assets/index-EdopQUU9.js","/assets/index-a0JyeNMm.js","/assets/index-qSJhY2I8.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-DOSuLWbn.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-Dd183SjY.js","/assets/people-DG5BpgT3.js","/assets/pictures-CFrUSlqN.js","/assets/places-BGPGlOHl.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-ufOviKyv.js","/assets/shapes-ChVLXKxF.js","/assets/store-BRPpeRt9.js","/assets/text-BNTs4fh9.css","/assets/text-DHuX_BkE.js","/assets/text-DTg8juwr.js","/assets/versions-CdYuREpB.css","/assets/versions-DOdmSAMT.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-ca3600589c7c'
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
