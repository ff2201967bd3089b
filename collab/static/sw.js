// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-BB0AZCJf.js","/assets/bell-DK9sGvfU.css","/assets/board-D0MDTTcK.js","/assets/board-E_2fQ1sF.css","/assets/changes-D5Dithn9.js","/assets/code-B04zINPK.css","/assets/code-CkQakNEa.js","/assets/document-Bfu-O4hh.js","/assets/document-CIXsfBRl.css","/assets/export-DjvsOW5Q.js","/assets/home-CJ14kaik.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-ishn42cG.js","/assets/index-B35WDUjI.js","/assets/index-BFnqmIVr.js","/assets/index-CAVBw3_2.js","/assets/index-Cb1R0gYr.js","/assets/index-Cdw-Wjj-.js","/assets/index-CtnR9-q2.css","/assets/index-CwXVeNwr.js","/assets/index-DXrh0k-q.js","/assets/index-DejjdNRp.js","/assets/index-DgLvAbcc.js","/assets/index-Dnqy7_rG.js","/assets/index-Vcq4gwWv.js","/assets/inspector-CcI6NWnq.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-FrmZ7PYD.js","/assets/location-Bnsyi1mA.js","/assets/markdown-DBWX1iKO.js","/assets/paint-D10rmSQD.js","/assets/panel-CHSKXMSH.css","/assets/panel-Drx1bQuA.js","/assets/pasting-DDQzcd6_.js","/assets/preview-B07PZP8o.js","/assets/preview-gnrHiH_M.css","/assets/signIn-uNJivBo9.js","/assets/store-n-yGjpu8.js","/assets/text-Cu-gt-sB.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-DTA8ssmb.js","/icon.svg","/theme.js"]
const CACHE = 'collab-84dbb4336781'
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
