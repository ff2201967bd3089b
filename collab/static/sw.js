// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-BzGD2GPj.js","/assets/bell-DK9sGvfU.css","/assets/board-CQ-pk5TC.css","/assets/board-K9qQHa4n.js","/assets/changes-dALGSlA9.js","/assets/code-B04zINPK.css","/assets/code-BwMRLQS8.js","/assets/document-CA32sBEc.css","/assets/document-VU-d6OHF.js","/assets/export-BdVOP7E8.js","/assets/home-C0V0ukPo.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BB510l1t.js","/assets/inbox-BrEbyues.css","/assets/index-B01JS-hH.js","/assets/index-BAOvZKRP.js","/assets/index-ByTMVp_-.js","/assets/index-CWBABcoF.js","/assets/index-CkF3VY0u.js","/assets/index-CtgE_3-W.css","/assets/index-DAjoyfYT.js","/assets/index-DLyUFr3S.js","/assets/index-DSGSEZGp.js","/assets/index-DT008tFc.js","/assets/index-KohDNq1Q.js","/assets/index-Vcq4gwWv.js","/assets/inspector-BytdoEiM.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-CKCQACl-.js","/assets/location-Bnsyi1mA.js","/assets/markdown-E4g3gVFn.js","/assets/paint-OjoguZmm.js","/assets/panel-itET3EQL.js","/assets/pasting-Do81EkEm.js","/assets/preview-DCTr4whr.js","/assets/preview-gnrHiH_M.css","/assets/signIn-BSF9f5GX.js","/assets/store-BVtM7Gby.js","/assets/text-Cx1yFcjn.css","/assets/text-N5WLyBhm.js","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-BsNfmEGK.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-c732ba0b3fa7'
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

// Of pages that cannot show notifications themselves.
self.addEventListener('notificationclick', (event) => {
  const { notification } = event
  notification.close()
  event.waitUntil(
    self.clients.matchAll({ type: 'window' }).then(([page]) => (page === undefined ? self.clients.openWindow(notification.data) : page.focus().then(() => page.navigate(notification.data)))),
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
