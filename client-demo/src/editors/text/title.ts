/** What a text calls itself: the words of its first heading. */

import type { Node } from 'prosemirror-model'

const LONGEST = 120
/** A heading further down is no title. */
const LOOK_AT = 5

/** The first heading's words among the first blocks; null where there are none. */
export function firstHeading(doc: Node): string | null {
  for (let at = 0; at < Math.min(LOOK_AT, doc.childCount); at++) {
    const block = doc.child(at)
    const words = block.type.name === 'heading' ? block.textContent.trim().replace(/\s+/g, ' ') : ''
    if (words !== '') return words.slice(0, LONGEST)
  }
  return null
}
