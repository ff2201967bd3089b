/** What is under the pointer. */

import { boundsOf, contains, distanceToEdge, distanceToSegment, grown, inside, outline, overlaps, rotate, centre } from './geometry'
import { measure } from './layout'
import { labelOf, pathPoints, type Lookup } from './linear'
import { FONT_SIZES, FRAME_NAME, isLinear, STROKE_WIDTHS, type Box, type Point, type Shape } from './shapes'

/**
 * The topmost shape at a point. What is really there, a line, an edge, a filled inside, comes before the
 * inside of an empty shape around it.
 * @param slack how far the pointer may miss, in board units.
 */
export function shapeAt(point: Point, shapes: Shape[], lookup: Lookup, slack: number): Shape | null {
  let around: Shape | null = null
  for (let i = shapes.length - 1; i >= 0; i--) {
    const shape = shapes[i] as Shape
    const touch = touches(shape, point, lookup, slack)
    if (touch === 'there') return shape
    if (touch === 'around' && (around === null || shape.w * shape.h < around.w * around.h)) around = shape
  }
  return around
}

function touches(shape: Shape, point: Point, lookup: Lookup, slack: number): 'there' | 'around' | null {
  const reach = slack + STROKE_WIDTHS[shape.width] / 2
  if (isLinear(shape)) {
    const points = pathPoints(shape, lookup)
    const label = labelOf(shape, points)
    if (label !== null && contains(label.box, point)) return 'there'
    for (let i = 1; i < points.length; i++) {
      if (distanceToSegment(point, points[i - 1] as Point, points[i] as Point) <= reach) return 'there'
    }
    return null
  }
  if (shape.type === 'frame') {
    // Taken by its name or its edge: what is within it is free for everything else.
    const { x, y, w } = shape
    const name = shape.text !== '' && contains({ x, y: y - FRAME_NAME, w: Math.min(w, nameWidth(shape)), h: FRAME_NAME }, point)
    return name || distanceToEdge(point, outline(shape)) <= reach ? 'there' : null
  }
  if (!contains(grown(boundsOf(shape), reach), point)) return null
  if (shape.type === 'pen') {
    const local = rotate(point, centre(shape), -shape.rotation)
    const at = { x: local.x - shape.x, y: local.y - shape.y }
    for (let i = 0; i < shape.points.length; i++) {
      const [x = 0, y = 0] = shape.points[i] ?? []
      const [px = x, py = y] = shape.points[i - 1] ?? []
      if (distanceToSegment(at, { x: px, y: py }, { x, y }) <= reach + STROKE_WIDTHS[shape.width] / 2) return 'there'
    }
    return null
  }
  const polygon = outline(shape)
  if (distanceToEdge(point, polygon) <= reach) return 'there'
  if (!inside(point, polygon)) return null
  const solid = shape.fill !== 'none' || shape.text !== '' || ['note', 'text', 'image'].includes(shape.type)
  return solid ? 'there' : 'around'
}

/** The name of a frame is no smaller than a finger. */
function nameWidth({ text }: Shape): number {
  return Math.max(44, measure(text, FONT_SIZES.S) + 8)
}

/** The shapes that a box touches; for an empty shape its edge counts. */
export function shapesIn(box: Box, shapes: Shape[], lookup: Lookup): Shape[] {
  return shapes.filter((shape) => {
    if (isLinear(shape)) {
      const points = pathPoints(shape, lookup)
      return points.some((point) => contains(box, point)) || crosses(box, points, false)
    }
    const bounds = boundsOf(shape)
    if (!overlaps(box, bounds)) return false
    if (shape.type === 'pen') {
      const middle = centre(shape)
      return shape.points.some(([x = 0, y = 0]) => contains(box, rotate({ x: shape.x + x, y: shape.y + y }, middle, shape.rotation)))
    }
    const polygon = outline(shape)
    if (polygon.some((point) => contains(box, point)) || crosses(box, polygon, true)) return true
    // A box inside a filled shape touches it, inside an empty one it does not.
    return shape.fill !== 'none' && shape.type !== 'frame' && inside({ x: box.x, y: box.y }, polygon)
  })
}

function crosses(box: Box, points: Point[], closed: boolean): boolean {
  const edges: [Point, Point][] = [
    [{ x: box.x, y: box.y }, { x: box.x + box.w, y: box.y }],
    [{ x: box.x + box.w, y: box.y }, { x: box.x + box.w, y: box.y + box.h }],
    [{ x: box.x + box.w, y: box.y + box.h }, { x: box.x, y: box.y + box.h }],
    [{ x: box.x, y: box.y + box.h }, { x: box.x, y: box.y }],
  ]
  for (let i = closed ? 0 : 1; i < points.length; i++) {
    const a = points[(i - 1 + points.length) % points.length] as Point
    const b = points[i] as Point
    if (edges.some(([c, d]) => meet(a, b, c, d))) return true
  }
  return false
}

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point): number => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x))
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)
}
