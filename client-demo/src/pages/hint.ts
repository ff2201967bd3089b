/** "Open this page in a second window", for a first visit: it lies over the page, and moves nothing. */

import { X } from 'lucide'
import { turnedAway, type CollabProvider } from 'collab-client'
import { h } from '../ui/dom'
import { icon } from '../ui/icons'
import { peersOf } from '../ui/presence'

const DISMISSED = 'collab:hint-dismissed'
/** A phone has no second window, however it is held. */
const ROOMY = '(min-width: 641px) and (min-height: 500px)'

/** The hint, hidden wherever it would not help; null for those who know. */
export function hint(provider: CollabProvider): HTMLElement | null {
  if (wasDismissed()) return null
  const { awareness } = provider
  const roomy = matchMedia(ROOMY)
  const close = (): void => {
    element.remove()
    awareness.off('change', look)
    provider.off('details', look)
    roomy.removeEventListener('change', look)
  }
  const dismiss = (): void => {
    try {
      localStorage.setItem(DISMISSED, '1')
    } catch {
      // It will be shown again, then.
    }
    close()
  }
  const element = h(
    'aside',
    { class: 'hint floating', 'aria-label': 'Hint', hidden: true },
    h('strong', {}, 'You are alone here'),
    h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Dismiss', onclick: dismiss }, icon(X)),
    h('p', {}, 'Open this page in a second window and watch them keep up.'),
    h('button', { class: 'button primary', type: 'button', onclick: () => { openSecondWindow(); dismiss() } }, 'Open second window'),
  )
  const look = (): void => {
    const { details: status } = provider
    // Somebody came, or nobody gets in: there is nothing to try any more.
    if (peersOf(awareness).length > 0 || turnedAway(status) !== null) return close()
    element.hidden = status.phase !== 'live' || status.readOnly || !roomy.matches
  }
  awareness.on('change', look)
  provider.on('details', look)
  roomy.addEventListener('change', look)
  look()
  return element
}

/** The same page beside this one. */
export function openSecondWindow(): void {
  const width = Math.min(900, Math.round(screen.availWidth / 2))
  window.open(location.href, '_blank', `popup,width=${width},height=${Math.round(screen.availHeight * 0.8)}`)
}

function wasDismissed(): boolean {
  try {
    return localStorage.getItem(DISMISSED) !== null
  } catch {
    return true
  }
}
