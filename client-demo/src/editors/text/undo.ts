/** Undo of one's own edits only; what went in over many frames goes out over many frames, as one step for whoever asks. */

import type { Slice } from 'prosemirror-model'
import { type EditorState, Plugin, PluginKey, type Transaction } from 'prosemirror-state'
import { ReplaceStep } from 'prosemirror-transform'
import { defaultDeleteFilter, defaultProtectedNodes, ySyncPluginKey, yUndoPluginKey } from 'y-prosemirror'
import * as Y from 'yjs'

import { frame } from '../../ui/dom'

/** Typing without a pause for so many milliseconds is one step. */
const LONGEST_STEP = 1500
const GROUP = Symbol('group')

export class Steps {
  readonly manager: Y.UndoManager
  private group: object | null = null
  private began = 0
  private busy = false

  constructor(fragment: Y.XmlFragment) {
    this.manager = new Y.UndoManager(fragment, {
      trackedOrigins: new Set([ySyncPluginKey]),
      captureTimeout: 500,
      deleteFilter: (item) => defaultDeleteFilter(item, defaultProtectedNodes),
      captureTransaction: (transaction) => transaction.meta.get('addToHistory') !== false,
    })
    this.manager.on('stack-item-added', ({ stackItem }) => {
      this.began = Date.now()
      const group = this.group ?? this.manager.currStackItem?.meta.get(GROUP)
      if (group !== undefined) stackItem.meta.set(GROUP, group)
    })
    this.manager.on('stack-item-updated', () => {
      // Somebody who types on and on wants back a few words, not a page.
      if (this.group !== null || Date.now() - this.began > LONGEST_STEP) this.manager.stopCapturing()
    })
  }

  /** From now on, all is one step, of as many parts as there are pauses between; returns how to end that. */
  begin(): () => void {
    this.manager.stopCapturing()
    const group = (this.group = {})
    const { captureTimeout } = this.manager
    this.manager.captureTimeout = 0
    return () => {
      if (this.group !== group) return
      this.group = null
      this.manager.captureTimeout = captureTimeout
      this.manager.stopCapturing()
    }
  }

  /** What is done next is a step of its own. */
  stop(): void {
    this.manager.stopCapturing()
  }

  undo(): void {
    this.take('undo')
  }

  redo(): void {
    this.take('redo')
  }

  can(which: 'undo' | 'redo'): boolean {
    return which === 'undo' ? this.manager.canUndo() : this.manager.canRedo()
  }

  destroy(): void {
    this.manager.destroy()
  }

  private take(which: 'undo' | 'redo'): void {
    if (this.busy) return
    const stack = (): Y.UndoManager['undoStack'] => (which === 'undo' ? this.manager.undoStack : this.manager.redoStack)
    const group: unknown = stack().at(-1)?.meta.get(GROUP)
    this.manager[which]()
    if (group === undefined) return
    this.busy = true
    const next = (): void => {
      if (stack().at(-1)?.meta.get(GROUP) !== group) {
        this.busy = false
        return
      }
      this.manager[which]()
      void frame().then(next)
    }
    void frame().then(next)
  }
}

/** The steps of an editor. */
export function stepsOf(state: EditorState): Steps {
  return STEPS.get(yUndoPluginKey.getState(state)?.undoManager as Y.UndoManager) as Steps
}

const STEPS = new WeakMap<Y.UndoManager, Steps>()

/** Make the steps of a fragment; its editor finds them by its undo manager. */
export function makeSteps(fragment: Y.XmlFragment): Steps {
  const steps = new Steps(fragment)
  STEPS.set(steps.manager, steps)
  return steps
}

/** How a change stands to the typing before and after it. */
type Kind = 'typing' | 'begins' | 'alone'
const kinds = new PluginKey<Kind>('kinds of steps')
const ORDER: readonly Kind[] = ['typing', 'begins', 'alone']

/**
 * What is not typing is a step of its own, however soon it follows: who widens a picture that was pasted a moment ago, and
 * takes that back, keeps the picture. Typing over a selection begins a step. The first plugin goes before the one that writes
 * to the document, the other behind it.
 */
export function stepsOfTheirOwn(steps: Steps): { before: Plugin; behind: Plugin } {
  const stopAt = (which: readonly Kind[]) => (): { update(view: { state: EditorState }, before: EditorState): void } => ({
    update: (view, before) => {
      if (view.state.doc !== before.doc && which.includes(kinds.getState(view.state) ?? 'typing')) steps.stop()
    },
  })
  return {
    before: new Plugin<Kind>({
      key: kinds,
      state: {
        init: () => 'typing',
        apply: (tr, was, before) => {
          const kind = kindOf(tr, before)
          const appended = tr.getMeta('appendedTransaction') !== undefined
          return appended && ORDER.indexOf(was) > ORDER.indexOf(kind) ? was : kind
        },
      },
      view: stopAt(['begins', 'alone']),
    }),
    behind: new Plugin({ view: stopAt(['alone']) }),
  }
}

function kindOf(tr: Transaction, before: EditorState): Kind {
  if (!tr.docChanged) return 'typing'
  if (!isTyping(tr)) return 'alone'
  // Whoever composes letters has the stages of a word selected.
  if (before.selection.empty || tr.getMeta('composition') !== undefined) return 'typing'
  return tr.steps.some((step) => step instanceof ReplaceStep && step.slice.size > 0) ? 'begins' : 'alone'
}

function isTyping(tr: Transaction): boolean {
  if (tr.getMeta('paste') === true || tr.getMeta('uiEvent') !== undefined || tr.getMeta(ySyncPluginKey) !== undefined) return false
  return tr.steps.every((step, at) => step instanceof ReplaceStep && !holdsBlocks(step.slice) && !holdsBlocks(tr.docs[at]?.slice(step.from, step.to) ?? step.slice))
}

/** A line that is broken puts two halves of nothing in; whatever has text in a block, or is no text, is no typing. */
function holdsBlocks(slice: Slice): boolean {
  let holds = false
  slice.content.descendants((node) => {
    holds ||= !node.isText && (node.isLeaf || node.childCount > 0)
    return !holds
  })
  return holds
}
