// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-DDilR8Of.js","/assets/code-DsB2szY0.css","/assets/code-QnRCNud0.js","/assets/document-C7xlm-GZ.css","/assets/document-CdXvJEgF.js","/assets/export-B1JXp6aC.js","/assets/home-B8l4aNvo.js","/assets/home-BDsoanoc.css","/assets/index-BOza2fJP.js","/assets/index-CXXA2zeY.js","/assets/index-CahyTd4t.js","/assets/index-D3Wxw1n_.js","/assets/index-DGr-1DCA.js","/assets/index-DHx3QoY-.js","/assets/index-DaP-9oJj.js","/assets/index-DdlLtoQS.js","/assets/index-DlYcAgeD.css","/assets/index-DvfcyrB8.js","/assets/index-gTD8zwHS.js","/assets/inspector-6mqsAZZS.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-CpIqjvpG.js","/assets/people-DG5BpgT3.js","/assets/pictures-CFrUSlqN.js","/assets/places-BKtsyfYT.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-ufOviKyv.js","/assets/shapes-B7a0Vgal.js","/assets/store-BAFKohT8.js","/assets/text-BNTs4fh9.css","/assets/text-Cb7lxx7C.js","/assets/text-DTg8juwr.js","/assets/versions-CdYuREpB.css","/assets/versions-IVBZ6S63.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-2cb6e19365a2'
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
