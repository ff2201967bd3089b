// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-CZp91u-8.js","/assets/bell-B_IFQx28.js","/assets/bell-DK9sGvfU.css","/assets/board-Cp9fsDv1.css","/assets/board-TIdN1AF8.js","/assets/changes-BRLyeZUZ.js","/assets/code-1sjAdom9.js","/assets/code-B04zINPK.css","/assets/document-DL9snS7a.js","/assets/document-Sk_sBUCK.css","/assets/export-BVT1luaS.js","/assets/home-AjgE5TE2.js","/assets/home-Cfh4MqIz.css","/assets/inbox-Bc0nCqBl.js","/assets/inbox-BrEbyues.css","/assets/index-Bbb7-9Jj.js","/assets/index-CHEQSy5f.js","/assets/index-COnpgi1K.js","/assets/index-CY0kO-BE.js","/assets/index-CtnR9-q2.css","/assets/index-DAIa1mHO.js","/assets/index-DfZ3OlY2.js","/assets/index-DsXJsEFz.js","/assets/index-Dw0QMHQC.js","/assets/index-J9MMX7d6.js","/assets/index-eXk9A8PA.js","/assets/inspector-BK5L-w8a.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-DieNeLYY.js","/assets/location-Bnsyi1mA.js","/assets/markdown-BkPYwLrM.js","/assets/paint-C0b5PDWH.js","/assets/panel-CQmwNdG2.js","/assets/pasting-KB_e80eP.js","/assets/preview-CGqbxjwl.js","/assets/preview-gnrHiH_M.css","/assets/saveFile-CNGuTyKk.js","/assets/signIn-D_cZ0mDb.js","/assets/store-BwRJO6li.js","/assets/text-CF_jXv9Z.js","/assets/text-Cx1yFcjn.css","/assets/trash-BveoQv_I.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-CyccJEEs.js","/icon.svg","/theme.js"]
const CACHE = 'collab-1fc414498388'
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
