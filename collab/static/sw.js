// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-BzGD2GPj.js","/assets/bell-DK9sGvfU.css","/assets/board-CQ-pk5TC.css","/assets/board-D5mfWzr3.js","/assets/changes-Bg_5CEeK.js","/assets/code-B04zINPK.css","/assets/code-BZqTkIqO.js","/assets/document-C-Ne5koZ.js","/assets/document-CA32sBEc.css","/assets/export-Bs9dbSTy.js","/assets/home-C0V0ukPo.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BB510l1t.js","/assets/inbox-BrEbyues.css","/assets/index-BLP_acVa.js","/assets/index-BfoF3M9r.js","/assets/index-CslgOSA_.js","/assets/index-CtgE_3-W.css","/assets/index-DLMGgj6v.js","/assets/index-DbxajP1y.js","/assets/index-DcRpA11_.js","/assets/index-Dtv9SinB.js","/assets/index-GTXF2E3w.js","/assets/index-Vcq4gwWv.js","/assets/index-m1oEFYWK.js","/assets/index-sGJYw9gA.js","/assets/inspector-BfeAJa18.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-l5PTdXIj.js","/assets/location-Bnsyi1mA.js","/assets/markdown-CQdg8wle.js","/assets/paint-BOLTVcFO.js","/assets/panel-itET3EQL.js","/assets/pasting-Czpjh0ON.js","/assets/preview-Cpk6PkCR.js","/assets/preview-gnrHiH_M.css","/assets/signIn-BSF9f5GX.js","/assets/store-B4IZIjrw.js","/assets/text-C9fahmi7.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-Cl27Qj8G.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-6bb300a376b4'
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
