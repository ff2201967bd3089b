/** The way of a line between its ends: straight, curved, or at right angles. Pure geometry. */

import { centre, contains, distance, firstCrossing, inside } from './geometry'
import type { Box, Point } from './shapes'

/** How far a curve is from straight where nobody has bent it, as a share of its length. */
const USUAL_BEND = 0.2
const CURVE_STEPS = 32
const CORNER = 10
const CORNER_STEPS = 5

/** Where the two handles of a curve would meet: the point that it bends towards. */
export function controlOf(a: Point, b: Point, bend: number | null): Point {
  const by = 2 * (bend ?? USUAL_BEND)
  return { x: (a.x + b.x) / 2 - (b.y - a.y) * by, y: (a.y + b.y) / 2 + (b.x - a.x) * by }
}

/** A curve as many short lines. */
export function curve(a: Point, control: Point, b: Point): Point[] {
  return Array.from({ length: CURVE_STEPS + 1 }, (_, i) => {
    const t = i / CURVE_STEPS
    const [p, q, r] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2]
    return { x: p * a.x + q * control.x + r * b.x, y: p * a.y + q * control.y + r * b.y }
  })
}

/** The bend with which the middle of a curve comes as near to a point as it can. */
export function bendTowards(a: Point, b: Point, at: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = dx * dx + dy * dy
  if (length === 0) return 0
  return ((at.y - (a.y + b.y) / 2) * dx - (at.x - (a.x + b.x) / 2) * dy) / length
}

/** What is left of a path behind the place where it comes out of a polygon, and `gap` more; all of it where it never does. */
export function behind(path: Point[], polygon: Point[], gap: number): Point[] {
  const i = path.findIndex((point, at) => at > 0 && !inside(point, polygon) && inside(path[at - 1] as Point, polygon))
  if (i === -1) return path
  const out = [firstCrossing(path[i] as Point, path[i - 1] as Point, polygon), ...path.slice(i)]
  if (lengthOf(out) < 2 * gap) return out
  const from = along(out, gap)
  let [passed, next] = [0, 1]
  while (next < out.length - 1 && passed + distance(out[next - 1] as Point, out[next] as Point) <= gap) {
    passed += distance(out[next - 1] as Point, out[next] as Point)
    next += 1
  }
  return [from, ...out.slice(next)]
}

/** A curve through all of some points. */
export function through(points: Point[]): Point[] {
  const path: Point[] = []
  for (let i = 0; i + 1 < points.length; i++) {
    const [b, c] = [points[i] as Point, points[i + 1] as Point]
    const [a, d] = [points[i - 1] ?? b, points[i + 2] ?? c]
    for (let step = 0; step < 12; step++) {
      const t = step / 12
      const at = (key: 'x' | 'y'): number =>
        0.5 * (2 * b[key] + (c[key] - a[key]) * t + (2 * a[key] - 5 * b[key] + 4 * c[key] - d[key]) * t ** 2 + (3 * b[key] - a[key] - 3 * c[key] + d[key]) * t ** 3)
      path.push({ x: at('x'), y: at('y') })
    }
  }
  return [...path, ...points.slice(-1)]
}

/** In which direction a line at right angles leaves for another box: the one with more room between the two. */
export function wayBetween(a: Box, b: Box): { axis: 'x' | 'y'; sign: 1 | -1 } {
  const [right, left, down, up] = [b.x - a.x - a.w, a.x - b.x - b.w, b.y - a.y - a.h, a.y - b.y - b.h]
  const axis = Math.max(right, left) >= Math.max(down, up) ? 'x' : 'y'
  const [forth, back] = axis === 'x' ? [right, left] : [down, up]
  const ahead = forth === back ? centre(b)[axis] >= centre(a)[axis] : forth > back
  return { axis, sign: ahead ? 1 : -1 }
}

/** The corners of a line at right angles that leaves and arrives along an axis. */
export function elbow(a: Point, b: Point, axis: 'x' | 'y', bend: number | null): Point[] {
  const other = axis === 'x' ? 'y' : 'x'
  if (Math.abs(a[other] - b[other]) < 1) return [a, b]
  const across = a[axis] + (b[axis] - a[axis]) * (0.5 + (bend ?? 0))
  return [a, { ...a, [axis]: across }, { ...b, [axis]: across }, b]
}

/** The same with round corners. */
export function rounder(points: Point[]): Point[] {
  return points.flatMap((at, i) => {
    const [before, after] = [points[i - 1], points[i + 1]]
    if (before === undefined || after === undefined) return [at]
    const reach = Math.min(CORNER, distance(before, at) / 2, distance(at, after) / 2)
    const towards = (to: Point): Point => {
      const length = distance(at, to)
      const part = length === 0 ? 0 : reach / length
      return { x: at.x + (to.x - at.x) * part, y: at.y + (to.y - at.y) * part }
    }
    const [from, to] = [towards(before), towards(after)]
    return Array.from({ length: CORNER_STEPS + 1 }, (_, step) => {
      const t = step / CORNER_STEPS
      const [p, q, r] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2]
      return { x: p * from.x + q * at.x + r * to.x, y: p * from.y + q * at.y + r * to.y }
    })
  })
}

/** The place on a path that is so far from its beginning. */
export function along(path: Point[], length: number): Point {
  let left = length
  for (let i = 1; i < path.length; i++) {
    const [a, b] = [path[i - 1] as Point, path[i] as Point]
    const step = distance(a, b)
    if (step >= left && step > 0) return { x: a.x + ((b.x - a.x) * left) / step, y: a.y + ((b.y - a.y) * left) / step }
    left -= step
  }
  return path.at(-1) ?? { x: 0, y: 0 }
}

export function lengthOf(path: Point[]): number {
  return path.reduce((sum, point, i) => sum + (i === 0 ? 0 : distance(path[i - 1] as Point, point)), 0)
}

/** What of a path lies outside of a box. */
export function outsideOf(path: Point[], box: Box): Point[][] {
  const pieces: Point[][] = [[]]
  const put = (point: Point): void => void pieces.at(-1)?.push(point)
  path.forEach((point, i) => {
    const before = path[i - 1]
    if (before !== undefined) {
      // Crossings of this piece with the box, in order.
      const cuts = [0, ...crossings(before, point, box), 1]
      for (let cut = 1; cut < cuts.length; cut++) {
        const [t, u] = [cuts[cut - 1] as number, cuts[cut] as number]
        const at = (part: number): Point => ({ x: before.x + (point.x - before.x) * part, y: before.y + (point.y - before.y) * part })
        if (contains(box, at((t + u) / 2))) {
          if ((pieces.at(-1)?.length ?? 0) > 0) pieces.push([])
          continue
        }
        if ((pieces.at(-1)?.length ?? 0) === 0) put(at(t))
        put(at(u))
      }
    }
  })
  return pieces.filter((piece) => piece.length > 1)
}

function crossings(a: Point, b: Point, box: Box): number[] {
  const found: number[] = []
  for (const [axis, at] of [['x', box.x], ['x', box.x + box.w], ['y', box.y], ['y', box.y + box.h]] as const) {
    const t = (at - a[axis]) / (b[axis] - a[axis])
    if (t > 0 && t < 1) found.push(t)
  }
  return found.sort((t, u) => t - u)
}
