/** The panel of find and replace, at the top right of the text. */

import { CaseSensitive, ChevronDown, ChevronUp, X } from 'lucide'
import type { EditorView } from 'prosemirror-view'

import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { found, look, replaceAll, replaceOne, step, stepHere } from './find'

export interface FindBar {
  open(): void
  /** The text or the selection is another one. */
  update(): void
  destroy(): void
}

/** Make the panel for an editor; it is put into `host`. */
export function findBar(view: EditorView, host: HTMLElement): FindBar {
  const words = h('input', { class: 'field', type: 'text', placeholder: 'Find', 'aria-label': 'Find', spellcheck: false })
  const other = h('input', { class: 'field', type: 'text', placeholder: 'Replace with', 'aria-label': 'Replace with', spellcheck: false })
  const count = h('span', { class: 'find-count small quiet', role: 'status' })
  const matchCase = button('Match case', icon(CaseSensitive))
  matchCase.setAttribute('aria-pressed', 'false')
  const one = h('button', { class: 'button', type: 'button' }, 'Replace')
  const all = h('button', { class: 'button', type: 'button' }, 'All')
  all.title = 'Replace all'
  all.setAttribute('aria-label', 'Replace all')
  const replacing = h('div', { class: 'row find-row' }, other, one, all)
  const element = h('div', { class: 'find-bar floating', role: 'search', 'aria-label': 'Find and replace', hidden: true })
  const [back, forth, leave] = [button('Match before', icon(ChevronUp)), button('Next match', icon(ChevronDown)), button('Close', icon(X))]
  fill(element, h('div', { class: 'row find-row' }, words, count, matchCase, back, forth, leave), replacing)
  host.append(element)

  const ask = (): void => {
    said = ''
    look(view, words.value, matchCase.getAttribute('aria-pressed') === 'true')
    if (words.value !== '') stepHere(view)
    update()
  }
  const close = (): void => {
    if (element.hidden) return
    element.hidden = true
    look(view, '', false)
    view.focus()
  }
  /** What replacing has done stands there until somebody looks for something else. */
  let said = ''
  const update = (): void => {
    if (element.hidden) return
    const { matches, current } = found(view.state)
    if (matches.length > 0) said = ''
    count.textContent = said !== '' ? said : words.value === '' ? '' : matches.length === 0 ? 'None' : `${current + 1} / ${matches.length}`
    replacing.hidden = !view.editable
    for (const part of [back, forth, one, all]) part.disabled = matches.length === 0
  }
  words.addEventListener('input', ask)
  matchCase.addEventListener('click', () => {
    matchCase.setAttribute('aria-pressed', String(matchCase.getAttribute('aria-pressed') !== 'true'))
    ask()
  })
  forth.addEventListener('click', () => (step(view, 1), update()))
  back.addEventListener('click', () => (step(view, -1), update()))
  leave.addEventListener('click', close)
  one.addEventListener('click', () => (replaceOne(view, other.value), update()))
  all.addEventListener('click', () => {
    const number = replaceAll(view, other.value)
    said = `${number} replaced`
    // The button has nothing to do any more, and would lose the focus to nowhere.
    words.focus()
    update()
  })
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close()
    else if (event.key === 'Enter' && event.target === words) step(view, event.shiftKey ? -1 : 1)
    else if (event.key === 'Enter' && event.target === other) replaceOne(view, other.value)
    else return
    event.preventDefault()
    event.stopPropagation()
    update()
  })
  const open = (): void => {
    const { from, to } = view.state.selection
    const selected = view.state.doc.textBetween(from, to)
    element.hidden = false
    if (selected !== '' && selected.length <= 200) words.value = selected
    words.focus()
    words.select()
    ask()
  }
  const onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !/^[fh]$/.test(event.key)) return
    // Elsewhere on the page, in a field, the browser's own search is meant.
    if (document.querySelector('dialog[open]') !== null || host.closest('[inert]') !== null) return
    event.preventDefault()
    open()
    if (event.key === 'h' && view.editable) other.focus()
  }
  addEventListener('keydown', onKey)
  return {
    open,
    update,
    destroy: () => {
      removeEventListener('keydown', onKey)
      element.remove()
    },
  }
}

function button(label: string, node: SVGElement): HTMLButtonElement {
  return h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label }, node)
}
