/** What a text calls itself: the words of its first heading, or those that it begins with. */

import type { Node } from 'prosemirror-model'

const LONGEST = 120
/** A heading further down is no title. */
const LOOK_AT = 5

/** So many letters of the first words. */
const BEGINNING = 60

/** The words that a text begins with, as many as a title has; null where there are none. */
export function firstWords(doc: Node): string | null {
  for (let at = 0; at < Math.min(LOOK_AT, doc.childCount); at++) {
    const block = doc.child(at)
    const words = block.isTextblock ? block.textBetween(0, Math.min(block.content.size, 4 * BEGINNING), ' ', ' ').trim().replace(/\s+/g, ' ') : ''
    if (words.length > BEGINNING) return words.slice(0, BEGINNING + 1).replace(/(\S)\s+\S*$/, '$1').slice(0, BEGINNING)
    if (words !== '') return words
  }
  return null
}

/** The first heading's words among the first blocks; null where there are none. */
export function firstHeading(doc: Node): string | null {
  for (let at = 0; at < Math.min(LOOK_AT, doc.childCount); at++) {
    const block = doc.child(at)
    const words = block.type.name === 'heading' ? block.textContent.trim().replace(/\s+/g, ' ') : ''
    if (words !== '') return words.slice(0, LONGEST)
  }
  return null
}
