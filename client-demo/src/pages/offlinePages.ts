/** The pages themselves, kept by a service worker. */

let kept = false

/** From now on the page itself opens without a server; only where the document is there already. */
export function keepPagesOffline(): void {
  if (kept || !import.meta.env.PROD || !('serviceWorker' in navigator)) return
  kept = true
  navigator.serviceWorker.register('/sw.js').catch(() => {
    // Without it a reload needs the server; edits are kept all the same.
  })
}
