// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-BJoM98lC.css","/assets/board-gVVMNMCB.js","/assets/code-DsB2szY0.css","/assets/code-e4wvgoau.js","/assets/dist-Bz69quJU.js","/assets/dist-CJXxEXSM.js","/assets/dist-CVmC7Ovz.js","/assets/dist-DF8AXWDw.js","/assets/dist-DIs3EZY4.js","/assets/dist-DLYHys-0.js","/assets/dist-DvXweQvP.js","/assets/dist-rop4m583.js","/assets/document-DxJW9-YQ.css","/assets/document-qhDTynmJ.js","/assets/export-BdXMt26L.js","/assets/home-CGxs2_tA.css","/assets/home-Cnf_M6gO.js","/assets/index-CEAWVptr.js","/assets/index-CigTFxtP.js","/assets/index-uKGrzBP9.css","/assets/inspector-CwJyIiGs.js","/assets/inspector-D5U6_XyR.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/people-Cghgsrhp.js","/assets/pictures-DI7vu5Fe.js","/assets/places-DNywWC2-.js","/assets/preload-helper-CVfkMyKi.js","/assets/shapes-ttt4OVB_.js","/assets/store-BIlfP1rb.js","/assets/text-B_jU6-zG.js","/assets/text-V8AV_L3-.css","/assets/versions-Dcp2wNn7.css","/assets/versions-jh5BjCTI.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-14a989a38390'
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
