/** A text of another time, as the editor would show it, with its changes tinted. */

import 'quill/dist/quill.core.css'
import { h } from '../../ui/dom'
import { Quill } from './setup'
import { tolerated } from './tolerance'
import './text.css'

export interface PreviewOp {
  insert: string | object
  attributes: Record<string, unknown>
  /** Lands in `data-change` of what is shown. */
  change?: string
}

/** An element that shows the text; nothing in it can be edited. */
export function textPreview(ops: PreviewOp[]): HTMLElement {
  const page = h('div', { class: 'text-page' })
  const quill = new Quill(page, { readOnly: true })
  const safe = tolerated(ops.map(({ insert, attributes }) => ({ insert, attributes })))
  const marked = safe.map((op, i) => {
    const change = ops[i]?.change
    return change === undefined ? op : { ...op, attributes: { ...op.attributes, change } }
  })
  quill.setContents(marked as never, 'silent')
  quill.root.setAttribute('aria-label', 'The text as it was')
  return h('div', { class: 'text-scroller' }, page)
}
