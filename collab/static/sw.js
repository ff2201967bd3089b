// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/arrowKeys-C-Ie1OVr.js","/assets/board-BJuTq6-v.js","/assets/board-E_2fQ1sF.css","/assets/code-B04zINPK.css","/assets/code-DyaUkIyR.js","/assets/document-CD5uR7yZ.js","/assets/document-DntxcBGH.css","/assets/export-Dcgojzv7.js","/assets/home-Co_29TKf.js","/assets/home-CsQo0PJi.css","/assets/index-60B1_8je.js","/assets/index-B0lpGnZu.js","/assets/index-B7rTJ8AF.js","/assets/index-CKkUoZg8.js","/assets/index-Cb9PWdSl.js","/assets/index-CtnR9-q2.css","/assets/index-D6wYi6EL.js","/assets/index-DMfVgP-E.js","/assets/index-DwxhJ9TR.js","/assets/index-DxE2fluz.js","/assets/index-iGnuR6ZJ.js","/assets/inspector-BHBTa1Gs.js","/assets/inspector-CrVJeBjD.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-Cxtc5eUZ.js","/assets/paint-BDC0zy2e.js","/assets/people-BRN6T1Ym.js","/assets/places-C7SmAK0K.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-gY4cIFvH.js","/assets/shapes-isJjrJCX.js","/assets/store-B5pCUCFE.js","/assets/text-BrQMCAph.js","/assets/text-D-KoM5_C.js","/assets/text-DpbSyS2X.css","/assets/versions-CyW0YKoR.css","/assets/versions-DXwuThGZ.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-7524cb44438b'
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
