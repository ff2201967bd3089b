/** One-line messages, bottom left, at most three. They leave by themselves unless they need an answer. */

import { X } from 'lucide'
import { fill, h } from './dom'
import { icon } from './icons'

export interface Toast {
  words: string
  tone?: 'info' | 'good' | 'warn' | 'bad'
  /** A code for support, in small grey. */
  code?: string
  /** A toast with an action stays longer; with `sticky` until it is answered. */
  action?: { label: string; run: () => void }
  sticky?: boolean
  /** A later toast with the same key takes the place of this one. */
  key?: string
}

const AT_MOST = 3
const STAYS = 6_000
const STAYS_WITH_ACTION = 12_000

const region = h('div', { class: 'toasts', role: 'log', 'aria-live': 'polite', 'aria-label': 'Messages' })

/** Keep the messages above everything: within a modal dialog, which dims and silences what is outside of it. */
export function raiseToasts(): void {
  const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body
  if (region.parentElement !== top) top.append(region)
}

/** Take away the toast with a key, if there is one. */
export function closeToast(key: string): void {
  for (const shown of toasts()) if (shown.dataset['key'] === key) shown.remove()
}

function toasts(): HTMLElement[] {
  return [...region.children] as HTMLElement[]
}

/** Show a toast; returns how to take it away early. */
export function toast(message: Toast): () => void {
  raiseToasts()
  const close = (): void => element.remove()
  const element = h('div', { class: 'toast floating', 'data-tone': message.tone ?? 'info', 'data-key': message.key, 'data-sticky': message.sticky })
  fill(
    element,
    h('span', { class: 'toast-words', title: message.words }, message.words),
    message.code !== undefined && h('code', {}, message.code),
    message.action !== undefined &&
      h(
        'button',
        {
          class: 'button plain',
          type: 'button',
          onclick: () => {
            close()
            message.action?.run()
          },
        },
        message.action.label,
      ),
    h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Dismiss', onclick: close }, icon(X)),
  )
  if (message.key !== undefined) closeToast(message.key)
  // What waits for an answer goes last.
  while (region.children.length >= AT_MOST) (toasts().find((other) => !('sticky' in other.dataset)) ?? region.firstElementChild)?.remove()
  region.append(element)
  if (message.sticky !== true) {
    let left = message.action === undefined ? STAYS : STAYS_WITH_ACTION
    const tick = setInterval(() => {
      // Nobody loses a message while pointing at it.
      if (!element.matches(':hover, :focus-within')) left -= 500
      if (left > 0 && element.isConnected) return
      clearInterval(tick)
      close()
    }, 500)
  }
  return close
}
