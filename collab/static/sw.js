// The service worker: the pages themselves work offline, so that kept edits can be seen after a reload.
// __ASSETS__ is the list of built files; it changes with every build, and the cache's name with it.
const ASSETS = ["/assets/board-4F76p3-K.js","/assets/board-6l715bte.css","/assets/code-BHPdUAzi.js","/assets/code-DsB2szY0.css","/assets/document-BghCyXoV.js","/assets/document-CsTrI8ey.css","/assets/export-DwAP8XxU.js","/assets/home-CtADORp4.css","/assets/home-bszsSbJS.js","/assets/index-4QUhtyp3.js","/assets/index-B5_c9DBs.js","/assets/index-BEgM3ygu.js","/assets/index-BJMxjQ3x.js","/assets/index-BpsQcSeD.js","/assets/index-C05Mn_Gd.css","/assets/index-CUciHvEU.js","/assets/index-DVVs-H-1.js","/assets/index-DVevT7uG.js","/assets/index-DkQ61xYi.js","/assets/index-f2XJkPS5.js","/assets/inspector-CrVJeBjD.css","/assets/inspector-CyjvWooA.js","/assets/inter-latin-wght-normal-Dx4kXJAl.woff2","/assets/jetbrains-mono-latin-400-italic-B9rkokqX.woff2","/assets/jetbrains-mono-latin-400-normal-V6pRDFza.woff2","/assets/jetbrains-mono-latin-700-normal-BYuf6tUa.woff2","/assets/location-jyz8--up.js","/assets/paint-eVC9nEqe.js","/assets/people-DG5BpgT3.js","/assets/pictures-CFrUSlqN.js","/assets/places-C31JyeIu.js","/assets/preload-helper-CVfkMyKi.js","/assets/preview-ufOviKyv.js","/assets/shapes-Cznkj7sm.js","/assets/store-8Fcda1nF.js","/assets/text-BNTs4fh9.css","/assets/text-C52QW5k6.js","/assets/text-DTg8juwr.js","/assets/versions-CdYuREpB.css","/assets/versions-DDT3QW_4.js","/assets/words-CWtM1uu-.js","/icon.svg","/theme.js"]
const CACHE = 'collab-5dcf82950ca5'
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
