// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-LUPlMX8k.js","/assets/code-CdeOraKB.js","/assets/code-DsB2szY0.css","/assets/document-C7xlm-GZ.css","/assets/document-D3LOWzXL.js","/assets/export-D1Qpevjn.js","/assets/home-BDsoanoc.css","/assets/home-DpxWuv7s.js","/assets/index-6QzSWfRv.js","/assets/index-B5ieY17U.js","/assets/index-BGkOxhgi.js","/assets/index-CCVc9pud.js","/assets/index-DlYcAgeD.css","/assets/index-Dq-o209C.js","/assets/index-DszLF_Oh.js","/assets/index-DxhTPyzO.js","/assets/index-cHyVadVV.js","/assets/index-u6XLuyCl.js","/assets/index-xOnysznG.js","/assets/inspector-B0FaSvuR.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-DXFynbYB.js","/assets/people-DEMUMEJU.js","/assets/pictures-CFrUSlqN.js","/assets/places-D2i8kIRJ.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-mwDAfKii.js","/assets/shapes-CcgLHg-X.js","/assets/store-9R7BeTR_.js","/assets/text-BNTs4fh9.css","/assets/text-DTg8juwr.js","/assets/text-DqP_x8s6.js","/assets/versions-BVsBHu0l.js","/assets/versions-CdYuREpB.css","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-19af29372622'
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
