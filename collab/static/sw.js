// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-B_IFQx28.js","/assets/bell-DK9sGvfU.css","/assets/board-CHjU9Hf_.js","/assets/board-CQ-pk5TC.css","/assets/changes-CwWNFSr_.js","/assets/code-B04zINPK.css","/assets/code-Bv_cY0WW.js","/assets/document-CA32sBEc.css","/assets/document-Cii59v2f.js","/assets/export-k4qqC2Pp.js","/assets/home-AjgE5TE2.js","/assets/home-Cfh4MqIz.css","/assets/inbox-Bc0nCqBl.js","/assets/inbox-BrEbyues.css","/assets/index-BEiSqwOG.js","/assets/index-BYea9RoG.js","/assets/index-BaVrg7i1.js","/assets/index-Bpw21iA1.js","/assets/index-ByLx7WI3.js","/assets/index-CZ16UN5i.js","/assets/index-CtgE_3-W.css","/assets/index-DdG275Z1.js","/assets/index-Dx0BOz3E.js","/assets/index-SYwBYuKE.js","/assets/index-Vcq4gwWv.js","/assets/index-g2r0Lyfv.js","/assets/inspector-99jm7Wgc.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-D0sfjs0y.js","/assets/location-Bnsyi1mA.js","/assets/markdown-DCcWI6ja.js","/assets/paint-D_yY1t_i.js","/assets/panel-CQmwNdG2.js","/assets/pasting-KB_e80eP.js","/assets/preview-CeRyd4ta.js","/assets/preview-gnrHiH_M.css","/assets/signIn-D_cZ0mDb.js","/assets/store-DY4un-PH.js","/assets/text-CSieNKjc.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-DRLO46td.js","/icon.svg","/theme.js"]
const CACHE = 'collab-761c6d94054e'
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
