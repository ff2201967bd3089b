// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-wqmSI08R.js","/assets/board-B54dvGfs.js","/assets/board-E_2fQ1sF.css","/assets/changes-C-DA3jEa.js","/assets/code-2ciSM34S.js","/assets/code-B04zINPK.css","/assets/document-BWswhfg6.js","/assets/document-CIXsfBRl.css","/assets/export-B44aArcg.js","/assets/home-Cd4JXSus.js","/assets/home-Cfh4MqIz.css","/assets/inbox--_CssotQ.js","/assets/inbox-BrEbyues.css","/assets/index-8ADLNIyc.js","/assets/index-BMkWP1t_.js","/assets/index-BiBMVNWM.js","/assets/index-BoLT9rcO.js","/assets/index-BtJ5be9f.js","/assets/index-BzGkERP5.js","/assets/index-CtnR9-q2.css","/assets/index-D2mI-XCG.js","/assets/index-DJxSNxkW.js","/assets/index-Vcq4gwWv.js","/assets/index-ZxnYuWZB.js","/assets/index-yiq-7lYo.js","/assets/inspector-C9EVY3iH.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-DPDQ32C-.js","/assets/location-Bnsyi1mA.js","/assets/markdown-Uynkogt0.js","/assets/paint-CRWjypwg.js","/assets/panel-CHSKXMSH.css","/assets/panel-GVaN3_hi.js","/assets/pasting-DDQzcd6_.js","/assets/preview-Bm52J1Pi.css","/assets/preview-CGDFSKuV.js","/assets/signIn-uNJivBo9.js","/assets/store-RqnW00p9.js","/assets/text-CCC4pR9t.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-BVKGdCwR.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-45ff9e0a35a8'
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
