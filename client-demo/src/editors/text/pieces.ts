/** Much text at once, put in piece by piece: every piece takes a few milliseconds, so no frame is late. */

import { Fragment, type Node } from 'prosemirror-model'
import { Selection } from 'prosemirror-state'
import type { EditorView } from 'prosemirror-view'

import { frame } from '../../ui/dom'
import { closeToast } from '../../ui/toasts'
import type { EditorContext } from '../editor'
import { stepsOf } from './undo'

/** From so many characters on it goes in pieces. */
export const LARGE = 60_000
/**
 * What putting in a piece may take in milliseconds; the next one is made larger or smaller by that. Painting a long
 * page costs more than that once per frame, however little is new: many small pieces are slower than some large ones.
 */
const BUDGET = 50
const FIRST_PIECE = 300
const LEAST = 300
const MOST = 1_200
const MOST_CHARACTERS = 160_000
/** A longer line would be late by itself: it is cut. */
const LONGEST_LINE = 256_000
const TOAST = 'pasting'

/**
 * Insert blocks at the selection over many frames, with a message that says how far it is. What people write
 * meanwhile stays where they write it; one undo takes all of it away.
 *
 * @param blocks are asked for as they are needed, so that reading them takes no longer than a piece either.
 * @param total the number of characters, about.
 */
export async function insertInPieces(view: EditorView, blocks: Iterator<Node>, total: number, toast: EditorContext['toast']): Promise<void> {
  const steps = stepsOf(view.state)
  const end = steps.begin()
  const source = cutLines(blocks)
  let [stopped, done, size] = [false, 0, FIRST_PIECE]
  const tell = (): void => {
    const percent = Math.min(99, Math.floor((done / Math.max(1, total)) * 100))
    toast({ key: TOAST, words: `Pasting... ${percent} %`, sticky: true, action: { label: 'Stop', run: () => (stopped = true) } })
  }
  let anchor: Node | null = null
  try {
    let told = performance.now()
    for (let first = true; !stopped && !view.isDestroyed && view.editable; first = false) {
      const began = performance.now()
      const piece: Node[] = []
      let characters = 0
      while (piece.length < size && characters < MOST_CHARACTERS) {
        const next = source.next()
        if (next.done === true) break
        piece.push(next.value)
        characters += next.value.nodeSize
      }
      if (piece.length === 0) break
      anchor = first ? begin(view, piece) : put(view, piece, anchor)
      done += characters
      const took = performance.now() - began
      size = Math.min(MOST, Math.max(LEAST, Math.round(piece.length * Math.min(2, Math.max(0.5, BUDGET / Math.max(1, took))))))
      await frame()
      if (performance.now() - told > 250) {
        told = performance.now()
        tell()
      }
    }
    await finish(view, anchor)
  } finally {
    closeToast(TOAST)
    end()
  }
  if (view.isDestroyed) return
  toast({ key: TOAST, words: stopped ? 'Pasting was stopped. Undo takes away what is there.' : 'Pasted.', tone: 'good', action: { label: 'Undo', run: () => steps.undo() } })
}

function* cutLines(blocks: Iterator<Node>): Generator<Node> {
  for (let next = blocks.next(); next.done !== true; next = blocks.next()) {
    const block = next.value
    if (!block.isTextblock || block.content.size <= LONGEST_LINE) {
      yield block
      continue
    }
    for (let at = 0; at < block.content.size; at += LONGEST_LINE) yield block.cut(at, Math.min(block.content.size, at + LONGEST_LINE))
  }
}

/** The first piece: after the block of the caret, or in place of it where it is empty. Returns the block behind which the next go. */
function begin(view: EditorView, piece: Node[]): Node | null {
  // It will be a long text: the first piece is not laid out in whole either.
  view.dom.classList.add('long')
  const tr = view.state.tr
  if (!tr.selection.empty) tr.deleteSelection()
  const { $from } = tr.selection
  const content = Fragment.from(piece)
  if ($from.depth === 0) {
    tr.insert($from.pos, content)
  } else if ($from.node(1).content.size === 0) {
    tr.replaceWith($from.before(1), $from.after(1), content)
  } else {
    tr.insert($from.after(1), content)
  }
  view.dispatch(tr.setMeta('paste', true))
  return piece.at(-1) ?? null
}

/** Behind the piece before, wherever that is now: others write above it. The caret is moved at the end only, as that costs a layout. */
function put(view: EditorView, piece: Node[], anchor: Node | null): Node | null {
  view.dispatch(view.state.tr.insert(behind(view.state.doc, anchor), Fragment.from(piece)).setMeta('paste', true))
  return piece.at(-1) ?? null
}

function behind(doc: Node, anchor: Node | null): number {
  let at = doc.content.size
  for (let i = doc.childCount - 1; i >= 0; i--) {
    if (doc.child(i) === anchor) return at
    at -= doc.child(i).nodeSize
  }
  return doc.content.size
}

/** The caret behind all of it, and the page there: a frame each, as both are long walks in a long text. */
async function finish(view: EditorView, anchor: Node | null): Promise<void> {
  if (view.isDestroyed || anchor === null) return
  const { doc } = view.state
  view.dispatch(view.state.tr.setSelection(Selection.near(doc.resolve(behind(doc, anchor)), -1)))
  await frame()
  if (view.isDestroyed) return
  const at = view.domAtPos(view.state.selection.head).node
  ;(at instanceof Element ? at : at.parentElement)?.scrollIntoView({ block: 'nearest' })
}
