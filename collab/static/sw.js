// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-i7rYFjI8.js","/assets/board-BUqtt1q3.js","/assets/board-E_2fQ1sF.css","/assets/changes-DnZO1yMa.js","/assets/code-B04zINPK.css","/assets/code-B6AvHmaK.js","/assets/document-BrINt5Tr.js","/assets/document-Cq7k9Po2.css","/assets/export-CBTN06CF.js","/assets/home-C7K0RuXG.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-umXW_nr3.js","/assets/index-B0SSYJ82.js","/assets/index-BA5N5LUo.js","/assets/index-BgxHwkxW.js","/assets/index-Bi0KPa2X.js","/assets/index-C5AG_-8n.js","/assets/index-C6-_8sg9.js","/assets/index-CtnR9-q2.css","/assets/index-DJdJrkhN.js","/assets/index-DK6c-Dph.js","/assets/index-DM1lj0cS.js","/assets/index-DZB6Z_wS.js","/assets/index-Vcq4gwWv.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-QOVgu6IS.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-BgBFNnCf.js","/assets/location-Bnsyi1mA.js","/assets/markdown-De0xjZ69.js","/assets/paint--dLpv-SS.js","/assets/panel-vV6xdvki.js","/assets/pasting-DDQzcd6_.js","/assets/preview-Do7yfhvL.js","/assets/preview-gnrHiH_M.css","/assets/signIn-uNJivBo9.js","/assets/store-BDk8svDq.js","/assets/text-C17Mgc6H.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CxP-ITsJ.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-8cefdd87eb92'
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
