/** What happens between pressing and letting go: one class per kind of movement. */

import { boxOf, centre, distance, union } from './geometry'
import { shapeAt, shapesIn } from './hit'
import { bindingAt, isTarget, linearPoints } from './linear'
import { isLinear, rounded, type Box, type Point, type Shape, type ShapeType } from './shapes'
import { snapBox } from './snap'
import type { Stage } from './stage'
import { freshId } from './store'
import { detached, moved, resized, scaled, turned, withPoints } from './transform'

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

const SNAP_REACH = 6
/** Less than this many screen pixels is a click. */
export const CLICK = 4
const RIGHT_ANGLE = Math.PI / 2

/** A shape of a type with the look that is chosen. */
export function freshShape(stage: Stage, type: ShapeType, at: Point): Shape {
  const { look } = stage
  return {
    id: freshId(), type, x: rounded(at.x), y: rounded(at.y), w: 0, h: 0, rotation: 0, points: [], text: '', src: '',
    from: null, to: null, locked: false, index: 'a0', ...look,
    fill: type === 'note' && look.fill === 'none' ? 'yellow' : look.fill,
  }
}

/** Drag the selection about. Alt leaves the originals behind. */
export class Move implements Gesture {
  private readonly originals: Shape[]
  private copies: Shape[] | null = null
  private readonly box: Box
  private readonly others: Box[]

  constructor(private readonly stage: Stage, private readonly start: Point, private readonly onCopies: (ids: string[]) => void) {
    const ids = stage.selection
    this.originals = stage.selected.filter((shape) => !shape.locked).map((shape) => detached(shape, stage.lookup, ids))
    this.box = union(this.originals.map((shape) => stage.boundsOf(shape))) ?? { ...start, w: 0, h: 0 }
    const around = stage.camera.view()
    this.others = shapesIn(around, stage.shapes, stage.lookup)
      .filter((shape) => !ids.has(shape.id) && !isLinear(shape) && shape.type !== 'pen')
      .slice(-300)
      .map((shape) => stage.boundsOf(shape))
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

/** The same shapes with ids of their own; arrows among them stick to the copies. */
export function copiesOf(shapes: Shape[]): Shape[] {
  const ids = new Map(shapes.map((shape) => [shape.id, freshId()]))
  const follow = (binding: Shape['from']): Shape['from'] => {
    const id = binding === null ? undefined : ids.get(binding.id)
    return binding === null || id === undefined ? null : { ...binding, id }
  }
  return shapes.map((shape) => ({
    ...shape, id: ids.get(shape.id) ?? freshId(), locked: false, from: follow(shape.from), to: follow(shape.to),
  }))
}

/** Resize the selection by one of its handles. */
export class Resize implements Gesture {
  private readonly originals: Shape[]
  private readonly box: Box

  constructor(private readonly stage: Stage, private readonly handle: { hx: number; hy: number }) {
    this.originals = stage.selected.filter((shape) => !shape.locked)
    this.box = stage.selectionBox ?? { x: 0, y: 0, w: 1, h: 1 }
  }

  move({ at, keys }: Touch): void {
    const { stage, originals } = this
    const only = originals.length === 1 ? originals[0] : undefined
    const fromMiddle = keys.alt
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
    stage.select([...this.before, ...touched.map((shape) => shape.id)])
  }

  end(): void {
    this.cancel()
  }

  cancel(): void {
    this.stage.marquee = null
    this.stage.invalidate('overlay')
  }
}

/** Draw with the pen. */
export class Pen implements Gesture {
  private shape: Shape
  private readonly points: number[][]
  private last: Point

  constructor(private readonly stage: Stage, start: Touch) {
    this.shape = { ...freshShape(stage, 'pen', start.at), fill: 'none' }
    this.points = [this.point(start)]
    this.last = start.at
    this.show()
  }

  move(touch: Touch): void {
    if (touch.keys.shift && this.points.length > 0) {
      // A straight line from where it began.
      this.points.splice(1, Infinity, this.point(touch))
    } else {
      // Points that lie closer than the eye can see only make strokes heavy.
      if (distance(touch.at, this.last) < 1 / this.stage.camera.zoom) return
      this.points.push(this.point(touch))
    }
    this.last = touch.at
    this.show()
  }

  end(touch: Touch): void {
    this.move(touch)
    const { stage, shape } = this
    const left = Math.min(...this.points.map(([x = 0]) => x))
    const top = Math.min(...this.points.map(([, y = 0]) => y))
    const right = Math.max(...this.points.map(([x = 0]) => x))
    const bottom = Math.max(...this.points.map(([, y = 0]) => y))
    const points = this.points.map(([x = 0, y = 0, ...rest]) => [x - left, y - top, ...rest])
    stage.preview.set(shape.id, { ...shape, x: shape.x + left, y: shape.y + top, w: right - left, h: bottom - top, points })
    stage.commit()
  }

  cancel(): void {
    this.stage.drop()
  }

  private point({ at, pressure }: Touch): number[] {
    const relative = [rounded(at.x - this.shape.x), rounded(at.y - this.shape.y)]
    return pressure === null ? relative : [...relative, Math.round(pressure * 100) / 100]
  }

  private show(): void {
    const { stage } = this
    this.shape = { ...this.shape, points: [...this.points] }
    stage.preview.set(this.shape.id, this.shape)
    stage.live.showStroke(this.shape)
    stage.invalidate()
  }
}

/** Draw a shape with a box. A click makes one of the usual size. */
export class Draw implements Gesture {
  private readonly shape: Shape
  private readonly others: Box[]

  constructor(
    private readonly stage: Stage,
    type: ShapeType,
    private readonly start: Point,
    private readonly usual: { w: number; h: number },
    private readonly onDone: (shape: Shape) => void,
  ) {
    this.shape = freshShape(stage, type, start)
    this.others = shapesIn(stage.camera.view(), stage.shapes, stage.lookup)
      .filter((shape) => !isLinear(shape) && shape.type !== 'pen')
      .slice(-300)
      .map((shape) => stage.boundsOf(shape))
  }

  move({ at, keys }: Touch): void {
    this.stage.show([this.boxed(at, keys)])
  }

  end({ at, keys }: Touch): void {
    const { stage, usual, start } = this
    const clicked = distance(at, start) * stage.camera.zoom < CLICK
    const shape = clicked ? { ...this.shape, x: start.x - usual.w / 2, y: start.y - usual.h / 2, ...usual } : this.boxed(at, keys)
    stage.preview.set(shape.id, shape)
    stage.commit()
    this.onDone(shape)
  }

  cancel(): void {
    this.stage.drop()
  }

  private boxed(at: Point, keys: Keys): Shape {
    const { stage, start } = this
    let end = at
    stage.guides = []
    if (!keys.ctrl && !keys.shift) {
      const snap = snapBox({ ...at, w: 0, h: 0 }, this.others, SNAP_REACH / stage.camera.zoom, { x: [0], y: [0] })
      end = { x: at.x + snap.dx, y: at.y + snap.dy }
      stage.guides = snap.guides
    }
    if (keys.shift) {
      const side = Math.max(Math.abs(end.x - start.x), Math.abs(end.y - start.y))
      end = { x: start.x + side * Math.sign(end.x - start.x || 1), y: start.y + side * Math.sign(end.y - start.y || 1) }
    }
    const from = keys.alt ? { x: 2 * start.x - end.x, y: 2 * start.y - end.y } : start
    const box = boxOf(from, end)
    return { ...this.shape, x: rounded(box.x), y: rounded(box.y), w: Math.max(1, rounded(box.w)), h: Math.max(1, rounded(box.h)) }
  }
}

/** Draw an arrow or a line, or move one of its ends. Ends of arrows stick to shapes. */
export class Ends implements Gesture {
  private shape: Shape

  constructor(
    private readonly stage: Stage,
    shape: Shape,
    private readonly end_: 'from' | 'to',
    private readonly onDone: (shape: Shape, moved: boolean) => void,
    /** Where a new one begins; an end that is let go there was a click. */
    private readonly origin: Point | null = null,
  ) {
    this.shape = shape
  }

  /** Begin a new one. */
  static begin(stage: Stage, type: 'arrow' | 'line', { at, keys }: Touch, onDone: (shape: Shape, moved: boolean) => void): Ends {
    const shape = withPoints(freshShape(stage, type, at), [at, at])
    const target = type === 'arrow' && !keys.ctrl ? targetAt(stage, at, shape.id) : null
    return new Ends(stage, { ...shape, from: target === null ? null : bindingAt(target, at) }, 'to', onDone, at)
  }

  move({ at, keys }: Touch): void {
    const { stage, end_ } = this
    const points = linearPoints({ ...this.shape, [end_]: null }, stage.lookup)
    const fixed = (end_ === 'to' ? points[0] : points[points.length - 1]) ?? at
    let free = at
    if (keys.shift) {
      const angle = Math.round(Math.atan2(at.y - fixed.y, at.x - fixed.x) / (Math.PI / 12)) * (Math.PI / 12)
      const length = distance(at, fixed)
      free = { x: fixed.x + Math.cos(angle) * length, y: fixed.y + Math.sin(angle) * length }
    }
    const target = this.shape.type === 'arrow' && !keys.ctrl ? targetAt(stage, free, this.shape.id) : null
    stage.target = target?.id ?? null
    const anchors = this.shape.points.map(([x = 0, y = 0]) => ({ x: this.shape.x + x, y: this.shape.y + y }))
    anchors[end_ === 'to' ? anchors.length - 1 : 0] = free
    this.shape = { ...withPoints(this.shape, anchors), [end_]: target === null ? null : bindingAt(target, free) }
    stage.show([this.shape])
  }

  end(touch: Touch): void {
    const { stage, origin } = this
    if (origin !== null && distance(origin, touch.at) * stage.camera.zoom < CLICK) {
      this.cancel()
      this.onDone(this.shape, false)
      return
    }
    this.move(touch)
    stage.target = null
    stage.commit()
    this.onDone(this.shape, true)
  }

  cancel(): void {
    this.stage.target = null
    this.stage.drop()
  }
}

/** Wipe over shapes; they go when the pointer is let go. */
export class Erase implements Gesture {
  private last: Point

  constructor(private readonly stage: Stage, start: Touch, private readonly onDone: (ids: string[]) => void) {
    this.last = start.at
    this.move(start)
  }

  move({ at }: Touch): void {
    const { stage } = this
    const slack = 6 / stage.camera.zoom
    const steps = Math.max(1, Math.min(40, Math.ceil(distance(at, this.last) / slack)))
    for (let i = 1; i <= steps; i++) {
      const point = { x: this.last.x + ((at.x - this.last.x) * i) / steps, y: this.last.y + ((at.y - this.last.y) * i) / steps }
      const shape = shapeAt(point, stage.shapes.filter((other) => !other.locked && !stage.doomed.has(other.id)), stage.lookup, slack)
      if (shape !== null) stage.doomed.add(shape.id)
    }
    this.last = at
    stage.invalidate()
  }

  end(): void {
    const ids = [...this.stage.doomed]
    this.cancel()
    this.onDone(ids)
  }

  cancel(): void {
    this.stage.doomed.clear()
    this.stage.invalidate()
  }
}

function targetAt(stage: Stage, at: Point, not: string): Shape | null {
  return shapeAt(at, stage.shapes.filter((shape) => shape.id !== not && isTarget(shape)), stage.lookup, 8 / stage.camera.zoom)
}
