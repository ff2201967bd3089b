/** Snapping: edges and middles of what is moved meet those of what is around. */

import type { Box } from './shapes'

/** A line on the board that shows what was snapped to. */
export interface Guide {
  x1: number
  y1: number
  x2: number
  y2: number
}

export interface Snap {
  dx: number
  dy: number
  guides: Guide[]
}

interface Match {
  by: number
  at: number
  other: Box
}

/**
 * How far to move `box` so that it lines up.
 * @param sides which parts of the box may snap; all of them when it is moved, one when it is resized.
 */
export function snapBox(
  box: Box,
  others: Box[],
  reach: number,
  sides: { x: (0 | 0.5 | 1)[]; y: (0 | 0.5 | 1)[] } = { x: [0, 0.5, 1], y: [0, 0.5, 1] },
): Snap {
  const x = nearest(sides.x.map((part) => box.x + box.w * part), others, reach, (other) => [other.x, other.x + other.w / 2, other.x + other.w])
  const y = nearest(sides.y.map((part) => box.y + box.h * part), others, reach, (other) => [other.y, other.y + other.h / 2, other.y + other.h])
  const dx = x?.by ?? 0
  const dy = y?.by ?? 0
  const snapped = { ...box, x: box.x + dx, y: box.y + dy }
  const guides: Guide[] = []
  if (x !== null) {
    guides.push({
      x1: x.at,
      x2: x.at,
      y1: Math.min(snapped.y, x.other.y),
      y2: Math.max(snapped.y + snapped.h, x.other.y + x.other.h),
    })
  }
  if (y !== null) {
    guides.push({
      y1: y.at,
      y2: y.at,
      x1: Math.min(snapped.x, y.other.x),
      x2: Math.max(snapped.x + snapped.w, y.other.x + y.other.w),
    })
  }
  return { dx, dy, guides }
}

function nearest(own: number[], others: Box[], reach: number, linesOf: (other: Box) => number[]): Match | null {
  let best: Match | null = null
  for (const other of others) {
    for (const at of linesOf(other)) {
      for (const line of own) {
        const by = at - line
        if (Math.abs(by) <= reach && (best === null || Math.abs(by) < Math.abs(best.by))) best = { by, at, other }
      }
    }
  }
  return best
}
