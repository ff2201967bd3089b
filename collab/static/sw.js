// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-DbbHFV1g.js","/assets/board-Bxf0VlmN.js","/assets/board-CQ-pk5TC.css","/assets/changes-Cv4BM5kz.js","/assets/code-B04zINPK.css","/assets/code-BQDouVnl.js","/assets/document-BNzyQ2Gu.js","/assets/document-CA32sBEc.css","/assets/export-CjL02loT.js","/assets/home-BZGfyRwA.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-COSQjU_7.js","/assets/index-B5L3I7j_.js","/assets/index-BZZhbU2T.js","/assets/index-CUNulun7.js","/assets/index-ChJw_B63.js","/assets/index-CtgE_3-W.css","/assets/index-D5l6Ud1J.js","/assets/index-DBhFqUDr.js","/assets/index-DV3ycsJe.js","/assets/index-Di8yy-xr.js","/assets/index-Vcq4gwWv.js","/assets/index-Y4ZP8_M8.js","/assets/index-kaZzNJip.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-DTpJv2dM.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-ycz9gMLv.js","/assets/location-Bnsyi1mA.js","/assets/markdown-CNPZfkml.js","/assets/paint-j2K61nSK.js","/assets/panel-ByGy2H4C.js","/assets/pasting-mjh6Ncna.js","/assets/preview-D0rGXQo5.js","/assets/preview-gnrHiH_M.css","/assets/signIn-mh6_g-KF.js","/assets/store-Dx6vsE6T.js","/assets/text-Cx1yFcjn.css","/assets/text-u8EPNb8p.js","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-mXSMXayR.js","/icon.svg","/theme.js"]
const CACHE = 'collab-59df26cf0987'
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
