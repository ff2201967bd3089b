/** The status pill: a dot and words, always true. */

import type { CollabProvider } from 'collab-client'
import { fill, h, oncePerFrame } from './dom'
import { statusWords } from './statusWords'
import './statusPill.css'

const SAVING = 'Saving...'
/** Milliseconds after which a screen reader is told that saving takes its time. */
const SAVING_IS_NEWS = 2_000

const ACTION_WORDS = { renew: 'Renew', retry: 'Try now', show: 'Show' } as const

/** What the pill needs of whoever can get a new sign-in. */
export interface PillActions {
  renew(): void
  /** Show what could not be saved. */
  showRefused(): void
}

/**
 * Make the pill of a provider.
 * @returns the element, and how to stop it.
 */
export function statusPill(provider: CollabProvider, actions: PillActions): { element: HTMLElement; destroy(): void } {
  const dot = h('span', { class: 'pill-dot' })
  const words = h('span', { class: 'pill-words' })
  const action = h('button', { class: 'link pill-action', type: 'button' })
  const spoken = h('span', { class: 'unseen', role: 'status', 'aria-live': 'polite' })
  const separator = h('span', { class: 'pill-separator', 'aria-hidden': 'true' }, '·')
  const element = h('div', { class: 'pill', 'data-testid': 'status', tabIndex: -1 }, dot, words, separator, action)
  const wrapper = h('div', { class: 'pill-wrapper' }, element, spoken)

  let savingSince: number | null = null

  const render = (): void => {
    const said = statusWords(provider.details, Date.now())
    element.dataset['tone'] = said.tone
    element.dataset['phase'] = provider.details.phase
    element.dataset['unsaved'] = String(provider.details.unsaved)
    element.classList.toggle('pulse', said.pulse)
    element.title = said.detail
    if (words.textContent !== said.words) words.textContent = said.words
    // An action that goes leaves the focus with the pill, and finds it there when it is back.
    if (said.action === null && document.activeElement === action) element.focus()
    separator.hidden = action.hidden = said.action === null
    if (said.action !== null) {
      if (document.activeElement === element) action.focus()
      fill(action, ACTION_WORDS[said.action])
      action.onclick = { renew: () => actions.renew(), show: () => actions.showRefused(), retry: () => provider.retryNow() }[said.action]
    }
    // Every keystroke is saved within milliseconds; telling that each time would be noise.
    if (said.announced !== SAVING) savingSince = null
    else savingSince ??= Date.now()
    const worthTelling = savingSince === null || Date.now() - savingSince > SAVING_IS_NEWS
    if (worthTelling && spoken.textContent !== said.announced) spoken.textContent = said.announced
  }
  const soon = oncePerFrame(render)
  provider.on('details', soon)
  const ticking = setInterval(() => {
    if (provider.details.retryAt !== null || savingSince !== null) render()
  }, 250)
  render()
  return {
    element: wrapper,
    destroy: () => {
      clearInterval(ticking)
      provider.off('details', soon)
    },
  }
}
