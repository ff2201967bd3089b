/** The toolbar of the text editor: it floats over a selection, and waits at the left of an empty line. */

import { ImagePlus, Link, Plus, type IconNode } from 'lucide'
import { NodeSelection, TextSelection } from 'prosemirror-state'
import { CellSelection } from 'prosemirror-tables'
import type { EditorView } from 'prosemirror-view'

import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { openMenu } from '../../ui/overlays'
import { arrowKeys } from '../arrowKeys'
import { linkAt, linkCard } from './linkCard'
import { typedHref } from './safety'
import { BLOCKS, IN_BAR, MARKS, type Tool } from './tools'

export interface Toolbar {
  /** For hands on the keyboard. */
  enter(): void
  askLink(): void
  update(): void
  hide(): void
  destroy(): void
}

/** Put the toolbar onto an editor on `page`; `addPicture` asks for a file. */
export function toolbar(view: EditorView, page: HTMLElement, addPicture: () => void): Toolbar {
  const bar = h('div', { class: 'text-bar floating', role: 'toolbar', 'aria-label': 'Format', hidden: true })
  const link = h('input', { class: 'field', type: 'url', placeholder: 'Paste a link, press Enter', 'aria-label': 'Link' })
  // People type "example.org"; the browser would not let that pass for an address.
  const linkRow = h('form', { class: 'text-bar-link', hidden: true, noValidate: true }, link)
  const tools = [...MARKS, ...IN_BAR].map((tool) => ({ tool, button: barButton(tool.label, tool.icon, tool.hint) }))
  const linkButton = barButton('Link', Link, 'Ctrl K')
  fill(
    bar,
    h(
      'div',
      { class: 'row text-bar-tools' },
      ...tools.slice(0, MARKS.length).map(({ button }) => button),
      linkButton,
      h('span', { class: 'text-bar-line' }),
      ...tools.slice(MARKS.length).map(({ button }) => button),
    ),
    linkRow,
  )
  const add = h('button', { class: 'button plain square text-add', type: 'button', title: 'Add', 'aria-label': 'Add a block', hidden: true }, icon(Plus))
  // Before the text, so that Shift+Tab leads to it; the button comes after it.
  page.before(bar)
  page.append(add)
  const [first, ...others] = bar.querySelectorAll('button')
  for (const button of others) button.tabIndex = -1
  arrowKeys(bar)

  const apply = (tool: Tool): void => {
    tool.run(view.state, view.dispatch, view)
    view.focus()
    update()
  }
  for (const { tool, button } of tools) {
    // The selection stays where it is only if the button does not take the focus.
    button.addEventListener('pointerdown', (event) => event.preventDefault())
    button.addEventListener('click', () => apply(tool))
  }

  let linkRange: { from: number; to: number } | null = null
  const askLink = (): void => {
    const found = linkAt(view.state)
    linkRange = found ?? { from: view.state.selection.from, to: view.state.selection.to }
    link.value = typeof found?.mark.attrs['href'] === 'string' ? found.mark.attrs['href'] : ''
    bar.hidden = linkRow.hidden = false
    link.focus()
    update()
  }
  linkButton.addEventListener('pointerdown', (event) => event.preventDefault())
  linkButton.addEventListener('click', askLink)
  const closeLink = (): void => {
    linkRow.hidden = true
    linkRange = null
    view.focus()
  }
  linkRow.addEventListener('submit', (event) => {
    event.preventDefault()
    const type = view.state.schema.marks['link']
    if (linkRange === null || type === undefined) return
    const [typed, href] = [link.value.trim(), typedHref(link.value)]
    const tr = view.state.tr
    const to = Math.min(linkRange.to, tr.doc.content.size)
    const from = Math.min(linkRange.from, to)
    if (typed !== '' && href === null) return link.select()
    if (from < to) {
      tr.removeMark(from, to, type)
      if (href !== null) tr.addMark(from, to, type.create({ href }))
      tr.setSelection(TextSelection.between(tr.doc.resolve(from), tr.doc.resolve(to)))
    } else if (href !== null) {
      // Without a selection the address is what the link says.
      tr.insertText(typed, from).addMark(from, from + typed.length, type.create({ href })).removeStoredMark(type)
    }
    view.dispatch(tr)
    closeLink()
  })
  link.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') closeLink()
  })

  const enter = (): void => {
    if (!view.editable) return
    // Only what is shown can take the focus.
    bar.hidden = false
    first?.focus()
    update()
  }
  bar.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') view.focus()
  })

  const card = linkCard(view, page, () => askLink())

  add.addEventListener('pointerdown', (event) => event.preventDefault())
  add.addEventListener('click', () => {
    const items = BLOCKS.map((tool) => ({
      label: tool.label,
      icon: icon(tool.icon),
      ...(tool.hint === undefined ? {} : { hint: tool.hint }),
      run: () => apply(tool),
    }))
    openMenu(add, [...items, { label: 'Picture', icon: icon(ImagePlus), run: addPicture }])
  })

  const hide = (): void => {
    bar.hidden = add.hidden = linkRow.hidden = true
    linkRange = null
    card.hide()
  }

  const update = (): void => {
    if (view.isDestroyed) return
    const parts = [view.dom, bar, add, card.element]
    if (!view.editable || !parts.some((part) => part.contains(document.activeElement))) {
      if (linkRow.hidden && add.getAttribute('aria-expanded') !== 'true') hide()
      return
    }
    const { selection } = view.state
    const { $from, empty } = selection
    const bare = empty && $from.parent.type.name === 'paragraph' && $from.parent.content.size === 0
    add.hidden = !bare
    if (bare) {
      const at = view.coordsAtPos(selection.from)
      add.style.top = `${(at.top + at.bottom) / 2 - page.getBoundingClientRect().top - 16}px`
    }
    if (linkRange === null) card.update()
    const formattable = !(selection instanceof NodeSelection) && (!empty || selection instanceof CellSelection)
    bar.hidden = linkRange === null && !formattable && !bar.contains(document.activeElement)
    if (bar.hidden) return
    for (const { tool, button } of tools) button.setAttribute('aria-pressed', String(tool.isOn(view.state)))
    linkButton.setAttribute('aria-pressed', String(linkAt(view.state) !== null))
    placeBar()
  }

  const placeBar = (): void => {
    const { from, to } = linkRange ?? view.state.selection
    const [start, end] = [view.coordsAtPos(from), view.coordsAtPos(to, -1)]
    const { width, height } = bar.getBoundingClientRect()
    if (matchMedia('(max-width: 640px)').matches) {
      bar.style.left = '8px'
      // Above the keyboard, wherever that is.
      const bottom = visualViewport === null ? innerHeight : visualViewport.offsetTop + visualViewport.height
      bar.style.top = `${bottom - height - 8}px`
      return
    }
    const above = start.top - height - 8
    const top = above > 56 ? above : Math.min(end.bottom + 8, innerHeight - height - 8)
    const sameLine = Math.abs(start.top - end.top) < 8
    const middle = sameLine ? (start.left + end.right) / 2 : (page.getBoundingClientRect().left + page.getBoundingClientRect().right) / 2
    bar.style.top = `${Math.max(56, top)}px`
    bar.style.left = `${Math.max(8, Math.min(middle - width / 2, innerWidth - width - 8))}px`
  }

  const scroller = page.parentElement
  const onScroll = (): void => {
    if (!bar.hidden) placeBar()
  }
  scroller?.addEventListener('scroll', onScroll, { passive: true })
  // Where the focus goes is known only after it has left.
  const onFocus = (): void => void setTimeout(update)
  for (const part of [view.dom, bar, add, card.element]) {
    part.addEventListener('focusout', onFocus)
    part.addEventListener('focusin', onFocus)
  }
  return {
    enter: () => {
      view.focus()
      enter()
    },
    askLink,
    update,
    hide,
    destroy: () => {
      scroller?.removeEventListener('scroll', onScroll)
      for (const part of [bar, add, card.element]) part.remove()
    },
  }
}

function barButton(label: string, node: IconNode, hint?: string): HTMLButtonElement {
  const title = hint === undefined ? label : `${label}  ${hint}`
  return h('button', { class: 'button plain square', type: 'button', title, 'aria-label': label }, icon(node))
}
