/** Menus and dialogs: the browser's own focus and Escape, nothing reinvented. */

import { Check, X } from 'lucide'
import { fill, h } from './dom'
import { icon } from './icons'
import { raiseToasts } from './toasts'

export interface MenuItem {
  label: string
  icon?: SVGElement
  /** In grey at the right: a shortcut, a state. */
  hint?: string
  danger?: boolean
  /** One of several, of which one is chosen. */
  checked?: boolean
  href?: string
  run?: () => void
}

let closeOpenMenu: (() => void) | null = null

/** Open a menu under `anchor`; a null among the items draws a line. */
export function openMenu(anchor: HTMLElement, items: (MenuItem | null)[], head?: Node): void {
  const wasOpen = anchor.getAttribute('aria-expanded') === 'true'
  closeOpenMenu?.()
  if (wasOpen) return
  const menu = h('div', { class: 'menu floating', role: 'menu' })
  const withIcons = items.some((item) => item?.icon !== undefined || item?.checked !== undefined)
  fill(menu, head, ...items.map((item) => (item === null ? h('div', { class: 'menu-line', role: 'separator' }) : menuItem(item, withIcons))))
  document.body.append(menu)
  place(menu, anchor)
  anchor.setAttribute('aria-haspopup', 'menu')
  anchor.setAttribute('aria-expanded', 'true')
  const close = (): void => {
    closeOpenMenu = null
    const hadFocus = menu.contains(document.activeElement)
    menu.remove()
    if (hadFocus) anchor.focus({ preventScroll: true })
    anchor.setAttribute('aria-expanded', 'false')
    document.removeEventListener('pointerdown', onOutside, true)
    document.removeEventListener('keydown', onKey, true)
    window.removeEventListener('blur', close)
  }
  const onOutside = (event: Event): void => {
    if (!menu.contains(event.target as Node) && !anchor.contains(event.target as Node)) close()
  }
  const onKey = (event: KeyboardEvent): void => {
    const entries = [...menu.querySelectorAll<HTMLElement>('.menu-item')]
    const at = entries.indexOf(document.activeElement as HTMLElement)
    if (event.key === 'Escape' || event.key === 'Tab') {
      close()
    } else if (event.key === 'ArrowDown') {
      entries[(at + 1) % entries.length]?.focus()
    } else if (event.key === 'ArrowUp') {
      entries[(Math.max(at, 0) - 1 + entries.length) % entries.length]?.focus()
    } else if ((event.key === 'Home' || event.key === 'End') && at >= 0) {
      entries.at(event.key === 'Home' ? 0 : -1)?.focus()
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }
  // Closed before the item does its work: what that opens finds the focus at the anchor, and gives it back there.
  menu.addEventListener(
    'click',
    (event) => {
      if ((event.target as Element).closest('.menu-item') !== null) close()
    },
    true,
  )
  document.addEventListener('pointerdown', onOutside, true)
  document.addEventListener('keydown', onKey, true)
  window.addEventListener('blur', close)
  closeOpenMenu = close
  const first = menu.querySelector<HTMLElement>('input, [aria-checked=true]') ?? menu.querySelector<HTMLElement>('.menu-item')
  first?.focus({ preventScroll: true })
}

function menuItem(item: MenuItem, withIcons: boolean): HTMLElement {
  const props = {
    class: item.danger === true ? 'menu-item danger' : 'menu-item',
    role: item.checked === undefined ? 'menuitem' : 'menuitemradio',
    'aria-checked': item.checked === undefined ? undefined : String(item.checked),
  }
  const mark = item.icon ?? (item.checked === true ? icon(Check) : withIcons && h('span', { class: 'menu-no-icon' }))
  const inside = [
    mark,
    h('span', { class: 'grow' }, item.label),
    item.hint !== undefined && h('span', { class: 'quiet small' }, item.hint),
  ] as const
  if (item.href !== undefined) return h('a', { ...props, href: item.href }, ...inside)
  return h('button', { ...props, type: 'button', onclick: item.run }, ...inside)
}

function place(menu: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect()
  const { width, height } = menu.getBoundingClientRect()
  const left = at.left + width > innerWidth - 8 ? at.right - width : at.left
  const below = at.bottom + 6 + height <= innerHeight - 8
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`
  menu.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - height - 6)}px`
}

/** Open a modal dialog; returns how to close it. */
export function openDialog(title: string, ...body: (Node | string | false)[]): () => void {
  const dialog = h('dialog', { class: 'dialog floating', 'aria-label': title, tabIndex: -1 })
  const close = (): void => dialog.close()
  fill(
    dialog,
    h(
      'div',
      { class: 'dialog-head' },
      h('h2', {}, title),
      h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Close', onclick: close }, icon(X)),
    ),
    h('div', { class: 'dialog-body' }, ...body),
  )
  dialog.addEventListener('close', () => {
    dialog.remove()
    raiseToasts()
  })
  dialog.addEventListener('pointerdown', (event) => {
    if (event.target === dialog) close()
  })
  document.body.append(dialog)
  dialog.showModal()
  raiseToasts()
  // The dialog itself, so that no button looks chosen; a field comes first where there is one.
  ;(dialog.querySelector<HTMLElement>('.dialog-body input:not([readonly])') ?? dialog).focus()
  return close
}
