// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-DXQtxKhR.js","/assets/code-DOe2wXQW.js","/assets/code-DsB2szY0.css","/assets/document-3F0LdBDC.js","/assets/document-CsTrI8ey.css","/assets/export-BlGdHQfG.js","/assets/home-CtADORp4.css","/assets/home-bszsSbJS.js","/assets/index-BTYU9fHQ.js","/assets/index-BstoBUdd.js","/assets/index-C05Mn_Gd.css","/assets/index-CCvPWmk2.js","/assets/index-CWd-j0ht.js","/assets/index-Cqew0gjx.js","/assets/index-Ctc8N5LV.js","/assets/index-D6eDPKC-.js","/assets/index-DXGoVKZk.js","/assets/index-DaAiE4dO.js","/assets/index-bTp_T6gx.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-ZoIf-AmD.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-BSaWmENG.js","/assets/people-DG5BpgT3.js","/assets/pictures-CFrUSlqN.js","/assets/places-C75G2cGf.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-ufOviKyv.js","/assets/shapes-CrLBFjfD.js","/assets/store-BWPLro_v.js","/assets/text-BNTs4fh9.css","/assets/text-DTg8juwr.js","/assets/text-kqMkI_TH.js","/assets/versions-CdYuREpB.css","/assets/versions-D3BHTFkz.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-aff58fd4d904'
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
