// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
<<<<<<< HEAD
const ASSETS = ["/assets/board-6l715bte.css","/assets/board-DQwFuXos.js","/assets/code-DJPjJSH4.js","/assets/code-DsB2szY0.css","/assets/document-Bt_gtOd3.js","/assets/document-D1mdDSIR.css","/assets/export-CGING8RB.js","/assets/home-CGxs2_tA.css","/assets/home-DUj3OIbm.js","/assets/index-2sk26Cg9.js","/assets/index-8Z8FFNxD.js","/assets/index-BP2XUmet.js","/assets/index-BlTnKuPS.js","/assets/index-CKnJFWP3.js","/assets/index-CL-Kopuv.js","/assets/index-CwUUv341.js","/assets/index-DH07GmMI.js","/assets/index-DnOGS8aO.js","/assets/index-uKGrzBP9.css","/assets/index-wwRzqh8h.js","/assets/inspector-Bel7zaEm.js","/assets/inspector-D5U6_XyR.css","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/people-CNPDxX9e.js","/assets/pictures-DI7vu5Fe.js","/assets/places-mH48uwiQ.js","/assets/preload-helper-CVfkMyKi.js","/assets/shapes-DXRtXqqT.js","/assets/store-vQLHl7nK.js","/assets/text-Ll9MSkeY.js","/assets/text-wHzptEpr.css","/assets/versions-DRmm8jBa.js","/assets/versions-Dcp2wNn7.css","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-4b52e6fb2cf6'
=======
const ASSETS = ["/assets/board-BJoM98lC.css","/assets/board-DiBRDpyk.js","/assets/code-Cg32IKpw.js","/assets/code-DsB2szY0.css","/assets/document-BcdlPZcF.js","/assets/document-C7xlm-GZ.css","/assets/export-Cg64CAGI.js","/assets/home-BDsoanoc.css","/assets/home-DVxgTNwu.js","/assets/index-5orpqqqb.js","/assets/index-BJnLhWYS.js","/assets/index-BZBw96Yn.js","/assets/index-CGX_fb4r.js","/assets/index-CM-xGGrg.js","/assets/index-DlPOhlTn.js","/assets/index-DlYcAgeD.css","/assets/index-DxFp9MLm.js","/assets/index-VLY95DXB.js","/assets/index-ZwVs7EmL.js","/assets/index-smRNXF34.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-CyOf8HOo.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-GheaGCNa.js","/assets/people-D71LKKH_.js","/assets/pictures-CFrUSlqN.js","/assets/places-ByxZVfsW.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-B5xOeUJI.js","/assets/shapes-BflnYw2W.js","/assets/store-CUubzFMh.js","/assets/text-BNTs4fh9.css","/assets/text-CEsoaqoY.js","/assets/text-DTg8juwr.js","/assets/versions-CdYuREpB.css","/assets/versions-_qeBIwY1.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-8c0f3dc0b68c'
>>>>>>> 97eab31 (The shipped pages are rebuilt)
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
