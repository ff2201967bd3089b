// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-B_IFQx28.js","/assets/bell-DK9sGvfU.css","/assets/board-D7a6m-5M.css","/assets/board-DXuFqggz.js","/assets/changes-m0VJzn_D.js","/assets/code-B04zINPK.css","/assets/code-CQcsUCIS.js","/assets/document-BNlrxFcR.js","/assets/document-Dv_X5zPB.css","/assets/export-BoGPdiCn.js","/assets/home-AjgE5TE2.js","/assets/home-Cfh4MqIz.css","/assets/inbox-Bc0nCqBl.js","/assets/inbox-BrEbyues.css","/assets/index-8_pIUNUz.js","/assets/index-B4Hfwrzj.js","/assets/index-BAv5EOVg.js","/assets/index-BuTLj7QD.js","/assets/index-CdyBhX0t.js","/assets/index-CtnR9-q2.css","/assets/index-Dmysbka3.js","/assets/index-J9pBIm0X.js","/assets/index-NjeKWu4f.js","/assets/index-PvAxoMl2.js","/assets/index-SkdNLiNa.js","/assets/inspector-CbCDdKJ4.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout--OFsDcfK.js","/assets/location-Bnsyi1mA.js","/assets/markdown-DnALHCZX.js","/assets/paint-BQ2bjQCs.js","/assets/panel-CQmwNdG2.js","/assets/pasting-KB_e80eP.js","/assets/preview-Bcw31ooj.js","/assets/preview-gnrHiH_M.css","/assets/saveFile-CNGuTyKk.js","/assets/signIn-D_cZ0mDb.js","/assets/store-sehDq7s0.js","/assets/text-CRs64Mg3.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-D2MRuRu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-8b8199600542'
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
