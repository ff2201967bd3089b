/** Gestures that make shapes or take them away: pen, boxes, arrows, eraser. */

import { boxOf, distance } from './geometry'
import { CLICK, neighbours, SNAP_REACH, type Gesture, type Keys, type Touch } from './gestures'
import { shapeAt } from './hit'
import { bentTo, bindingAt, isTarget, linearPoints } from './linear'
import { freshId, rounded, type Box, type Point, type Shape, type ShapeType } from './shapes'
import { snapBox } from './snap'
import type { Stage } from './stage'
import { withPoints } from './transform'

/** A shape of a type with the look that is chosen. */
export function freshShape(stage: Stage, type: ShapeType, at: Point): Shape {
  const { look } = stage
  return {
    id: freshId(), type, x: rounded(at.x), y: rounded(at.y), w: 0, h: 0, rotation: 0, points: [], src: '',
    from: null, to: null, bend: null, locked: false, groups: [], index: 'a0', made: null, ...look,
    fill: type === 'frame' ? 'none' : type === 'note' && look.fill === 'none' ? 'yellow' : look.fill,
    text: type === 'frame' ? `Frame ${stage.shapes.filter((shape) => shape.type === 'frame').length + 1}` : '',
  }
}

/** Draw with the pen. */
export class Pen implements Gesture {
  private shape: Shape
  private readonly points: number[][] = []
  private last: Point

  constructor(private readonly stage: Stage, start: Touch) {
    this.shape = { ...freshShape(stage, 'pen', start.at), fill: 'none' }
    this.points.push(this.point(start))
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
    // A pen that is lifted presses no more; its last point is as thick as the one before.
    const pressed = pressure === null ? this.points.at(-1)?.[2] : Math.round(pressure * 100) / 100
    return pressed === undefined ? relative : [...relative, pressed]
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
    this.others = neighbours(stage)
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

/** Pull the middle of a curve or of an elbow. */
export class Bend implements Gesture {
  constructor(private readonly stage: Stage, private readonly shape: Shape) {}

  move({ at }: Touch): void {
    this.stage.show([bentTo(this.shape, this.stage.lookup, at)])
  }

  end(touch: Touch): void {
    this.move(touch)
    this.stage.commit()
  }

  cancel(): void {
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
