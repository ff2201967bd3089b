/**
 * Composition goes on while others write into the same line.
 *
 * ProseMirror sets a line's words anew when others have changed them, and the caret with them; the browser then
 * forgets what was being composed, and the stages of a word stay behind as letters. Also what was composed since
 * ProseMirror last looked would be lost. So, while somebody composes, of what others changed only the difference
 * is written into a line, apart on both sides of the caret, and the caret stays where the browser has it.
 */

import type { Node as Content } from 'prosemirror-model'
import { Plugin, type EditorState } from 'prosemirror-state'
import type { EditorView } from 'prosemirror-view'

import { cameFromDocument } from './sync'

/** What ProseMirror keeps for each text node of the page. */
interface TextDesc {
  node: Content
  nodeDOM: Node
  children?: TextDesc[]
  damage: number
  update(node: Content, outer: unknown, inner: unknown, view: EditorView): boolean
}

/** A text, and how far into it the caret is. */
interface Caret {
  node: Content
  offset: number
}

interface Composing {
  /** Whether the state that is being shown came from others. */
  others: boolean
  /** Where the caret was in the state that is shown. */
  caret: Caret | null
  /** Whether the words that the caret is in were changed around it. */
  kept: boolean
}

const patched = new WeakSet<object>()
const editors = new WeakMap<EditorView, Composing>()

/** Keeps compositions of this editor whole. */
export function composing(): Plugin {
  const now: Composing = { others: false, caret: null, kept: false }
  return new Plugin({
    state: {
      init: () => null,
      apply: (tr) => {
        if (tr.docChanged) now.others = cameFromDocument(tr)
        return null
      },
    },
    view: (view) => {
      editors.set(view, now)
      const { domSel } = view as unknown as { domSel?: { sync(force?: boolean): void } }
      if (domSel !== undefined) {
        const sync = domSel.sync.bind(domSel)
        domSel.sync = (force) => {
          if (!now.kept) sync(force)
        }
      }
      patch(view)
      return {
        update: () => {
          now.caret = caretOf(view.state)
          now.others = now.kept = false
          patch(view)
        },
      }
    },
  })
}

function caretOf({ selection: { $head } }: EditorState): Caret | null {
  if ($head.textOffset > 0) return { node: $head.parent.child($head.index()), offset: $head.textOffset }
  if ($head.nodeBefore?.isText === true) return { node: $head.nodeBefore, offset: $head.nodeBefore.nodeSize }
  return $head.nodeAfter?.isText === true ? { node: $head.nodeAfter, offset: 0 } : null
}

/** The class of ProseMirror's text nodes can only be had from one of them. */
function patch(view: EditorView): void {
  if (patched.has(classOf(view))) return
  const found = firstText((view as unknown as { docView: TextDesc }).docView)
  if (found === null) return
  patched.add(classOf(view))
  const made = Object.getPrototypeOf(found) as TextDesc
  const update = made.update
  made.update = function (this: TextDesc, node, outer, inner, on) {
    const state = editors.get(on)
    const { nodeDOM } = this
    const after = node.text ?? ''
    const merges = on.composing && state !== undefined && nodeDOM instanceof Text && nodeDOM.data !== after
    if (!merges || !node.sameMarkup(this.node) || (this.damage & 4) !== 0) return update.call(this, node, outer, inner, on)
    const selection = on.dom.ownerDocument.getSelection()
    const here = selection?.focusNode === nodeDOM
    const to = caretOf(on.state)
    const caretAfter = to?.node === node ? to.offset : null
    if (state.others) write(nodeDOM, this.node.text ?? '', after, state.caret?.node === this.node ? state.caret.offset : null, caretAfter)
    else write(nodeDOM, nodeDOM.data, after, here ? selection.focusOffset : null, caretAfter)
    // Where the browser's caret went with the words, it is where it belongs.
    state.kept ||= here && caretAfter !== null
    this.node = node
    this.damage = 0
    return true
  }
  // ProseMirror would leave the words as they are and put what is new beside them, only to write them anew with the next letter.
  const blocks = Object.getPrototypeOf(made) as { localCompositionInfo?(this: TextDesc, on: EditorView, at: number): unknown }
  const info = blocks.localCompositionInfo
  if (info === undefined) return
  blocks.localCompositionInfo = function (on, at) {
    return this.node.inlineContent && editors.get(on)?.others === true ? null : info.call(this, on, at)
  }
}

function classOf(view: EditorView): object {
  return view.constructor
}

function firstText(desc: TextDesc): TextDesc | null {
  if (desc.node?.isText === true) return desc
  for (const child of desc.children ?? []) {
    const found = firstText(child)
    if (found !== null) return found
  }
  return null
}

/** Change a text of the page as `before` became `after`; what was composed in it meanwhile stays. */
function write(dom: Text, before: string, after: string, caretBefore: number | null, caretAfter: number | null): void {
  // What ProseMirror has not read yet stands between what is the same at both ends.
  const same = commonStart(dom.data, before)
  const longer = dom.data.length - before.length
  const place = (at: number): number => (at <= same ? at : Math.max(same, at + longer))
  const changes =
    caretBefore === null || caretAfter === null
      ? [difference(before, after, 0)]
      : // The far side first: places on the near side stay what they are.
        [difference(before.slice(caretBefore), after.slice(caretAfter), caretBefore), difference(before.slice(0, caretBefore), after.slice(0, caretAfter), 0)]
  for (const { at, removed, added } of changes) {
    if (removed > 0) dom.deleteData(place(at), Math.min(removed, dom.length - place(at)))
    if (added !== '') dom.insertData(Math.min(place(at), dom.length), added)
  }
}

function difference(before: string, after: string, begin: number): { at: number; removed: number; added: string } {
  // What is composed stands before the caret: the end is compared first.
  const end = commonEnd(before, after)
  const start = Math.min(commonStart(before, after), before.length - end, after.length - end)
  return { at: begin + start, removed: before.length - start - end, added: after.slice(start, after.length - end) }
}

function commonStart(one: string, other: string): number {
  let length = 0
  while (length < one.length && length < other.length && one[length] === other[length]) length += 1
  return length
}

function commonEnd(one: string, other: string): number {
  let length = 0
  while (length < one.length && length < other.length && one[one.length - 1 - length] === other[other.length - 1 - length]) length += 1
  return length
}
