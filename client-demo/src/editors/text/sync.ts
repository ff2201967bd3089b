/** The fragment and the editor, one and the same: y-prosemirror with undo of one's own edits only. */

import type { EditorState, Plugin } from 'prosemirror-state'
import { ySyncPlugin, ySyncPluginKey, yUndoPlugin } from 'y-prosemirror'
import * as Y from 'yjs'

import { makeSteps, type Steps, stepsOfTheirOwn } from './undo'

/** Elements whose content is one XML text. */
const TEXTBLOCKS = new Set(['paragraph', 'heading', 'codeBlock'])

export interface Sync {
  plugins: Plugin[]
  steps: Steps
  destroy(): void
}

/** Bind a fragment; the plugins go into an editor's state. */
export function sync(fragment: Y.XmlFragment): Sync {
  const doc = fragment.doc as Y.Doc
  const steps = makeSteps(fragment)
  const stop = seedTexts(doc)
  const { before, behind } = stepsOfTheirOwn(steps)
  return {
    plugins: [before, ySyncPlugin(fragment), behind, yUndoPlugin({ undoManager: steps.manager })],
    steps,
    destroy: () => {
      stop()
      steps.destroy()
    },
  }
}

/** Whether what made this state came from the document, and not from the hands at this screen. */
export function cameFromDocument(transaction: { getMeta(key: unknown): unknown }): boolean {
  const meta = transaction.getMeta(ySyncPluginKey) as { isChangeOrigin?: boolean } | undefined
  return meta?.isChangeOrigin === true
}

/** Where places of a state are looked up: y-prosemirror's own table of what is where. */
export function bindingOf(state: EditorState): { type: Y.XmlFragment; doc: Y.Doc; mapping: Map<Y.AbstractType<unknown>, never> } {
  const { binding } = ySyncPluginKey.getState(state) as { binding: { type: Y.XmlFragment; doc: Y.Doc; mapping: Map<Y.AbstractType<unknown>, never> } }
  return binding
}

/**
 * Give every new empty line its text at once. Otherwise two people who begin to type in it at the same time
 * make one each, and letters are lost while the two become one.
 */
function seedTexts(doc: Y.Doc): () => void {
  const seed = (transaction: Y.Transaction): void => {
    if (transaction.origin !== ySyncPluginKey) return
    const from = transaction.beforeState.get(doc.clientID) ?? 0
    const to = transaction.afterState.get(doc.clientID) ?? 0
    if (from === to) return
    const bare: Y.XmlElement[] = []
    const structs = doc.store.clients.get(doc.clientID) ?? []
    for (let at = Y.findIndexSS(structs, from); at < structs.length; at++) {
      const struct = structs[at]
      if (!(struct instanceof Y.Item) || struct.deleted || !(struct.content instanceof Y.ContentType)) continue
      const { type } = struct.content
      if (type instanceof Y.XmlElement && TEXTBLOCKS.has(type.nodeName) && type._first === null) bare.push(type)
    }
    if (bare.length === 0) return
    doc.transact(() => {
      for (const element of bare) element.insert(0, [new Y.XmlText()])
    }, ySyncPluginKey)
  }
  doc.on('afterTransaction', seed)
  return () => doc.off('afterTransaction', seed)
}
