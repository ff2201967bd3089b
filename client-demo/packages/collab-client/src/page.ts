/** What a browser tells its pages: the network came or went, the page is shown again or goes away. */

export interface PageEvents {
  /** The network is there, or the page is looked at again: a good moment to connect. */
  onBack: () => void
  /** The browser thinks that the network is gone; it is not always right. */
  onOffline: () => void
  /** The page may be gone in a moment. */
  onHide: () => void
}

/** Listen, where there is a page; returns how to stop. */
export function watchPage({ onBack, onOffline, onHide }: PageEvents): () => void {
  if (typeof window === 'undefined') return () => undefined
  const { document } = window
  const onVisibility = (): void => {
    if (document.visibilityState === 'visible') onBack()
  }
  const listeners: [EventTarget, string, () => void][] = [
    [window, 'online', onBack],
    [window, 'pageshow', onBack],
    [window, 'offline', onOffline],
    [window, 'pagehide', onHide],
    [document, 'visibilitychange', onVisibility],
  ]
  for (const [target, event, listener] of listeners) target.addEventListener(event, listener)
  return () => {
    for (const [target, event, listener] of listeners) target.removeEventListener(event, listener)
  }
}
