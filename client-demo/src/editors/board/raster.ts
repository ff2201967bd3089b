/**
 * What does not move, painted once and kept as a picture. A frame of panning then costs one copy, a change
 * costs the part of the board that it touches, whether there are ten shapes or some thousand. When the view
 * leaves the picture, or the zoom comes to rest, the next one is painted a few milliseconds per frame.
 */

import type { Camera } from './camera'
import { grown, overlaps, union } from './geometry'
import type { Lookup } from './linear'
import { paint, shownBounds, type OnPicture } from './paint'
import type { Box, Shape } from './shapes'

/** How much more than the view is painted on each side, as a part of it. */
const MARGIN = 0.2
/** The next picture is begun when the view has come this close to the edge of the last, as a part of it. */
const NEAR_EDGE = 0.06
/** While zooming the picture is stretched; it is painted anew when that has been still for so long. */
const SETTLE = 90
/** Stretched by more than this it is painted anew meanwhile. */
const MOST_STRETCH = 1.8
/** Milliseconds of a frame for the next picture. */
const BUDGET = 4
/** So many shapes are painted between two looks at the clock. */
const BATCH = 16
/** More places than this that have changed are repainted as one. */
const MOST_PATCHES = 24

export interface Scene {
  /** From bottom to top. */
  shapes: Shape[]
  /** Ids of shapes that move right now; they are painted over the picture by somebody else. */
  moving: ReadonlySet<string>
  dark: boolean
  lookup: Lookup
  onPicture: OnPicture
}

/** A part of the board on a canvas. */
class Picture {
  readonly canvas = document.createElement('canvas')
  private readonly context = this.canvas.getContext('2d') as CanvasRenderingContext2D
  region: Box = { x: 0, y: 0, w: 0, h: 0 }
  zoom = 1
  dark = false
  /** Where each shape was painted. */
  readonly places = new Map<string, Box>()
  /** Shapes that have changed since. */
  readonly stale = new Set<string>()

  /** Become the empty picture of a view and what is around it. */
  begin(camera: Camera, dark: boolean): void {
    const view = camera.view()
    const ratio = camera.zoom * devicePixelRatio
    // The region begins on a whole device pixel of the board.
    const x = Math.floor((view.x - view.w * MARGIN) * ratio) / ratio
    const y = Math.floor((view.y - view.h * MARGIN) * ratio) / ratio
    const width = Math.ceil(view.w * (1 + 2 * MARGIN) * ratio)
    const height = Math.ceil(view.h * (1 + 2 * MARGIN) * ratio)
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width
      this.canvas.height = height
    } else {
      this.context.setTransform(1, 0, 0, 1, 0, 0)
      this.context.clearRect(0, 0, width, height)
    }
    this.zoom = camera.zoom
    this.dark = dark
    this.region = { x, y, w: width / ratio, h: height / ratio }
    this.places.clear()
    this.stale.clear()
  }

  /** Paint shapes over what is there. */
  add(shapes: Iterable<Shape>, scene: Scene): void {
    const { context, region, zoom } = this
    const ratio = zoom * devicePixelRatio
    context.setTransform(ratio, 0, 0, ratio, -region.x * ratio, -region.y * ratio)
    const still: Shape[] = []
    for (const shape of shapes) {
      this.places.set(shape.id, shownBounds(shape, scene.lookup))
      if (!scene.moving.has(shape.id)) still.push(shape)
    }
    paint(context, still, { view: region, zoom, dark: scene.dark, lookup: scene.lookup, onPicture: scene.onPicture, places: this.places })
  }

  /** Paint anew what has changed. */
  mend(scene: Scene): void {
    if (this.stale.size === 0) return
    const here = new Map<string, Shape>()
    for (const shape of scene.shapes) if (this.stale.has(shape.id)) here.set(shape.id, shape)
    const boxes: Box[] = []
    for (const id of this.stale) {
      const before = this.places.get(id)
      const shape = here.get(id)
      const now = shape === undefined ? undefined : shownBounds(shape, scene.lookup)
      if (before !== undefined) boxes.push(before)
      if (now === undefined) this.places.delete(id)
      else {
        boxes.push(now)
        this.places.set(id, now)
      }
    }
    this.stale.clear()
    const still = scene.moving.size === 0 ? scene.shapes : scene.shapes.filter((shape) => !scene.moving.has(shape.id))
    for (const box of fewer(boxes.filter((each) => overlaps(each, this.region)))) this.mendBox(grown(box, 2 / this.zoom), still, scene)
  }

  /** Copy the part in view onto a context in device pixels. */
  copyTo(context: CanvasRenderingContext2D, camera: Camera): void {
    const { region } = this
    const scale = camera.zoom / this.zoom
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.imageSmoothingEnabled = scale !== 1
    const x = (region.x - camera.x) * camera.zoom * devicePixelRatio
    const y = (region.y - camera.y) * camera.zoom * devicePixelRatio
    // On whole pixels a copy is exact; in between, everything would look a little soft while panning.
    const [left, top] = scale === 1 ? [Math.round(x), Math.round(y)] : [x, y]
    context.drawImage(this.canvas, left, top, this.canvas.width * scale, this.canvas.height * scale)
  }

  /** Whether it holds all of a box. */
  covers(box: Box): boolean {
    const { x, y, w, h } = this.region
    return x <= box.x && y <= box.y && x + w >= box.x + box.w && y + h >= box.y + box.h
  }

  /** How much its pixels would be stretched, one way or the other. */
  stretch(zoom: number): number {
    return Math.max(zoom / this.zoom, this.zoom / zoom)
  }

  private mendBox(box: Box, still: Shape[], scene: Scene): void {
    const { context, region, zoom } = this
    const ratio = zoom * devicePixelRatio
    const [left, top] = [Math.floor((box.x - region.x) * ratio), Math.floor((box.y - region.y) * ratio)]
    const [right, bottom] = [Math.ceil((box.x + box.w - region.x) * ratio), Math.ceil((box.y + box.h - region.y) * ratio)]
    context.save()
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.beginPath()
    context.rect(left, top, right - left, bottom - top)
    context.clip()
    context.clearRect(left, top, right - left, bottom - top)
    context.setTransform(ratio, 0, 0, ratio, -region.x * ratio, -region.y * ratio)
    paint(context, still, { view: box, zoom, dark: scene.dark, lookup: scene.lookup, onPicture: scene.onPicture, places: this.places })
    context.restore()
  }
}

export class Raster {
  private shown = new Picture()
  /** What will be shown next, and the shapes that are not on it yet. */
  private next = new Picture()
  private waiting: Shape[] | null = null
  private valid = false
  private moving: ReadonlySet<string> = new Set()
  private readonly touched = new Set<string>()
  private settle: ReturnType<typeof setTimeout> | undefined
  private zoomedAt = 0
  private lastZoom = 1

  /** @param again another frame is wanted. */
  constructor(private readonly again: () => void) {}

  /** These shapes are not what they were. */
  touch(ids: Iterable<string>): void {
    for (const id of ids) this.touched.add(id)
  }

  /** Nothing of the picture is true any more. */
  forget(): void {
    this.valid = false
    this.waiting = null
  }

  destroy(): void {
    clearTimeout(this.settle)
  }

  /** Copy the picture onto a context in device pixels, painting what is missing first. */
  draw(context: CanvasRenderingContext2D, camera: Camera, scene: Scene): void {
    this.noteMoving(scene)
    const { shown } = this
    if (this.mustPaintNow(camera, scene)) {
      this.waiting = null
      shown.begin(camera, scene.dark)
      shown.add(scene.shapes, scene)
      this.valid = true
    } else {
      if (this.wantsNext(camera)) this.beginNext(camera, scene)
      if (this.waiting !== null) this.paintNext(this.waiting, scene)
    }
    this.shown.mend(scene)
    this.shown.copyTo(context, camera)
  }

  /** Nothing of use is there: all at once, whatever it costs. */
  private mustPaintNow(camera: Camera, scene: Scene): boolean {
    const { shown } = this
    if (!this.valid || shown.dark !== scene.dark) return true
    const view = camera.view()
    const inner = { x: view.x + view.w / 4, y: view.y + view.h / 4, w: view.w / 2, h: view.h / 2 }
    return !shown.covers(inner)
  }

  private wantsNext(camera: Camera): boolean {
    const { next, shown, waiting } = this
    const view = camera.view()
    if (waiting !== null) return !next.covers(view) || next.stretch(camera.zoom) > MOST_STRETCH
    const stretch = shown.stretch(camera.zoom)
    if (stretch === 1) return !shown.covers(grown(view, Math.min(view.w, view.h) * NEAR_EDGE))
    const now = performance.now()
    if (camera.zoom !== this.lastZoom) {
      this.lastZoom = camera.zoom
      this.zoomedAt = now
    }
    if (stretch > MOST_STRETCH || !shown.covers(view) || now - this.zoomedAt >= SETTLE) return true
    clearTimeout(this.settle)
    this.settle = setTimeout(this.again, SETTLE)
    return false
  }

  private beginNext(camera: Camera, scene: Scene): void {
    clearTimeout(this.settle)
    this.next.begin(camera, scene.dark)
    this.waiting = [...scene.shapes]
  }

  private paintNext(waiting: Shape[], scene: Scene): void {
    const { next } = this
    const began = performance.now()
    let at = 0
    while (at < waiting.length && performance.now() - began < BUDGET) {
      next.add(waiting.slice(at, at + BATCH), scene)
      at += BATCH
    }
    if (at < waiting.length) {
      this.waiting = waiting.slice(at)
    } else {
      this.waiting = null
      this.next = this.shown
      this.shown = next
    }
    this.again()
  }

  private noteMoving(scene: Scene): void {
    const { moving, touched } = this
    for (const id of moving) if (!scene.moving.has(id)) touched.add(id)
    for (const id of scene.moving) if (!moving.has(id)) touched.add(id)
    this.moving = new Set(scene.moving)
    if (touched.size === 0) return
    // An arrow follows the shapes that it sticks to.
    for (const shape of scene.shapes) {
      if ((shape.from !== null && touched.has(shape.from.id)) || (shape.to !== null && touched.has(shape.to.id))) touched.add(shape.id)
    }
    for (const picture of this.waiting === null ? [this.shown] : [this.shown, this.next]) {
      for (const id of touched) picture.stale.add(id)
    }
    touched.clear()
  }
}

/** The same places, or one around all of them where they are too many. */
function fewer(boxes: Box[]): Box[] {
  const all = boxes.length > MOST_PATCHES ? union(boxes) : null
  return all === null ? boxes : [all]
}
