/** Words and characters, counted block by block so that a letter does not cost a whole book. */

import type { Node } from 'prosemirror-model'
import { NodeSelection, type EditorState } from 'prosemirror-state'

interface Count {
  words: number
  characters: number
}

const counted = new WeakMap<Node, Count>()
const words = typeof Intl.Segmenter === 'undefined' ? null : new Intl.Segmenter(undefined, { granularity: 'word' })
/** Cutting words by their language takes its time; those of longer texts are cut at their spaces. */
const LONGEST = 50_000

/** What the page says at the bottom right: of the selection where there is one. */
export function countWords(state: EditorState): string {
  const { from, to } = state.selection
  const empty = state.selection.empty || state.selection instanceof NodeSelection
  const long = state.doc.content.size > LONGEST
  const { words, characters } = empty ? sum(state.doc, long) : inText(state.doc.textBetween(from, to, '\n', ' '), long)
  return `${several(words, 'word')} · ${several(characters, 'character')}${empty ? '' : ' selected'}`
}

function sum(doc: Node, long: boolean): Count {
  const total = { words: 0, characters: 0 }
  doc.forEach((block) => {
    let count = counted.get(block)
    if (count === undefined) {
      count = inText(block.textBetween(0, block.content.size, '\n', ' '), long)
      counted.set(block, count)
    }
    total.words += count.words
    total.characters += count.characters
  })
  return total
}

function inText(text: string, long: boolean): Count {
  const breaks = text.match(/\n/g)?.length ?? 0
  const characters = text.length - breaks
  if (words === null || long) return { words: text.match(/\S+/g)?.length ?? 0, characters }
  let number = 0
  for (const { isWordLike } of words.segment(text)) if (isWordLike === true) number += 1
  return { words: number, characters }
}

function several(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
