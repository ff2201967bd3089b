// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-BntJM6lV.js","/assets/code-0GX0m_F5.js","/assets/code-DsB2szY0.css","/assets/document-C7xlm-GZ.css","/assets/document-FEy2CzE5.js","/assets/export-6b3W88T6.js","/assets/home-B8l4aNvo.js","/assets/home-BDsoanoc.css","/assets/index-9_wj3UE6.js","/assets/index-BQqhcVZm.js","/assets/index-Bb56XbfP.js","/assets/index-CCxi9bwR.js","/assets/index-CE0P6ffG.js","/assets/index-CjmcyREt.js","/assets/index-CrwuMwcu.js","/assets/index-CyO8z36x.js","/assets/index-DlYcAgeD.css","/assets/index-PhHFuI8l.js","/assets/index-ycbpn34S.js","/assets/inspector-BVwXRXjg.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-BqMmowYl.js","/assets/people-DG5BpgT3.js","/assets/pictures-CFrUSlqN.js","/assets/places-BuSmxbE4.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-ufOviKyv.js","/assets/shapes-nPrLjbiX.js","/assets/store-BtLTafsH.js","/assets/text-BNTs4fh9.css","/assets/text-CvyhwiV9.js","/assets/text-DTg8juwr.js","/assets/versions-CGHnL6R7.js","/assets/versions-CdYuREpB.css","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-19c2ae238e36'
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
