/** A large text on the clipboard goes into the code over many frames. */

import { EditorSelection, type Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import type * as Y from 'yjs'

import type { EditorContext } from '../editor'
import { overFrames } from '../pasting'
import { sameStep } from './sync'

/** From so many characters on it goes in pieces. */
const LARGE = 40_000
const FIRST = 16_000
/** Characters of one piece: what the editor and the CRDT take in one go without a late frame. */
const MOST = 128_000

/** A CodeMirror extension. */
export function largePastes(undo: Y.UndoManager, toast: EditorContext['toast']): Extension {
  /** Where pastes that are under way go on; others write before and behind them. */
  const places = new Set<{ at: number }>()

  async function paste(view: EditorView, text: string): Promise<void> {
    const { from, to } = view.state.selection.main
    const place = { at: from }
    /** What was selected goes with the first piece. */
    let over = to - from
    places.add(place)
    const put = (begin: number, end: number): void => {
      const { at } = place
      const insert = text.slice(begin, end)
      const followed = view.state.selection.main.empty && view.state.selection.main.head === at
      view.dispatch({
        changes: { from: at, to: at + over, insert },
        ...(followed || over > 0 ? { selection: EditorSelection.cursor(at + insert.length) } : {}),
        userEvent: 'input.paste',
        annotations: sameStep.of(true),
      })
      over = 0
      place.at = at + insert.length
    }
    try {
      const goesOn = (): boolean => view.dom.isConnected && !view.state.readOnly
      await overFrames(text.length, put, { toast, undo, first: FIRST, most: MOST, goesOn })
    } finally {
      places.delete(place)
    }
    if (view.dom.isConnected) view.dispatch({ effects: EditorView.scrollIntoView(view.state.selection.main.head) })
  }

  return [
    EditorView.updateListener.of((update) => {
      for (const place of places) place.at = update.changes.mapPos(place.at, 1)
    }),
    EditorView.domEventHandlers({
      paste: (event, view) => {
        const text = (event.clipboardData?.getData('text/plain') ?? '').replace(/\r\n?/g, '\n')
        if (text.length < LARGE || view.state.readOnly || view.state.selection.ranges.length > 1) return false
        event.preventDefault()
        void paste(view, text)
        return true
      },
    }),
  ]
}
