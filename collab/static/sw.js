// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-X982HorW.js","/assets/board-BAgZ4VLe.js","/assets/board-E_2fQ1sF.css","/assets/changes-CBK-WNkp.js","/assets/code-30aNolpl.js","/assets/code-B04zINPK.css","/assets/document-05-sDIF3.css","/assets/document-TfsrZA90.js","/assets/export-Cdg1xHZ2.js","/assets/home-BevvAxWy.js","/assets/home-Cfh4MqIz.css","/assets/index-B1Zax1-i.js","/assets/index-B2MS2BWn.js","/assets/index-BIyKYVSX.js","/assets/index-BjPVstwR.js","/assets/index-By2aKD-k.js","/assets/index-CtnR9-q2.css","/assets/index-DQvNz4iX.js","/assets/index-DgYbzEI5.js","/assets/index-PuXaVNAK.js","/assets/index-Qy7X8Dx4.js","/assets/index-Vcq4gwWv.js","/assets/index-ahlmw5Qt.js","/assets/inspector-Buf8DvfW.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/layout-BEkrn8E7.js","/assets/location-DVEyQ9Q4.js","/assets/markdown-BVJ0FT60.js","/assets/paint-xLossHua.js","/assets/panel-CHSKXMSH.css","/assets/panel-D3Q0fTdz.js","/assets/pasting-CjZTRzJb.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-Bm52J1Pi.css","/assets/preview-CPkZpcpG.js","/assets/signIn-Ckk102pF.js","/assets/store-DeFDuGB0.js","/assets/text-Cx1yFcjn.css","/assets/text-CxGOrEZy.js","/assets/undo-2-BhlfcBkc.js","/assets/versions-CyW0YKoR.css","/assets/versions-tgVkTYPq.js","/icon.svg","/theme.js"]
const CACHE = 'collab-320817a9bb63'
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
