/**
 * The text and the editor, one and the same, also while somebody composes.
 *
 * A browser forgets what is being composed when its line is drawn anew, and the stages of a word stay behind as letters. So what
 * others write into that line waits until the word is there, or until nobody has touched a key for a moment: a phone composes
 * for as long as the caret stands in a word. What waits is part of the text already; only this screen shows it later, and
 * places are mapped on their way between the two.
 */

import { Annotation, ChangeSet, type Extension, Facet, Transaction } from '@codemirror/state'
import { EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view'
import { yCollab, ySync, ySyncAnnotation, ySyncFacet, type YSyncConfig } from 'y-codemirror.next'
import type * as Y from 'yjs'

/** Milliseconds without a key after which a composition is at rest. */
const REST = 1500

/** Called whenever what waited for the end of a composition may be drawn. */
export const whenComposed = Facet.define<(view: EditorView) => void>()

/** On changes that are part of the step before, such as the pieces of one paste. */
export const sameStep = Annotation.define<boolean>()

const undoOf = Facet.define<Y.UndoManager>()

/** Letters, new lines, and letters that are taken away one by one: typing is one step for as long as nobody pauses. */
const TYPING = /^(input(\.type(\..*)?)?|delete(\.(backward|forward))?)$/

class Sync {
  /** What is in the text and not yet on this screen. */
  private held: ChangeSet | null = null
  private lastKey = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly conf: YSyncConfig
  private readonly text: Y.Text

  constructor(private readonly view: EditorView) {
    this.conf = view.state.facet(ySyncFacet)
    this.text = this.conf.ytext
    this.text.observe(this.onText)
  }

  destroy(): void {
    clearTimeout(this.timer)
    this.text.unobserve(this.onText)
  }

  /** Whether what is drawn into the line of the caret would disturb. */
  get busy(): boolean {
    return this.view.composing && Date.now() - this.lastKey < REST
  }

  toText(place: number): number {
    return this.held === null ? place : this.held.mapPos(place, 1)
  }

  toScreen(place: number): number {
    return this.held === null ? place : this.held.invertedDesc.mapPos(Math.min(place, this.held.newLength), 1)
  }

  key(): void {
    this.lastKey = Date.now()
    this.releaseLater(REST)
  }

  releaseLater(after: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (this.busy) return this.releaseLater(REST)
      this.release()
      for (const told of this.view.state.facet(whenComposed)) told(this.view)
    }, after)
  }

  update(update: ViewUpdate): void {
    if (!update.docChanged || update.transactions[0]?.annotation(ySyncAnnotation) === this.conf) return
    const changes = this.held === null ? update.changes : update.changes.map(this.held)
    if (this.held !== null) this.held = this.held.map(update.changes, true)
    const [undo] = this.view.state.facet(undoOf)
    const kind = kindOf(update.transactions)
    if (kind !== 'typing') undo?.stopCapturing()
    this.text.doc?.transact(() => {
      let moved = 0
      changes.iterChanges((from, to, _from, _to, inserted) => {
        if (to > from) this.text.delete(from + moved, to - from)
        const words = inserted.sliceString(0, inserted.length, '\n')
        if (words !== '') this.text.insert(from + moved, words)
        moved += words.length - (to - from)
      })
    }, this.conf)
    if (kind === 'alone') undo?.stopCapturing()
  }

  private readonly onText = (event: Y.YTextEvent, transaction: Y.Transaction): void => {
    if (transaction.origin === this.conf) return
    const { doc } = this.view.state
    const length = this.held === null ? doc.length : this.held.newLength
    const changes = changesOf(event, length)
    if (this.held === null && !(this.busy && touchesLine(this.view, changes))) return this.show(changes)
    this.held = this.held === null ? changes : this.held.compose(changes)
    this.releaseLater(REST)
  }

  private release(): void {
    const { held } = this
    this.held = null
    if (held !== null) this.show(held)
  }

  private show(changes: ChangeSet): void {
    this.view.dispatch({ changes, annotations: [ySyncAnnotation.of(this.conf)] })
  }
}

/** How changes stand to the typing before and after them: what is not typed is a step of its own, typing over a selection begins one. */
function kindOf(transactions: readonly Transaction[]): 'typing' | 'begins' | 'alone' {
  let kind: ReturnType<typeof kindOf> = 'typing'
  for (const each of transactions) {
    if (!each.docChanged || each.annotation(sameStep) === true) continue
    const event = each.annotation(Transaction.userEvent) ?? ''
    if (!TYPING.test(event)) return 'alone'
    // Whoever composes letters has the stages of a word selected.
    if (event !== 'input.type.compose' && each.startState.selection.ranges.some(({ empty }) => !empty)) kind = 'begins'
  }
  return kind
}

function changesOf(event: Y.YTextEvent, length: number): ChangeSet {
  const changes: { from: number; to?: number; insert?: string }[] = []
  let place = 0
  for (const { insert, delete: deleted, retain } of event.delta) {
    if (typeof insert === 'string') changes.push({ from: place, insert })
    else if (deleted !== undefined) {
      changes.push({ from: place, to: place + deleted })
      place += deleted
    } else place += retain ?? 0
  }
  return ChangeSet.of(changes, length, '\n')
}

function touchesLine(view: EditorView, changes: ChangeSet): boolean {
  const { from, to } = view.state.doc.lineAt(view.state.selection.main.head)
  return changes.touchesRange(from, to) !== false
}

const plugin = ViewPlugin.fromClass(Sync, {
  eventObservers: {
    compositionstart() {
      this.key()
    },
    compositionupdate() {
      this.key()
    },
    compositionend() {
      // CodeMirror reads the last letters of the word first.
      this.releaseLater(0)
    },
  },
})

/** The text in the editor, with undo of one's own edits. */
export function textSync(text: Y.Text, undoManager: Y.UndoManager): Extension {
  const parts = yCollab(text, null, { undoManager }) as Extension[]
  return [undoOf.of(undoManager), parts.map((part) => (part === ySync ? plugin : part))]
}

/** Where a place of the screen is in the text. */
export function toText(view: EditorView, place: number): number {
  return view.plugin(plugin)?.toText(place) ?? place
}

/** Where a place of the text is on the screen. */
export function toScreen(view: EditorView, place: number): number {
  return view.plugin(plugin)?.toScreen(place) ?? place
}

/** Whether somebody composes here, so that nothing is to be drawn into their line. */
export function isComposing(view: EditorView): boolean {
  return view.plugin(plugin)?.busy ?? false
}
