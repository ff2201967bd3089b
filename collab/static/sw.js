// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-i7rYFjI8.js","/assets/board-BC668ijU.css","/assets/board-Csc5aeYC.js","/assets/changes-odfGSbRi.js","/assets/code-B04zINPK.css","/assets/code-DG1_Ep3o.js","/assets/document-Cq7k9Po2.css","/assets/document-DHaUIIB4.js","/assets/export-DUN1iij6.js","/assets/home-C7K0RuXG.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-umXW_nr3.js","/assets/index--fM3Js6U.js","/assets/index-CFMTc0iI.js","/assets/index-CWLc8Kq_.js","/assets/index-CrXKjr9u.js","/assets/index-Csez6Frz.js","/assets/index-CtnR9-q2.css","/assets/index-Dh2z3QAp.js","/assets/index-DiYzrL_4.js","/assets/index-Dtk7UOcb.js","/assets/index-F4eIDpHX.js","/assets/index-Vcq4gwWv.js","/assets/index-Wq54_dYB.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-eun9NTBH.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-O5i50LlH.js","/assets/location-Bnsyi1mA.js","/assets/markdown-k1Xjuk6U.js","/assets/paint-BF6uB8Jk.js","/assets/panel-vV6xdvki.js","/assets/pasting-DDQzcd6_.js","/assets/preview-DYV9TVbz.js","/assets/preview-gnrHiH_M.css","/assets/signIn-uNJivBo9.js","/assets/store-DPt-KBjw.js","/assets/text-CYyCmc64.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-C8XUUbE6.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-44997cc94017'
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
