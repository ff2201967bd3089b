/** Aligning and distributing: by how much things move. Pure functions. */

import type { Box } from './shapes'

export type Align = 'left' | 'centre' | 'right' | 'top' | 'middle' | 'bottom'

/** Where along an axis a box is aligned. */
const SIDES: Record<Align, { axis: 'x' | 'y'; part: 0 | 0.5 | 1 }> = {
  left: { axis: 'x', part: 0 },
  centre: { axis: 'x', part: 0.5 },
  right: { axis: 'x', part: 1 },
  top: { axis: 'y', part: 0 },
  middle: { axis: 'y', part: 0.5 },
  bottom: { axis: 'y', part: 1 },
}

/** By how much each box moves so that all lie on one line, within the box around them. */
export function aligned(boxes: Box[], around: Box, how: Align): { dx: number; dy: number }[] {
  const { axis, part } = SIDES[how]
  const size = axis === 'x' ? 'w' : 'h'
  return boxes.map((box) => {
    const by = around[axis] + around[size] * part - (box[axis] + box[size] * part)
    return axis === 'x' ? { dx: by, dy: 0 } : { dx: 0, dy: by }
  })
}

/** By how much each box moves so that there is as much room between any two; the first and the last stay. */
export function distributed(boxes: Box[], axis: 'x' | 'y'): { dx: number; dy: number }[] {
  const size = axis === 'x' ? 'w' : 'h'
  const order = boxes.map((_, i) => i).sort((i, j) => middle(boxes[i] as Box) - middle(boxes[j] as Box))
  const [first, last] = [boxes[order[0] ?? 0], boxes[order.at(-1) ?? 0]]
  const moves = boxes.map(() => ({ dx: 0, dy: 0 }))
  if (first === undefined || last === undefined || boxes.length < 3) return moves
  const room = last[axis] + last[size] - first[axis] - boxes.reduce((sum, box) => sum + box[size], 0)
  let at = first[axis]
  for (const i of order) {
    const box = boxes[i] as Box
    moves[i] = axis === 'x' ? { dx: at - box.x, dy: 0 } : { dx: 0, dy: at - box.y }
    at += box[size] + room / (boxes.length - 1)
  }
  return moves

  function middle(box: Box): number {
    return box[axis] + box[size] / 2
  }
}
