/** What stands where a document will be, until it is there. */

import { h } from '../ui/dom'

export function skeleton(): HTMLElement {
  const lines = [92, 78, 85, 40, 0, 88, 64]
  return h(
    'div',
    { class: 'skeleton', 'aria-hidden': 'true' },
    ...lines.map((width) => h('div', { style: `width:${width}%` })),
  )
}
