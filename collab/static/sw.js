// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-pT6q5nIP.js","/assets/board-CQ-pk5TC.css","/assets/board-DhUPVwpR.js","/assets/changes-Dby7-3cJ.js","/assets/code-B04zINPK.css","/assets/code-DMRespro.js","/assets/document-Bbz03SIF.js","/assets/document-CA32sBEc.css","/assets/export-Z_a9dxhP.js","/assets/home-CIBrJksl.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-DqYb70qv.js","/assets/index-B27UgTsa.js","/assets/index-BBQsTdvc.js","/assets/index-BC0jIu0Z.js","/assets/index-BXFDc6FK.js","/assets/index-CLjyK6GD.js","/assets/index-CfkPTj53.js","/assets/index-CtgE_3-W.css","/assets/index-Cu-17tZD.js","/assets/index-CwlnZ1om.js","/assets/index-T0-efLGh.js","/assets/index-Vcq4gwWv.js","/assets/index-c9z0Ckut.js","/assets/inspector-BvKUnWYY.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-D80hJoXZ.js","/assets/location-Bnsyi1mA.js","/assets/markdown-B_IknrCk.js","/assets/paint-DWp77Z5Z.js","/assets/panel-D1933xx_.js","/assets/pasting-C9RZ6fCt.js","/assets/preview-Cwq61W83.js","/assets/preview-gnrHiH_M.css","/assets/signIn-Dwm7GWlZ.js","/assets/store-Dr9hrSzV.js","/assets/text-Cx1yFcjn.css","/assets/text-avjaPYCl.js","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-Cr0lBjZ5.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-546c5638fceb'
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
