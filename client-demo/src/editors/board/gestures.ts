/** What happens to the selection between pressing and letting go: one class per kind of movement. */

import { boxOf, centre, union } from './geometry'
import { whole } from './groups'
import { shapesIn } from './hit'
import { isLinear, type Box, type Point, type Shape } from './shapes'
import { snapBox } from './snap'
import type { Stage } from './stage'
import { copiesOf, detached, moved, resized, scaled, turned } from './transform'

/** What is held down meanwhile. */
export interface Keys {
  shift: boolean
  alt: boolean
  ctrl: boolean
}

/** A pointer's place on the board; pressure from 0 to 1 where a pen tells it. */
export interface Touch {
  at: Point
  pressure: number | null
  keys: Keys
}

export interface Gesture {
  move(touch: Touch): void
  /** The pointer was let go. */
  end(touch: Touch): void
  /** Escape, a second finger, a lost pointer: as if nothing had been. */
  cancel(): void
}

/** How near something must be to be snapped to, in screen pixels. */
export const SNAP_REACH = 6
/** Less than this many screen pixels is a click. */
export const CLICK = 4
const RIGHT_ANGLE = Math.PI / 2
const MOST_NEIGHBOURS = 300

/** What there is to snap to: the boxes in view, without those of `except`. */
export function neighbours(stage: Stage, except: ReadonlySet<string> = new Set()): Box[] {
  return shapesIn(stage.camera.view(), stage.shapes, stage.lookup)
    .filter((shape) => !except.has(shape.id) && !isLinear(shape) && shape.type !== 'pen')
    .slice(-MOST_NEIGHBOURS)
    .map((shape) => stage.boundsOf(shape))
}

/** Drag the selection about. Alt leaves the originals behind. */
export class Move implements Gesture {
  private readonly originals: Shape[]
  private copies: Shape[] | null = null
  private readonly box: Box
  private readonly others: Box[]

  constructor(private readonly stage: Stage, private readonly start: Point, private readonly onCopies: (ids: string[]) => void) {
    const { taken } = stage
    const ids = new Set(taken.map((shape) => shape.id))
    this.originals = taken.filter((shape) => !shape.locked).map((shape) => detached(shape, stage.lookup, ids))
    this.box = union(this.originals.map((shape) => stage.boundsOf(shape))) ?? { ...start, w: 0, h: 0 }
    this.others = neighbours(stage, ids)
  }

  move({ at, keys }: Touch): void {
    const { stage } = this
    let dx = at.x - this.start.x
    let dy = at.y - this.start.y
    if (keys.shift) {
      if (Math.abs(dx) > Math.abs(dy)) dy = 0
      else dx = 0
    }
    stage.guides = []
    if (!keys.ctrl) {
      const snap = snapBox({ ...this.box, x: this.box.x + dx, y: this.box.y + dy }, this.others, SNAP_REACH / stage.camera.zoom)
      if (!(keys.shift && dx === 0)) dx += snap.dx
      if (!(keys.shift && dy === 0)) dy += snap.dy
      stage.guides = snap.guides
    }
    if (keys.alt && this.copies === null) {
      this.copies = copiesOf(this.originals)
      stage.preview.clear()
    } else if (!keys.alt && this.copies !== null) {
      this.copies = null
      stage.preview.clear()
    }
    stage.show((this.copies ?? this.originals).map((shape) => moved(shape, dx, dy)))
  }

  end(touch: Touch): void {
    this.move(touch)
    const { copies } = this
    this.stage.commit()
    if (copies !== null) this.onCopies(copies.map((copy) => copy.id))
  }

  cancel(): void {
    this.stage.drop()
  }
}

/** Resize the selection by one of its handles. */
export class Resize implements Gesture {
  private readonly originals: Shape[]
  private readonly box: Box
  private readonly others: Box[]
  /** From where the pointer took the handle to the handle itself. */
  private readonly grip: Point

  constructor(private readonly stage: Stage, private readonly handle: { hx: number; hy: number; at: Point }, start: Point) {
    this.originals = stage.selected.filter((shape) => !shape.locked)
    this.box = union(this.originals.map((shape) => stage.boundsOf(shape))) ?? { x: 0, y: 0, w: 1, h: 1 }
    this.others = neighbours(stage, stage.selection)
    const at = stage.camera.toBoard(handle.at)
    this.grip = { x: at.x - start.x, y: at.y - start.y }
  }

  move(touch: Touch): void {
    const { stage, originals } = this
    const { keys } = touch
    const only = originals.length === 1 ? originals[0] : undefined
    const fromMiddle = keys.alt
    const at = this.snapped({ x: touch.at.x + this.grip.x, y: touch.at.y + this.grip.y }, keys, only?.rotation ?? 0)
    if (only !== undefined && !isLinear(only)) {
      const keepAspect = keys.shift !== (only.type === 'image')
      stage.show([resized(only, this.handle, at, { keepAspect, fromMiddle })])
      return
    }
    const frame = { ...(originals[0] as Shape), ...this.box, rotation: 0, type: 'rectangle' as const, points: [] }
    const after = resized(frame, this.handle, at, { keepAspect: keys.shift, fromMiddle })
    const flipped = signed(this.box, after, this.handle, at, fromMiddle)
    stage.show(originals.map((shape) => scaled(shape, this.box, flipped)))
  }

  end(touch: Touch): void {
    this.move(touch)
    this.stage.commit()
  }

  cancel(): void {
    this.stage.drop()
  }

  /** Sides that move meet what is around; not where proportions or a rotation decide where they go. */
  private snapped(at: Point, keys: Keys, rotation: number): Point {
    const { handle, others, stage } = this
    stage.guides = []
    if (keys.ctrl || keys.shift || rotation !== 0) return at
    const sides = { x: handle.hx === 0 ? [] : [0 as const], y: handle.hy === 0 ? [] : [0 as const] }
    const snap = snapBox({ ...at, w: 0, h: 0 }, others, SNAP_REACH / stage.camera.zoom, sides)
    stage.guides = snap.guides
    return { x: at.x + snap.dx, y: at.y + snap.dy }
  }
}

/** `resized` gives upright boxes; when a handle is pulled over the other side, everything is mirrored. */
function signed(before: Box, after: Box, { hx, hy }: { hx: number; hy: number }, at: Point, fromMiddle: boolean): Box {
  const middle = centre(before)
  const fixed = fromMiddle ? middle : { x: middle.x - (hx * before.w) / 2, y: middle.y - (hy * before.h) / 2 }
  const flipX = hx !== 0 && (at.x - fixed.x) * hx < 0
  const flipY = hy !== 0 && (at.y - fixed.y) * hy < 0
  return {
    x: flipX ? after.x + after.w : after.x,
    y: flipY ? after.y + after.h : after.y,
    w: flipX ? -after.w : after.w,
    h: flipY ? -after.h : after.h,
  }
}

/** Turn the selection around its middle. */
export class Rotate implements Gesture {
  private readonly originals: Shape[]
  private readonly middle: Point
  private readonly began: number

  constructor(private readonly stage: Stage, start: Point) {
    this.originals = stage.selected.filter((shape) => !shape.locked)
    this.middle = centre(stage.selectionBox ?? { ...start, w: 0, h: 0 })
    this.began = Math.atan2(start.y - this.middle.y, start.x - this.middle.x)
  }

  move({ at, keys }: Touch): void {
    let angle = Math.atan2(at.y - this.middle.y, at.x - this.middle.x) - this.began
    const only = this.originals.length === 1 ? this.originals[0] : undefined
    const base = only?.rotation ?? 0
    const step = keys.shift ? Math.PI / 12 : RIGHT_ANGLE
    const nearest = Math.round((base + angle) / step) * step
    // Upright is worth a little help; with Shift every 15 degrees.
    if (keys.shift || (!keys.ctrl && Math.abs(base + angle - nearest) < 0.04)) angle = nearest - base
    this.stage.show(this.originals.map((shape) => turned(shape, this.middle, angle)))
  }

  end(touch: Touch): void {
    this.move(touch)
    this.stage.commit()
  }

  cancel(): void {
    this.stage.drop()
  }
}

/** Drag a box; what it touches is selected. */
export class Marquee implements Gesture {
  private readonly before: Set<string>

  constructor(private readonly stage: Stage, private readonly start: Point, keep: boolean) {
    this.before = new Set(keep ? stage.selection : [])
    if (!keep) stage.select([])
  }

  move({ at }: Touch): void {
    const { stage } = this
    stage.marquee = boxOf(this.start, at)
    const touched = shapesIn(stage.marquee, stage.shapes, stage.lookup).filter((shape) => !shape.locked)
    stage.select([...this.before, ...whole(touched.map((shape) => shape.id), stage.shapes, null)])
  }

  end(): void {
    this.cancel()
  }

  cancel(): void {
    this.stage.marquee = null
    this.stage.invalidate('overlay')
  }
}
