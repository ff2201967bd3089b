/** Frames: a named part of the board, that takes with it what lies within it. */

import type { Box, Shape } from './shapes'

/**
 * Shapes, and what lies within those of them that are frames. It is where things lie that counts, and nothing in the
 * document: so it is true whoever has moved them, and with whatever.
 */
export function withContents(shapes: Shape[], all: Shape[], boundsOf: (shape: Shape) => Box): Shape[] {
  const frames = shapes.filter((shape) => shape.type === 'frame')
  if (frames.length === 0) return shapes
  const taken = new Set(shapes)
  return all.filter((shape) => taken.has(shape) || (!shape.locked && liesIn(boundsOf(shape), frames)))
}

function liesIn(box: Box, frames: Shape[]): boolean {
  return frames.some(({ x, y, w, h }) => box.x >= x && box.y >= y && box.x + box.w <= x + w && box.y + box.h <= y + h)
}
