/** Arrows and lines: where their ends are, given the shapes that they stick to, their way, and their label. */

import { boundsOf, centre, firstCrossing, inside, outline, rotate } from './geometry'
import { layout, LINE_HEIGHT, measure } from './layout'
import { along, behind, bendTowards, controlOf, curve, elbow, lengthOf, rounder, through, wayBetween } from './routes'
import { FONT_SIZES, isLinear, type Binding, type Box, type Point, type Shape } from './shapes'

/** Finds a shape as it is shown. */
export type Lookup = (id: string) => Shape | undefined

/** What an arrow keeps away from the shape that it points at. */
const GAP = 6
/** A label is broken into lines of so many times its size. */
export const LABEL_WIDTH = 12
const LABEL_PADDING = 5
/** Bends nearer to the usual way than this are none. */
const NEARLY = 0.04
const FAR = 1e6

interface Target {
  shape: Shape
  at: Point
}

/** The corners of an arrow or a line on the board, as they would be written. An end that sticks stops at the edge of its shape. */
export function linearPoints(shape: Shape, lookup: Lookup): Point[] {
  return wayOf(shape, lookup).points
}

/** The same as it is drawn: many short lines where it is curved. */
export function pathPoints(shape: Shape, lookup: Lookup): Point[] {
  const { points, path } = wayOf(shape, lookup)
  return path ?? points
}

interface Way {
  points: Point[]
  /** What is drawn, where that is more than straight lines between the points. */
  path?: Point[]
  /** Where it can be taken to bend it. */
  middle?: Point
  /** Of a curve: where it would end without the shapes that it sticks to. */
  anchors?: [Point, Point]
  /** Of an elbow: along which axis it leaves and arrives. */
  axis?: 'x' | 'y'
}

function wayOf(shape: Shape, lookup: Lookup): Way {
  const points = shape.points.map(([x = 0, y = 0]) => ({ x: shape.x + x, y: shape.y + y }))
  const first = points[0]
  const last = points[points.length - 1]
  if (first === undefined || last === undefined) return { points }
  const from = target(shape.from, lookup)
  const to = target(shape.to, lookup)
  const start = from === null ? first : from.at
  const end = to === null ? last : to.at
  const simple = points.length === 2
  if (simple && shape.route === 'elbow') {
    const { axis, sign } = wayBetween(boxAt(from, start), boxAt(to, end))
    const ends = [leaving(from, start, axis, sign), leaving(to, end, axis, -sign)] as const
    const corners = elbow(...ends, axis, shape.bend)
    return { points: [...ends], path: rounder(corners), middle: middleOf(corners), axis }
  }
  if (simple && shape.route === 'curved') {
    let path = curve(start, controlOf(start, end, shape.bend), end)
    const middle = path[path.length >> 1] as Point
    if (from !== null) path = behind(path, outline(from.shape), GAP)
    if (to !== null) path = behind(path.reverse(), outline(to.shape), GAP).reverse()
    return { points: [path[0] as Point, path.at(-1) as Point], path, middle, anchors: [start, end] }
  }
  points[0] = from === null ? start : edge(from.shape, start, simple ? end : (points[1] as Point))
  points[points.length - 1] = to === null ? end : edge(to.shape, end, simple ? start : (points[points.length - 2] as Point))
  return shape.route === 'curved' ? { points, path: through(points) } : { points }
}

// -- bending ----------------------------------------------------------------------------------------

/** Where a line can be taken to bend it; null where it cannot. */
export function bendPoint(shape: Shape, lookup: Lookup): Point | null {
  return wayOf(shape, lookup).middle ?? null
}

/** A line whose middle was pulled to a place. */
export function bentTo(shape: Shape, lookup: Lookup, at: Point): Shape {
  const { points, anchors, axis } = wayOf(shape, lookup)
  const [a, b] = points
  let bend = 0
  if (anchors !== undefined) bend = bendTowards(...anchors, at)
  else if (axis !== undefined && a !== undefined && b !== undefined && Math.abs(b[axis] - a[axis]) >= 1) {
    bend = (at[axis] - a[axis]) / (b[axis] - a[axis]) - 0.5
  }
  const bounded = Math.round(Math.max(-2, Math.min(2, bend)) * 1000) / 1000
  return { ...shape, bend: Math.abs(bounded) < NEARLY ? 0 : bounded }
}

/** Of an elbow the middle of the piece across; nothing where it is a straight line. */
function middleOf([, a, b, end]: Point[]): Point | undefined {
  return a === undefined || b === undefined || end === undefined ? undefined : { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
}

// -- labels -----------------------------------------------------------------------------------------

/** The words on a line: where they lie, around its middle; null where there are none. */
export function labelOf(shape: Shape, path: Point[]): { lines: string[]; box: Box } | null {
  if (shape.text === '') return null
  const size = FONT_SIZES[shape.fontSize]
  const lines = layout(shape.text, size, LABEL_WIDTH * size)
  const w = lines.reduce((most, line) => Math.max(most, measure(line, size)), 0) + 2 * LABEL_PADDING
  const h = lines.length * size * LINE_HEIGHT
  const middle = labelPoint(path)
  return { lines, box: { x: middle.x - w / 2, y: middle.y - h / 2, w, h } }
}

/** Where the middle of a label is. */
export function labelPoint(path: Point[]): Point {
  return along(path, lengthOf(path) / 2)
}

// -- sticking ---------------------------------------------------------------------------------------

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

function target(binding: Binding | null, lookup: Lookup): Target | null {
  if (binding === null) return null
  const shape = lookup(binding.id)
  if (shape === undefined || !isTarget(shape)) return null
  const at = { x: shape.x + binding.ax * shape.w, y: shape.y + binding.ay * shape.h }
  return { shape, at: rotate(at, centre(shape), shape.rotation) }
}

function boxAt(end: Target | null, at: Point): Box {
  return end === null ? { ...at, w: 0, h: 0 } : boundsOf(end.shape)
}

/** Where a line that leaves along an axis comes out of its shape. */
function leaving(end: Target | null, at: Point, axis: 'x' | 'y', sign: number): Point {
  return end === null ? at : edge(end.shape, at, { ...at, [axis]: at[axis] + sign * FAR })
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
