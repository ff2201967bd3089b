// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-BAK0OYge.js","/assets/bell-DK9sGvfU.css","/assets/board-E_2fQ1sF.css","/assets/board-qJBYAoC4.js","/assets/changes-Bq89SFQq.js","/assets/code-B04zINPK.css","/assets/code-DtVMgp3m.js","/assets/document-CIXsfBRl.css","/assets/document-jGUczmXL.js","/assets/export-B7Sg7PlD.js","/assets/home-BKwubRl6.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BGqLv_aJ.js","/assets/inbox-BrEbyues.css","/assets/index-BCUg1Qru.js","/assets/index-Bk8XbWDq.js","/assets/index-C-chu3Hq.js","/assets/index-C1841A7_.js","/assets/index-C85xYqw-.js","/assets/index-Cg8eyaVe.js","/assets/index-CtnR9-q2.css","/assets/index-DFzb_eAw.js","/assets/index-DNheyAgb.js","/assets/index-DV92G303.js","/assets/index-VcFMmVEi.js","/assets/index-Vcq4gwWv.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-CtRQqkIP.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-Bax3apeT.js","/assets/location-Bnsyi1mA.js","/assets/markdown-B-dVB3q8.js","/assets/paint-BZhmGuYH.js","/assets/panel-BCnsq-q8.js","/assets/panel-CHSKXMSH.css","/assets/pasting-DDQzcd6_.js","/assets/preview-Bm52J1Pi.css","/assets/preview-DRR6SlD7.js","/assets/signIn-uNJivBo9.js","/assets/store-DgYndmhC.js","/assets/text-CbHAidvH.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-2suRAMVT.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-ffc5c8f0a2e7'
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
