// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-BB0AZCJf.js","/assets/bell-DK9sGvfU.css","/assets/board-DehqHVOk.js","/assets/board-E_2fQ1sF.css","/assets/changes-DkgJBzS8.js","/assets/code-79KuRLtF.js","/assets/code-B04zINPK.css","/assets/document-C8AkdX4D.js","/assets/document-CIXsfBRl.css","/assets/export-D55E8jMy.js","/assets/home-CJ14kaik.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-ishn42cG.js","/assets/index-Bu86P9jk.js","/assets/index-CK2c6TLU.js","/assets/index-CtnR9-q2.css","/assets/index-D3CMsQZg.js","/assets/index-DON_8uCn.js","/assets/index-De_AK1Tb.js","/assets/index-DowppdP4.js","/assets/index-Vcq4gwWv.js","/assets/index-ajLvMm6R.js","/assets/index-bgXt0ytx.js","/assets/index-nuK9u4Hz.js","/assets/index-oyhOoEuY.js","/assets/inspector-BEe1WExA.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-sRZfrZZ_.js","/assets/location-Bnsyi1mA.js","/assets/markdown-s0GyydRf.js","/assets/paint-BOuav81j.js","/assets/panel-CHSKXMSH.css","/assets/panel-Drx1bQuA.js","/assets/pasting-DDQzcd6_.js","/assets/preview-D38sllCK.js","/assets/preview-gnrHiH_M.css","/assets/signIn-uNJivBo9.js","/assets/store-BPXRe1cj.js","/assets/text-Cx1yFcjn.css","/assets/text-wxHP4x5B.js","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-Be95aWV0.js","/assets/versions-CyW0YKoR.css","/icon.svg","/theme.js"]
const CACHE = 'collab-988d0986d765'
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
