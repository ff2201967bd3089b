// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-B_IFQx28.js","/assets/bell-DK9sGvfU.css","/assets/board-B_fhH9NQ.js","/assets/board-CQ-pk5TC.css","/assets/changes-Dn7Nyw_P.js","/assets/code-B04zINPK.css","/assets/code-BY7MrVX-.js","/assets/document-CA32sBEc.css","/assets/document-CkUSIYX2.js","/assets/export-dJWeNqBl.js","/assets/home-AjgE5TE2.js","/assets/home-Cfh4MqIz.css","/assets/inbox-Bc0nCqBl.js","/assets/inbox-BrEbyues.css","/assets/index-BKK-q0oA.js","/assets/index-Be53MFTY.js","/assets/index-CLX-ndz3.js","/assets/index-CtgE_3-W.css","/assets/index-D3j5JFXq.js","/assets/index-DO4R6Z3p.js","/assets/index-DcSNF54R.js","/assets/index-Dea0zxXF.js","/assets/index-DojXIqLa.js","/assets/index-DvqreV2g.js","/assets/index-EB7pk8Mt.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-DpXiNgmk.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-DX6T0XUs.js","/assets/location-Bnsyi1mA.js","/assets/markdown-BHAwOgsJ.js","/assets/paint-DhFNMF6j.js","/assets/panel-CQmwNdG2.js","/assets/pasting-KB_e80eP.js","/assets/preview-BZq7FzbM.js","/assets/preview-gnrHiH_M.css","/assets/saveFile-CNGuTyKk.js","/assets/signIn-D_cZ0mDb.js","/assets/store-BF39Mb5s.js","/assets/text-ByWun6sA.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CCl94TVG.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-b07134b9d087'
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
