/** Where people are in a text: `cursor: { anchor, head }` in the awareness, as y-prosemirror's own carets have it. */

import type { EditorState } from 'prosemirror-state'
import { absolutePositionToRelativePosition, relativePositionToAbsolutePosition } from 'y-prosemirror'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'

import type { Peer } from '../../ui/presence'
import type { Place } from '../places'
import { bindingOf } from './sync'

/** Where a participant is in the editor's document, or null where they are not in it. */
export function placeIn(state: EditorState, peer: Pick<Peer, 'state'>): Place | null {
  const cursor = peer.state['cursor'] as { anchor?: unknown; head?: unknown } | null | undefined
  if (typeof cursor !== 'object' || cursor === null) return null
  const [anchor, head] = [positionOf(state, cursor.anchor), positionOf(state, cursor.head)]
  return anchor === null || head === null ? null : { anchor, head }
}

function positionOf(state: EditorState, place: unknown): number | null {
  try {
    const { type, doc, mapping } = bindingOf(state)
    const at = relativePositionToAbsolutePosition(doc, type, Y.createRelativePositionFromJSON(place), mapping)
    return at === null ? null : Math.min(at, state.doc.content.size)
  } catch {
    // Others may send anything.
    return null
  }
}

/** Returns a function that tells the others where we are; the same place twice is told once. */
export function teller(awareness: Awareness): (state: EditorState) => void {
  let told = ''
  return (state) => {
    const { type, mapping } = bindingOf(state)
    const relative = (at: number): unknown => Y.relativePositionToJSON(absolutePositionToRelativePosition(at, type, mapping))
    const { anchor, head } = state.selection
    const cursor = { anchor: relative(anchor), head: relative(head) }
    const key = JSON.stringify(cursor)
    if (key === told) return
    told = key
    awareness.setLocalStateField('cursor', cursor)
  }
}
