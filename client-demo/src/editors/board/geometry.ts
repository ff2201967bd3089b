/** Boxes, rotations, outlines: where things are, and what the pointer touches. */

import type { Box, Point, Shape } from './shapes'
import { isLinear } from './shapes'

export function centre(box: Box): Point {
  return { x: box.x + box.w / 2, y: box.y + box.h / 2 }
}

export function rotate(point: Point, around: Point, angle: number): Point {
  if (angle === 0) return point
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)]
  const [dx, dy] = [point.x - around.x, point.y - around.y]
  return { x: around.x + dx * cos - dy * sin, y: around.y + dx * sin + dy * cos }
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}

/** From a point to a segment. */
export function distanceToSegment(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = dx * dx + dy * dy
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((point.x - a.x) * dx + (point.y - a.y) * dy) / length))
  return Math.hypot(point.x - a.x - t * dx, point.y - a.y - t * dy)
}

/** The box around points. */
export function boxAround(points: Iterable<Point>): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const { x, y } of points) {
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x)
    bottom = Math.max(bottom, y)
  }
  return left === Infinity ? { x: 0, y: 0, w: 0, h: 0 } : { x: left, y: top, w: right - left, h: bottom - top }
}

export function boxOf(a: Point, b: Point): Box {
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.abs(a.x - b.x), h: Math.abs(a.y - b.y) }
}

export function union(boxes: Iterable<Box>): Box | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const { x, y, w, h } of boxes) {
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x + w)
    bottom = Math.max(bottom, y + h)
  }
  return left === Infinity ? null : { x: left, y: top, w: right - left, h: bottom - top }
}

export function grown(box: Box, by: number): Box {
  return { x: box.x - by, y: box.y - by, w: box.w + 2 * by, h: box.h + 2 * by }
}

export function overlaps(a: Box, b: Box): boolean {
  return a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h
}

export function contains(box: Box, point: Point): boolean {
  return point.x >= box.x && point.x <= box.x + box.w && point.y >= box.y && point.y <= box.y + box.h
}

/** The four corners, rotation included, clockwise from the top left. */
export function corners(shape: Box & { rotation: number }): Point[] {
  const middle = centre(shape)
  return [
    { x: shape.x, y: shape.y },
    { x: shape.x + shape.w, y: shape.y },
    { x: shape.x + shape.w, y: shape.y + shape.h },
    { x: shape.x, y: shape.y + shape.h },
  ].map((corner) => rotate(corner, middle, shape.rotation))
}

/** The upright box around a shape. Arrows that stick are measured where they are drawn: see scene.ts. */
export function boundsOf(shape: Shape): Box {
  // A stroke that is still being drawn has no size yet.
  const growing = shape.type === 'pen' && shape.w === 0 && shape.h === 0
  if (growing || isLinear(shape)) return boxAround(shape.points.map(([x = 0, y = 0]) => ({ x: shape.x + x, y: shape.y + y })))
  return shape.rotation === 0 ? { x: shape.x, y: shape.y, w: shape.w, h: shape.h } : boxAround(corners(shape))
}

/** The outline of a shape with a box, as a polygon, rotation included. */
export function outline(shape: Shape): Point[] {
  const { x, y, w, h, rotation } = shape
  const middle = centre(shape)
  let points: Point[]
  if (shape.type === 'diamond') {
    points = [
      { x: x + w / 2, y },
      { x: x + w, y: y + h / 2 },
      { x: x + w / 2, y: y + h },
      { x, y: y + h / 2 },
    ]
  } else if (shape.type === 'ellipse') {
    points = Array.from({ length: 48 }, (_, i) => {
      const angle = (i / 48) * 2 * Math.PI
      return { x: middle.x + (w / 2) * Math.cos(angle), y: middle.y + (h / 2) * Math.sin(angle) }
    })
  } else {
    return corners(shape)
  }
  return points.map((point) => rotate(point, middle, rotation))
}

/** Whether a point lies in a polygon. */
export function inside(point: Point, polygon: Point[]): boolean {
  let within = false
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [a, b] = [polygon[i] as Point, polygon[j] as Point]
    if (a.y > point.y !== b.y > point.y && point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x) within = !within
  }
  return within
}

/** The distance from a point to the edge of a polygon. */
export function distanceToEdge(point: Point, polygon: Point[]): number {
  let least = Infinity
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    least = Math.min(least, distanceToSegment(point, polygon[i] as Point, polygon[j] as Point))
  }
  return least
}

/** Where the segment from `outer` to `inner` first meets a polygon; `inner` where it does not. */
export function firstCrossing(outer: Point, inner: Point, polygon: Point[]): Point {
  let nearest = 1
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [a, b] = [polygon[j] as Point, polygon[i] as Point]
    const [rx, ry] = [inner.x - outer.x, inner.y - outer.y]
    const [sx, sy] = [b.x - a.x, b.y - a.y]
    const cross = rx * sy - ry * sx
    if (cross === 0) continue
    const t = ((a.x - outer.x) * sy - (a.y - outer.y) * sx) / cross
    const u = ((a.x - outer.x) * ry - (a.y - outer.y) * rx) / cross
    if (t >= 0 && t < nearest && u >= 0 && u <= 1) nearest = t
  }
  return { x: outer.x + (inner.x - outer.x) * nearest, y: outer.y + (inner.y - outer.y) * nearest }
}
