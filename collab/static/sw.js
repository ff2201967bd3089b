// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-DK9sGvfU.css","/assets/bell-DbbHFV1g.js","/assets/board-CQ-pk5TC.css","/assets/board-Dw1d0yu8.js","/assets/changes-CTezjR6Z.js","/assets/code-B04zINPK.css","/assets/code-C7UynU5Q.js","/assets/document-CA32sBEc.css","/assets/document-CNi8QUTv.js","/assets/export-DXYKPXnn.js","/assets/home-BZGfyRwA.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BrEbyues.css","/assets/inbox-COSQjU_7.js","/assets/index-BNDTN-L-.js","/assets/index-BdEgf1hf.js","/assets/index-Bfsdo37r.js","/assets/index-BrM5eeFo.js","/assets/index-CFpmURih.js","/assets/index-CtgE_3-W.css","/assets/index-D6pUNvcw.js","/assets/index-DImKt2NB.js","/assets/index-DT8BO_Ij.js","/assets/index-Vcq4gwWv.js","/assets/index-a8Txy7bT.js","/assets/index-fyJW-X4r.js","/assets/inspector-B-yo1yyk.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-BDtVldVr.js","/assets/location-Bnsyi1mA.js","/assets/markdown-Dhl1QFUP.js","/assets/paint-D7r1X4lR.js","/assets/panel-ByGy2H4C.js","/assets/pasting-De0an-H3.js","/assets/preview-DDlWFyvp.js","/assets/preview-gnrHiH_M.css","/assets/signIn-mh6_g-KF.js","/assets/store-DkpfMcxX.js","/assets/text-Cx1yFcjn.css","/assets/text-DG5qzlAc.js","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-DbAxqq_X.js","/icon.svg","/theme.js"]
const CACHE = 'collab-bd72c20c4865'
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
