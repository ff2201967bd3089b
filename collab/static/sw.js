// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-ChmBpbK6.js","/assets/bell-DK9sGvfU.css","/assets/board-Bfp4eArM.js","/assets/board-CQ-pk5TC.css","/assets/changes-CrK8n6ZM.js","/assets/code-B04zINPK.css","/assets/code-Bo0l6cyy.js","/assets/document-CA32sBEc.css","/assets/document-DjlXJ7Cu.js","/assets/export-BLaCGZdQ.js","/assets/home-BV-IGSdx.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BRd9x3NQ.js","/assets/inbox-BrEbyues.css","/assets/index-AxAyY0yn.js","/assets/index-BBabuXPK.js","/assets/index-C6IvJLgM.js","/assets/index-CIV4J3dV.js","/assets/index-Clz8fsSB.js","/assets/index-CtgE_3-W.css","/assets/index-DbfTQlG1.js","/assets/index-DeHWBJwv.js","/assets/index-DtJ9K2I5.js","/assets/index-Du6fbRO9.js","/assets/index-Vcq4gwWv.js","/assets/index-pTOg2l8Y.js","/assets/inspector-CHCbsqyG.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-4pwYCWCT.js","/assets/location-Bnsyi1mA.js","/assets/markdown-DQrANusC.js","/assets/paint-jWvWA50q.js","/assets/panel-CMQHucAC.js","/assets/pasting-C9RZ6fCt.js","/assets/preview-DpRrnNr2.js","/assets/preview-gnrHiH_M.css","/assets/signIn-Dwm7GWlZ.js","/assets/store-DayaMx76.js","/assets/text-CBjfL5XX.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-DV6FEYmd.js","/icon.svg","/theme.js"]
const CACHE = 'collab-09f56b8fb735'
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
