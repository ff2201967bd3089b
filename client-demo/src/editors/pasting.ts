/**
 * Much at once, put in piece by piece: every piece takes a few milliseconds, so that no frame is late.
 *
 * ```ts
 * const pasted = await overFrames(shapes.length, (from, to) => store.add(shapes.slice(from, to)), { toast, undo })
 * ```
 *
 * `put(from, to)` puts in what is between two indices: shapes of a list, characters of a text. It is called once per
 * frame, with as much as the ones before let expect to fit. What other people write meanwhile is between two calls:
 * a place in the document has to be mapped by whoever keeps it. All of it is one step of undo.
 */

import type * as Y from 'yjs'

import { frame } from '../ui/dom'
import { closeToast, type Toast } from '../ui/toasts'

/** Milliseconds that a piece may take, with the frame that shows it; the next one is made larger or smaller by that. */
const BUDGET = 32
/** Milliseconds after which one is told how far it is, and how often. */
const TELL = 250
const KEY = 'pasting'

export interface Slicing {
  toast: (message: Toast) => void
  undo: Y.UndoManager
  /** How many make the first piece, and how many one at most. */
  first?: number
  most?: number
  /** False where it makes no sense any more: the editor is gone, or the person may not write. */
  goesOn?: () => boolean
}

/** Put in `total` things over many frames, with a message that says how far it is; returns whether all of it is in. */
export async function overFrames(total: number, put: (from: number, to: number) => void, options: Slicing): Promise<boolean> {
  const { toast, undo, first = 64, most = Number.POSITIVE_INFINITY, goesOn = (): boolean => true } = options
  const timeout = undo.captureTimeout
  undo.stopCapturing()
  undo.captureTimeout = Number.POSITIVE_INFINITY
  let stopped = false
  let told = false
  let at = 0
  let size = first
  let tellAt = performance.now() + TELL
  try {
    while (at < total && !stopped && goesOn()) {
      const began = performance.now()
      const to = Math.min(total, at + size)
      put(at, to)
      at = to
      const putting = performance.now() - began
      const took = putting + (await frame())
      // Never less than the first: what a frame costs by itself is no reason to need more of them.
      size = Math.max(first, Math.min(most, Math.round(size * Math.min(2, Math.max(0.5, BUDGET / Math.max(1, took))))))
      if (performance.now() < tellAt || at >= total) continue
      told = true
      tellAt = performance.now() + TELL
      const words = `Pasting... ${Math.floor((at / total) * 100)} %`
      toast({ key: KEY, words, sticky: true, action: { label: 'Stop', run: () => (stopped = true) } })
    }
  } finally {
    if (told) closeToast(KEY)
    undo.captureTimeout = timeout
    undo.stopCapturing()
  }
  if (told && goesOn()) {
    const words = stopped ? 'Pasting was stopped. Undo takes away what is there.' : 'Pasted.'
    toast({ key: KEY, words, tone: 'good', action: { label: 'Undo', run: () => void undo.undo() } })
  }
  return at >= total
}
