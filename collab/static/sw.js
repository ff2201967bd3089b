// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-BJoM98lC.css","/assets/board-_GqUg_-k.js","/assets/code-B2JCaCAw.js","/assets/code-DsB2szY0.css","/assets/document-C7xlm-GZ.css","/assets/document-K8aDmOpM.js","/assets/export-Dm1X7sRN.js","/assets/home-BDsoanoc.css","/assets/home-DexAMOYy.js","/assets/index-8Fl8rtIu.js","/assets/index-BTPTY7_W.js","/assets/index-BsQkkYbv.js","/assets/index-CDA-H5Jx.js","/assets/index-CHOvQTh7.js","/assets/index-DLlDZYsM.js","/assets/index-Dg3n7oX0.js","/assets/index-DlYcAgeD.css","/assets/index-DliDuyTt.js","/assets/index-DmNR0N3H.js","/assets/index-DqUIXjkS.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-DfKykRkR.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-CD_9OwqA.js","/assets/people-BwCZepCK.js","/assets/pictures-CFrUSlqN.js","/assets/places-BvJfHr3q.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-Ddez4u_e.js","/assets/shapes-CWZXCiPS.js","/assets/store-D0lOe2lC.js","/assets/text-BNTs4fh9.css","/assets/text-Bu2YcGJs.js","/assets/text-DTg8juwr.js","/assets/versions-CdYuREpB.css","/assets/versions-CtJS0fH4.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-0bc2d0135fbb'
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
