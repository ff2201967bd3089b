/** Moving, resizing and rotating: pure functions from shapes to shapes. */

import { centre, rotate } from './geometry'
import { copiedGroups } from './groups'
import { asMade, leastSize } from './layout'
import { linearPoints, type Lookup } from './linear'
import { freshId, isLinear, rounded, type Box, type Point, type Shape } from './shapes'

export function moved(shape: Shape, dx: number, dy: number): Shape {
  return { ...shape, x: shape.x + dx, y: shape.y + dy }
}

/** The same shapes with ids of their own; arrows among them stick to the copies, and groups are groups of copies. */
export function copiesOf(shapes: Shape[]): Shape[] {
  const ids = new Map(shapes.map((shape) => [shape.id, freshId()]))
  const follow = (binding: Shape['from']): Shape['from'] => {
    const id = binding === null ? undefined : ids.get(binding.id)
    return binding === null || id === undefined ? null : { ...binding, id }
  }
  const groups = copiedGroups(shapes, freshId)
  return shapes.map((shape) => ({
    ...shape, groups: groups(shape), id: ids.get(shape.id) ?? freshId(), locked: false, from: follow(shape.from), to: follow(shape.to),
  }))
}

/** Fit a shape that lies in `before` into `after`; a negative size of `after` mirrors. */
export function scaled(shape: Shape, before: Box, after: Box): Shape {
  const sx = before.w === 0 ? 1 : after.w / before.w
  const sy = before.h === 0 ? 1 : after.h / before.h
  const at = (x: number, y: number): Point => ({ x: after.x + (x - before.x) * sx, y: after.y + (y - before.y) * sy })
  if (shape.type === 'text') {
    // Letters keep their size; the text goes where its middle goes.
    const middle = at(shape.x + shape.w / 2, shape.y + shape.h / 2)
    return { ...shape, x: middle.x - shape.w / 2, y: middle.y - shape.h / 2 }
  }
  const a = at(shape.x, shape.y)
  if (isLinear(shape)) {
    // In a mirror a curve bends to the other side.
    const bend = shape.route === 'curved' && sx * sy < 0 && shape.bend !== null ? -shape.bend : shape.bend
    return { ...shape, ...a, bend, points: stretched(shape.points, sx, sy) }
  }
  const b = at(shape.x + shape.w, shape.y + shape.h)
  const box = { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.max(1, Math.abs(b.x - a.x)), h: Math.max(1, Math.abs(b.y - a.y)) }
  return { ...shape, ...box, made: null, points: mirrored(shape, sx, sy, box) }
}

/**
 * Resize one shape by a handle, rotation included; the opposite side stays where it is.
 * @param handle from -1 to 1 in both directions; 0 means that this direction does not change.
 */
export function resized(
  shape: Shape,
  handle: { hx: number; hy: number },
  pointer: Point,
  { keepAspect, fromMiddle }: { keepAspect: boolean; fromMiddle: boolean },
): Shape {
  const { hx, hy } = handle
  const middle = centre(shape)
  const opposite = rotate({ x: middle.x - (hx * shape.w) / 2, y: middle.y - (hy * shape.h) / 2 }, middle, shape.rotation)
  const fixed = fromMiddle ? middle : opposite
  const local = rotate(pointer, fixed, -shape.rotation)
  const factor = fromMiddle ? 2 : 1
  let w = hx === 0 ? shape.w : (local.x - fixed.x) * hx * factor
  let h = hy === 0 ? shape.h : (local.y - fixed.y) * hy * factor
  if (keepAspect && hx !== 0 && hy !== 0 && shape.w > 0 && shape.h > 0) {
    const scale = Math.max(Math.abs(w) / shape.w, Math.abs(h) / shape.h)
    w = Math.sign(w || 1) * shape.w * scale
    h = Math.sign(h || 1) * shape.h * scale
  }
  // What is pulled together stops where the words begin.
  const least = leastSize({ ...shape, made: null, h: 0 }, Math.abs(w))
  if (hx !== 0) w = Math.sign(w || 1) * Math.max(Math.abs(w), least.w)
  if (hy !== 0) h = Math.sign(h || 1) * Math.max(Math.abs(h), least.h)
  const offset = fromMiddle ? { x: 0, y: 0 } : { x: (hx * w) / 2, y: (hy * h) / 2 }
  const turned = rotate({ x: fixed.x + offset.x, y: fixed.y + offset.y }, fixed, shape.rotation)
  const size = { w: Math.max(1, Math.abs(w)), h: Math.max(1, Math.abs(h)) }
  const box = { x: turned.x - size.w / 2, y: turned.y - size.h / 2, ...size }
  const sx = shape.w === 0 ? 1 : w / shape.w
  const sy = shape.h === 0 ? 1 : h / shape.h
  const after = { ...shape, ...box, made: null, points: mirrored(shape, sx, sy, box) }
  // A side that was not pulled keeps what it was made with, and grows for as long as the words need it.
  if (shape.made === null || (hx !== 0 && hy !== 0) || shape.rotation !== 0 || fromMiddle) return after
  return hy === 0 ? { ...after, h: asMade(shape).h } : { ...after, w: asMade(shape).w }
}

/** Turn a shape around a point. */
export function turned(shape: Shape, around: Point, angle: number): Shape {
  if (isLinear(shape)) {
    const points = shape.points.map(([x = 0, y = 0]) => {
      const point = rotate({ x: shape.x + x, y: shape.y + y }, around, angle)
      return [rounded(point.x - shape.x), rounded(point.y - shape.y)]
    })
    return { ...shape, points }
  }
  const middle = rotate(centre(shape), around, angle)
  if (shape.type === 'frame') return { ...shape, x: middle.x - shape.w / 2, y: middle.y - shape.h / 2 }
  const rotation = Math.atan2(Math.sin(shape.rotation + angle), Math.cos(shape.rotation + angle))
  return { ...shape, x: middle.x - shape.w / 2, y: middle.y - shape.h / 2, rotation: Math.abs(rotation) < 1e-4 ? 0 : rotation }
}

/** An arrow whose ends let go of shapes, except of those in `keep`; it stays where it is drawn. */
export function detached(shape: Shape, lookup: Lookup, keep: ReadonlySet<string>): Shape {
  const from = shape.from !== null && keep.has(shape.from.id) ? shape.from : null
  const to = shape.to !== null && keep.has(shape.to.id) ? shape.to : null
  if (from === shape.from && to === shape.to) return shape
  return { ...withPoints(shape, linearPoints(shape, lookup)), from, to }
}

/** An arrow or line through points on the board. */
export function withPoints(shape: Shape, points: Point[]): Shape {
  const first = points[0] ?? { x: 0, y: 0 }
  return {
    ...shape,
    x: rounded(first.x),
    y: rounded(first.y),
    points: points.map(({ x, y }) => [rounded(x - first.x), rounded(y - first.y)]),
  }
}

function stretched(points: number[][], sx: number, sy: number): number[][] {
  return points.map(([x = 0, y = 0, ...rest]) => [rounded(x * sx), rounded(y * sy), ...rest])
}

/** Points inside a box that was scaled, and mirrored where the scale is negative. */
function mirrored(shape: Shape, sx: number, sy: number, box: Box): number[][] {
  if (shape.points.length === 0 || (sx === 1 && sy === 1)) return shape.points
  return stretched(shape.points, sx, sy).map(([x = 0, y = 0, ...rest]) => [
    sx < 0 ? rounded(x + box.w) : x,
    sy < 0 ? rounded(y + box.h) : y,
    ...rest,
  ])
}
