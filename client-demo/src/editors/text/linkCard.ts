/** A card at the link that the caret is in: where it leads, and what can be done with it. */

import { Pencil, Unlink } from 'lucide'
import type { Mark } from 'prosemirror-model'
import type { EditorState } from 'prosemirror-state'
import type { EditorView } from 'prosemirror-view'

import { h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { safeHref } from './safety'

export interface FoundLink {
  from: number
  to: number
  mark: Mark
}

/** The link around the caret, or around all of the selection. */
export function linkAt(state: EditorState): FoundLink | null {
  const { $from, from, to } = state.selection
  const { parent } = $from
  const type = state.schema.marks['link']
  if (type === undefined || !parent.isTextblock) return null
  const start = $from.start()
  let found: FoundLink | null = null
  parent.forEach((node, offset) => {
    const mark = type.isInSet(node.marks)
    const [begin, end] = [start + offset, start + offset + node.nodeSize]
    if (mark === undefined) return
    // Bold words among them are nodes of their own.
    if (found !== null && found.to === begin && found.mark.eq(mark)) found.to = end
    else if (found === null || !(found.from <= from && to <= found.to)) found = { from: begin, to: end, mark }
  })
  const last = found as FoundLink | null
  return last !== null && last.from <= from && to <= last.to ? last : null
}

/** Put the card onto a page; `edit` asks for another address of the link that is there. */
export function linkCard(view: EditorView, page: HTMLElement, edit: (link: FoundLink) => void): { element: HTMLElement; update(): void; hide(): void } {
  const open = h('a', { class: 'link-card-open', target: '_blank', rel: 'noopener noreferrer', title: 'Open  Ctrl click' })
  const element = h(
    'div',
    { class: 'link-card floating', role: 'group', 'aria-label': 'Link', hidden: true },
    open,
    cardButton('Edit link', icon(Pencil), edit),
    cardButton('Remove link', icon(Unlink), ({ from, to, mark }) => {
      view.dispatch(view.state.tr.removeMark(from, to, mark.type))
      view.focus()
    }),
  )
  page.append(element)
  // A plain click in a text that can be written in sets the caret.
  view.dom.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a')
    if (link === null) return
    if (view.editable && !(event.ctrlKey || event.metaKey)) return event.preventDefault()
    event.preventDefault()
    if (safeHref(link.href) !== null) window.open(link.href, '_blank', 'noopener')
  })

  function cardButton(label: string, node: SVGElement, run: (link: FoundLink) => void): HTMLElement {
    const button = h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label }, node)
    button.addEventListener('pointerdown', (event) => event.preventDefault())
    button.addEventListener('click', () => {
      const link = linkAt(view.state)
      if (link !== null) run(link)
    })
    return button
  }

  return {
    element,
    update: () => {
      const link = view.state.selection.empty ? linkAt(view.state) : null
      const href = link === null ? null : safeHref(link.mark.attrs['href'])
      element.hidden = href === null
      if (link === null || href === null) return
      open.href = href
      open.textContent = href.replace(/^(https?:\/\/|mailto:)/, '')
      const at = view.coordsAtPos(view.state.selection.from)
      const frame = page.getBoundingClientRect()
      element.style.top = `${at.bottom - frame.top + 6}px`
      element.style.left = `${Math.max(8, Math.min(at.left - frame.left - 16, page.clientWidth - element.offsetWidth - 8))}px`
    },
    hide: () => {
      element.hidden = true
    },
  }
}
