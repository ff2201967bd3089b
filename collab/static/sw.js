// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-BB0AZCJf.js","/assets/bell-DK9sGvfU.css","/assets/board-BjDI4Zfn.js","/assets/board-E_2fQ1sF.css","/assets/changes-BErXr2vg.js","/assets/code-B04zINPK.css","/assets/code-DsxoUmLw.js","/assets/document-CIXsfBRl.css","/assets/document-CrcDpSGH.js","/assets/export-C3afddhj.js","/assets/home-CJ14kaik.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-ishn42cG.js","/assets/index-4NgznFqs.js","/assets/index-BNxMgT94.js","/assets/index-Bt3aP_XC.js","/assets/index-C9ayNzEu.js","/assets/index-ClAhSZB3.js","/assets/index-CtnR9-q2.css","/assets/index-DJetvggY.js","/assets/index-Vcq4gwWv.js","/assets/index-Vv-m3huZ.js","/assets/index-iN7P2NXU.js","/assets/index-u363Y0kV.js","/assets/index-wQ3xmy47.js","/assets/inspector--znp-T2f.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-BV_iad8M.js","/assets/location-Bnsyi1mA.js","/assets/markdown-Ctw9QJNo.js","/assets/paint-DB8AqgRr.js","/assets/panel-CHSKXMSH.css","/assets/panel-Drx1bQuA.js","/assets/pasting-DDQzcd6_.js","/assets/preview-Bm52J1Pi.css","/assets/preview-DaFn1k6u.js","/assets/signIn-uNJivBo9.js","/assets/store-CGIp8Xpg.js","/assets/text-BTP4Nk-W.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-BsJZQJ2u.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-b24b66555c7e'
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
