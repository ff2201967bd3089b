// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-pT6q5nIP.js","/assets/board-CQ-pk5TC.css","/assets/board-eXMUTpq0.js","/assets/changes-KFkDtv62.js","/assets/code-B04zINPK.css","/assets/code-Dv2mjSsn.js","/assets/document-BfoQaVN9.js","/assets/document-CA32sBEc.css","/assets/export-CFcqHuCg.js","/assets/home-CIBrJksl.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-DqYb70qv.js","/assets/index-7IJLGbq1.js","/assets/index-B0B_tDcu.js","/assets/index-BotB7Xr2.js","/assets/index-CXvL0XKO.js","/assets/index-CtgE_3-W.css","/assets/index-CwXenDw8.js","/assets/index-DZ8K9fwj.js","/assets/index-Dg1HACdv.js","/assets/index-DhYGHKWL.js","/assets/index-JYWIvV-U.js","/assets/index-Vcq4gwWv.js","/assets/index-ulGKH-WT.js","/assets/inspector-BsZ70rsZ.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-CGQz6qdj.js","/assets/location-Bnsyi1mA.js","/assets/markdown-6PBKCNKu.js","/assets/paint-BIHeu0oN.js","/assets/panel-D1933xx_.js","/assets/pasting-C9RZ6fCt.js","/assets/preview-DOW7LhLZ.js","/assets/preview-gnrHiH_M.css","/assets/signIn-Dwm7GWlZ.js","/assets/store-Bjtsc27k.js","/assets/text-Cl4pPkO5.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-B2Z5_O_Z.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-94b6836cc945'
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
