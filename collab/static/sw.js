// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-ChmBpbK6.js","/assets/bell-DK9sGvfU.css","/assets/board-CQ-pk5TC.css","/assets/board-vBu1NkPL.js","/assets/changes-BSIIJz-L.js","/assets/code-B04zINPK.css","/assets/code-C-hUPmUZ.js","/assets/document-BDHsaGz9.js","/assets/document-CA32sBEc.css","/assets/export-B06smkrq.js","/assets/home-BV-IGSdx.js","/assets/home-Cfh4MqIz.css","/assets/inbox-BRd9x3NQ.js","/assets/inbox-BrEbyues.css","/assets/index-BZKTlm3b.js","/assets/index-BmcDXZtN.js","/assets/index-CEv-_9dp.js","/assets/index-CXZpwu7G.js","/assets/index-CtG-a3OM.js","/assets/index-CtgE_3-W.css","/assets/index-D7K1OAY2.js","/assets/index-DFL2pCpf.js","/assets/index-DaLrFCaH.js","/assets/index-PLaHwRoG.js","/assets/index-Vcq4gwWv.js","/assets/index-p-nFQhPE.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-gBaG7XTc.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-DwEQ_yJm.js","/assets/location-Bnsyi1mA.js","/assets/markdown-DDHDbWzP.js","/assets/paint-BN5tLA8_.js","/assets/panel-CMQHucAC.js","/assets/pasting-C9RZ6fCt.js","/assets/preview-B7hdxry4.js","/assets/preview-gnrHiH_M.css","/assets/signIn-Dwm7GWlZ.js","/assets/store-Ce5hnRk1.js","/assets/text-Cx1yFcjn.css","/assets/text-DPzCW6CU.js","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-hEyrMaji.js","/icon.svg","/theme.js"]
const CACHE = 'collab-ddf693cf3738'
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
