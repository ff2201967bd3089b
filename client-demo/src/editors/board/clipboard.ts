/** Shapes on the clipboard: JSON as plain text, so that it goes between boards, windows and scripts. */

import { union, boundsOf } from './geometry'
import { fitted } from './layout'
import { asPlain, readShape, type Point, type Shape } from './shapes'
import { copiesOf } from './transform'

const FORMAT = 'collab/board'
const MOST_SHAPES = 5000

/** Shapes as text for the clipboard. */
export function toClipboard(shapes: Shape[]): string {
  return JSON.stringify({ format: FORMAT, version: 1, shapes: shapes.map((shape) => ({ id: shape.id, ...asPlain(shape) })) })
}

/** Shapes out of the clipboard, with ids of their own, around `middle`; null where the text is something else. */
export function fromClipboard(text: string, middle: Point): Shape[] | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const { format, shapes } = (typeof value === 'object' && value !== null ? value : {}) as { format?: unknown; shapes?: unknown }
  if (format !== FORMAT || !Array.isArray(shapes)) return null
  const read = shapes
    .slice(0, MOST_SHAPES)
    .map((shape: unknown) => readShape(String((shape as { id?: unknown } | null)?.id ?? ''), shape))
    .filter((shape) => shape !== null)
    .map(fitted)
  const box = union(read.map((shape) => boundsOf(shape)))
  if (box === null) return []
  const dx = middle.x - box.x - box.w / 2
  const dy = middle.y - box.y - box.h / 2
  return copiesOf(read).map((shape) => ({ ...shape, x: shape.x + dx, y: shape.y + dy }))
}
