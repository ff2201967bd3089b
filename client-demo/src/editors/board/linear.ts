/** Arrows and lines: where their ends are, given the shapes that they stick to. */

import { centre, firstCrossing, inside, outline, rotate } from './geometry'
import { isLinear, type Binding, type Point, type Shape } from './shapes'

/** Finds a shape as it is shown. */
export type Lookup = (id: string) => Shape | undefined

/** What an arrow keeps away from the shape that it points at. */
const GAP = 6

/** The points of an arrow or a line on the board. An end that sticks stops at the edge of its shape. */
export function linearPoints(shape: Shape, lookup: Lookup): Point[] {
  const points = shape.points.map(([x = 0, y = 0]) => ({ x: shape.x + x, y: shape.y + y }))
  const first = points[0]
  const last = points[points.length - 1]
  if (first === undefined || last === undefined || (shape.from === null && shape.to === null)) return points
  const from = target(shape.from, lookup)
  const to = target(shape.to, lookup)
  const start = from === null ? first : from.at
  const end = to === null ? last : to.at
  const afterStart = points.length > 2 ? (points[1] as Point) : end
  const beforeEnd = points.length > 2 ? (points[points.length - 2] as Point) : start
  points[0] = from === null ? start : edge(from.shape, start, afterStart)
  points[points.length - 1] = to === null ? end : edge(to.shape, end, beforeEnd)
  return points
}

/** Where on a shape somebody points, as a binding that survives moving, resizing and rotating it. */
export function bindingAt(shape: Shape, point: Point): Binding {
  const local = rotate(point, centre(shape), -shape.rotation)
  const part = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000
  const [ax, ay] = [part((local.x - shape.x) / Math.max(1, shape.w)), part((local.y - shape.y) / Math.max(1, shape.h))]
  // Near the middle means the middle.
  return Math.hypot(ax - 0.5, ay - 0.5) < 0.18 ? { id: shape.id, ax: 0.5, ay: 0.5 } : { id: shape.id, ax, ay }
}

/** Whether arrows can stick to it. */
export function isTarget(shape: Shape): boolean {
  return !isLinear(shape) && shape.type !== 'pen'
}

function target(binding: Binding | null, lookup: Lookup): { shape: Shape; at: Point } | null {
  if (binding === null) return null
  const shape = lookup(binding.id)
  if (shape === undefined || !isTarget(shape)) return null
  const at = { x: shape.x + binding.ax * shape.w, y: shape.y + binding.ay * shape.h }
  return { shape, at: rotate(at, centre(shape), shape.rotation) }
}

function edge(shape: Shape, at: Point, towards: Point): Point {
  const polygon = outline(shape)
  if (inside(towards, polygon)) return at
  const crossing = firstCrossing(towards, at, polygon)
  const length = Math.hypot(towards.x - crossing.x, towards.y - crossing.y)
  if (length < GAP * 2) return crossing
  return {
    x: crossing.x + ((towards.x - crossing.x) / length) * GAP,
    y: crossing.y + ((towards.y - crossing.y) / length) * GAP,
  }
}
