/**
 * Where people are in a text. Places travel as `cursor: { anchor, head }` in the awareness, relative
 * positions as JSON: the shape that y-codemirror.next and y-quill use too.
 */

import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { Peer } from '../ui/presence'

/** A selection in characters; `head` is the end that moves. */
export interface Place {
  anchor: number
  head: number
}

/** Where a participant is in `text`, or null where they are not in it. */
export function placeOf(peer: Pick<Peer, 'state'>, text: Y.Text): Place | null {
  const { doc } = text
  const cursor = peer.state['cursor'] as { anchor?: unknown; head?: unknown } | null | undefined
  if (doc === null || typeof cursor !== 'object' || cursor === null) return null
  const anchor = indexOf(cursor.anchor, text, doc)
  const head = indexOf(cursor.head, text, doc)
  return anchor === null || head === null ? null : { anchor, head }
}

function indexOf(position: unknown, text: Y.Text, doc: Y.Doc): number | null {
  try {
    const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(position), doc)
    return found?.type === text ? found.index : null
  } catch {
    // Others may send anything.
    return null
  }
}

/** Returns a function that tells the others where we are; the same place twice is told once. */
export function placeTeller(text: Y.Text, awareness: Awareness): (place: Place) => void {
  let told = ''
  return ({ anchor, head }) => {
    const cursor = { anchor: relative(text, anchor), head: relative(text, head) }
    const key = JSON.stringify(cursor)
    if (key === told) return
    told = key
    awareness.setLocalStateField('cursor', cursor)
  }
}

function relative(text: Y.Text, index: number): unknown {
  return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, Math.min(index, text.length)))
}
