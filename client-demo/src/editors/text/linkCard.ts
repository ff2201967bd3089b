/** A card at the link that the caret is in: where it leads, and what can be done with it. */

import { Pencil, Unlink } from 'lucide'
import type Quill from 'quill/core'

import { h } from '../../ui/dom'
import { icon } from '../../ui/icons'

interface Place {
  index: number
  length: number
}

/** Put the card onto an editor; `edit` asks for another address of the link that is there. */
export function linkCard(quill: Quill, edit: (link: Place) => void): { element: HTMLElement; show(range: Place): void; hide(): void } {
  let caret = 0
  const open = h('a', { class: 'link-card-open', target: '_blank', rel: 'noopener noreferrer', title: 'Open  Ctrl click' })
  const element = h(
    'div',
    { class: 'link-card floating', role: 'group', 'aria-label': 'Link', hidden: true },
    open,
    cardButton('Edit link', icon(Pencil), (link) => edit(link)),
    cardButton('Remove link', icon(Unlink), (link) => {
      quill.formatText(link.index, link.length, 'link', false, 'user')
      quill.setSelection(caret, 0, 'user')
    }),
  )
  quill.container.append(element)
  // A plain click in a text that can be written in sets the caret.
  quill.root.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a')
    if (link === null || !(event.ctrlKey || event.metaKey) || !quill.isEnabled()) return
    event.preventDefault()
    window.open(link.href, '_blank', 'noopener')
  })

  function cardButton(label: string, node: SVGElement, run: (link: Place) => void): HTMLElement {
    const button = h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label }, node)
    button.addEventListener('pointerdown', (event) => event.preventDefault())
    button.addEventListener('click', () => run(linkAround(quill, caret)))
    return button
  }

  return {
    element,
    show: ({ index, length }) => {
      const url: unknown = quill.getFormat(index)['link']
      const at = length === 0 && typeof url === 'string' ? quill.getBounds(index) : null
      element.hidden = at === null
      if (at === null) return
      caret = index
      open.href = String(url)
      open.textContent = String(url).replace(/^https?:\/\//, '')
      element.style.top = `${at.bottom + 6}px`
      element.style.left = `${Math.max(8, Math.min(at.left - 16, quill.container.clientWidth - element.offsetWidth - 8))}px`
    },
    hide: () => {
      element.hidden = true
    },
  }
}

/** All characters around a place that lead to where it does: bold ones among them are elements of their own. */
function linkAround(quill: Quill, index: number): Place {
  const url: unknown = quill.getFormat(index)['link']
  const leads = (at: number): boolean => quill.getFormat(at, 1)['link'] === url
  let [start, end] = [index, index]
  while (start > 0 && leads(start - 1)) start -= 1
  while (end < quill.getLength() && leads(end)) end += 1
  return { index: start, length: end - start }
}
