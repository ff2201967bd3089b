/** The small living pictures on the home page's cards. Drawn with CSS; nothing runs. */

import type { Kind } from '../editors/editor'
import { h } from '../ui/dom'
import { inkOn, PEOPLE_COLOURS } from '../ui/people'

const ANN = PEOPLE_COLOURS[10]
const BEN = PEOPLE_COLOURS[5]

/** The picture of a kind. */
export function preview(kind: Kind): HTMLElement {
  const picture = { text: textPreview, code: codePreview, board: boardPreview }[kind]()
  return h('div', { class: `preview preview-${kind}`, 'aria-hidden': 'true' }, picture)
}

function person(name: string, colour: string, kind: 'caret' | 'arrow', className: string): HTMLElement {
  const element = h('span', { class: `preview-person ${kind} ${className}` }, h('span', { class: 'preview-flag' }, name))
  element.style.setProperty('--person', colour)
  element.style.setProperty('--ink', inkOn(colour))
  return element
}

function bar(width: number, className = ''): HTMLElement {
  const element = h('i', { class: `bar ${className}` })
  element.style.width = `${width}%`
  return element
}

function textPreview(): HTMLElement {
  return h(
    'div',
    { class: 'preview-page' },
    bar(46, 'head'),
    bar(92),
    h('div', { class: 'preview-line grows' }, bar(78), person('Ann', ANN, 'caret', '')),
    bar(88),
    h('div', { class: 'preview-line grows later' }, bar(54), person('Ben', BEN, 'caret', '')),
  )
}

function codePreview(): HTMLElement {
  const line = (indent: number, ...bars: HTMLElement[]): HTMLElement => {
    const element = h('div', { class: 'preview-line' }, ...bars)
    element.style.paddingLeft = `${indent * 14}px`
    return element
  }
  return h(
    'div',
    { class: 'preview-page code' },
    line(0, bar(12, 'c1'), bar(22, 'c2'), bar(16)),
    line(1, bar(18, 'c1'), bar(30, 'c3')),
    line(1, bar(14, 'c1'), bar(20), bar(16, 'c4')),
    h('div', { class: 'preview-line grows', style: 'padding-left:28px' }, bar(34, 'c3'), person('Ben', BEN, 'caret', '')),
    line(1, bar(22, 'c2'), bar(12)),
  )
}

function boardPreview(): HTMLElement {
  return h(
    'div',
    { class: 'preview-canvas' },
    h('i', { class: 'shape note' }),
    h('i', { class: 'shape box' }),
    h('i', { class: 'shape round' }),
    h('i', { class: 'shape link' }),
    person('Ann', ANN, 'arrow', 'walks'),
    person('Ben', BEN, 'arrow', 'drags'),
  )
}
