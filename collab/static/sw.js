// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-X982HorW.js","/assets/board-BJ4m0yxW.js","/assets/board-E_2fQ1sF.css","/assets/changes-CaL-vwMU.js","/assets/code-4nwXQaP4.js","/assets/code-B04zINPK.css","/assets/document-C_dj5lLS.css","/assets/document-k0RF9H5q.js","/assets/export-CzxI0aUT.js","/assets/home-C0IgZL0s.js","/assets/home-Cfh4MqIz.css","/assets/index--FWguqYN.js","/assets/index-5uv3efvK.js","/assets/index-AIg93o7M.js","/assets/index-C-76gzrE.js","/assets/index-C07t0lsj.js","/assets/index-ClTZ-HpW.js","/assets/index-CqZLuD0_.js","/assets/index-CtnR9-q2.css","/assets/index-CuS8O5Vq.js","/assets/index-Ok4y9CGM.js","/assets/index-Vcq4gwWv.js","/assets/index-z-sWrpln.js","/assets/inspector-BxPBPag_.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-tek8Kemf.js","/assets/location-DVEyQ9Q4.js","/assets/markdown-Pf4K9qTh.js","/assets/paint-B8IY0d5_.js","/assets/pasting-Cs8iwfA6.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-Bm52J1Pi.css","/assets/preview-Cp-vwwdv.js","/assets/signIn-ddRsPGoe.js","/assets/store-DN3iP2LZ.js","/assets/text-Cx1yFcjn.css","/assets/text-DCis_Qo-.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-DgYeZNod.js","/icon.svg","/theme.js"]
const CACHE = 'collab-0c1c61e0cd29'
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
