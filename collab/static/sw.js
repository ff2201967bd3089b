// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-ChgAcZ4w.js","/assets/code-DjOYlObl.js","/assets/code-DsB2szY0.css","/assets/document-C0XVELD2.js","/assets/document-C7xlm-GZ.css","/assets/export-lhrtN0aM.js","/assets/home-B8l4aNvo.js","/assets/home-BDsoanoc.css","/assets/index-BFkXa5I4.js","/assets/index-BUPkw1XP.js","/assets/index-CFHwR4_x.js","/assets/index-DJSQzkL7.js","/assets/index-Ddc10YoQ.js","/assets/index-DlYcAgeD.css","/assets/index-DmEol_qk.js","/assets/index-DyyI6O1x.js","/assets/index-eT9vBiEE.js","/assets/index-j6u5N4DM.js","/assets/index-k6QVt6mG.js","/assets/inspector-61BNmA_3.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-ClXG6WSZ.js","/assets/people-DG5BpgT3.js","/assets/pictures-CFrUSlqN.js","/assets/places-BlpHJGHO.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-ufOviKyv.js","/assets/shapes-DgE9vKdx.js","/assets/store-5yLig_J9.js","/assets/text-BNTs4fh9.css","/assets/text-DTg8juwr.js","/assets/text-RfTMYDTV.js","/assets/versions-CdYuREpB.css","/assets/versions-DFAcKj8I.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-dcbda055f115'
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
