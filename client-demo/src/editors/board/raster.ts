/**
 * What does not move, painted once and kept as a picture. A frame of panning then costs one copy, a change
 * costs the part of the board that it touches, whether there are ten shapes or some thousand.
 */

import type { Camera } from './camera'
import { grown, overlaps, union } from './geometry'
import type { Lookup } from './linear'
import { paint, shownBounds, type OnPicture } from './paint'
import type { Box, Shape } from './shapes'

/** How much more than the view is painted on each side, as a part of it. */
const MARGIN = 0.2
/** While zooming the picture is stretched; it is painted anew when that has been still for so long. */
const SETTLE = 90
/** Stretched by more than this it is painted anew at once. */
const MOST_STRETCH = 1.8

export interface Scene {
  /** From bottom to top. */
  shapes: Shape[]
  /** Ids of shapes that move right now; they are painted over the picture by somebody else. */
  moving: ReadonlySet<string>
  dark: boolean
  lookup: Lookup
  onPicture: OnPicture
}

export class Raster {
  private readonly canvas = document.createElement('canvas')
  private readonly context = this.canvas.getContext('2d') as CanvasRenderingContext2D
  private region: Box | null = null
  private zoom = 1
  private dark = false
  private moving: ReadonlySet<string> = new Set()
  /** Where each shape was painted. */
  private readonly places = new Map<string, Box>()
  private readonly stale = new Set<string>()
  private settle: ReturnType<typeof setTimeout> | undefined
  private zoomedAt = 0

  /** @param onSettled the zoom has come to rest: paint again, sharp. */
  constructor(private readonly onSettled: () => void) {}

  /** These shapes are not what they were. */
  touch(ids: Iterable<string>): void {
    for (const id of ids) this.stale.add(id)
  }

  /** Nothing of the picture is true any more. */
  forget(): void {
    this.region = null
  }

  /** Copy the picture onto a context in device pixels, painting what is missing first. */
  draw(context: CanvasRenderingContext2D, camera: Camera, scene: Scene): void {
    const view = camera.view()
    this.noteMoving(scene)
    if (this.mustPaint(camera, view, scene)) this.paintAll(camera, view, scene)
    else this.paintStale(scene)
    const { region } = this
    if (region === null) return
    const scale = (camera.zoom * devicePixelRatio) / (this.zoom * devicePixelRatio)
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.imageSmoothingEnabled = scale !== 1
    const x = (region.x - camera.x) * camera.zoom * devicePixelRatio
    const y = (region.y - camera.y) * camera.zoom * devicePixelRatio
    // On whole pixels a copy is exact; in between, everything would look a little soft while panning.
    const [left, top] = scale === 1 ? [Math.round(x), Math.round(y)] : [x, y]
    context.drawImage(this.canvas, left, top, this.canvas.width * scale, this.canvas.height * scale)
  }

  destroy(): void {
    clearTimeout(this.settle)
  }

  private mustPaint(camera: Camera, view: Box, scene: Scene): boolean {
    const { region } = this
    if (region === null || this.dark !== scene.dark) return true
    const covered =
      region.x <= view.x && region.y <= view.y && region.x + region.w >= view.x + view.w && region.y + region.h >= view.y + view.h
    if (this.zoom === camera.zoom) return !covered
    const stretch = camera.zoom / this.zoom
    const now = performance.now()
    if (stretch > MOST_STRETCH || (!covered && now - this.zoomedAt > SETTLE)) return true
    clearTimeout(this.settle)
    this.settle = setTimeout(() => {
      this.forget()
      this.onSettled()
    }, SETTLE)
    return false
  }

  private noteMoving(scene: Scene): void {
    for (const id of this.moving) if (!scene.moving.has(id)) this.stale.add(id)
    for (const id of scene.moving) if (!this.moving.has(id)) this.stale.add(id)
    this.moving = new Set(scene.moving)
    // An arrow follows the shapes that it sticks to.
    if (this.stale.size === 0) return
    for (const shape of scene.shapes) {
      if ((shape.from !== null && this.stale.has(shape.from.id)) || (shape.to !== null && this.stale.has(shape.to.id))) this.stale.add(shape.id)
    }
  }

  private paintAll(camera: Camera, view: Box, scene: Scene): void {
    clearTimeout(this.settle)
    this.stale.clear()
    this.zoom = camera.zoom
    this.dark = scene.dark
    this.zoomedAt = performance.now()
    const ratio = camera.zoom * devicePixelRatio
    // The region begins on a whole device pixel of the board.
    const x = Math.floor((view.x - view.w * MARGIN) * ratio) / ratio
    const y = Math.floor((view.y - view.h * MARGIN) * ratio) / ratio
    const width = Math.ceil(view.w * (1 + 2 * MARGIN) * ratio)
    const height = Math.ceil(view.h * (1 + 2 * MARGIN) * ratio)
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width
      this.canvas.height = height
    }
    this.region = { x, y, w: width / ratio, h: height / ratio }
    this.places.clear()
    for (const shape of scene.shapes) this.places.set(shape.id, shownBounds(shape, scene.lookup))
    this.paintBox(this.region, scene)
  }

  private paintStale(scene: Scene): void {
    if (this.stale.size === 0 || this.region === null) return
    const boxes: Box[] = []
    const here = new Map<string, Shape>()
    for (const shape of scene.shapes) if (this.stale.has(shape.id)) here.set(shape.id, shape)
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
    const box = union(boxes.filter((each) => this.region !== null && overlaps(each, this.region)))
    if (box !== null) this.paintBox(grown(box, 2 / this.zoom), scene)
  }

  private paintBox(box: Box, scene: Scene): void {
    const { context, region, zoom } = this
    if (region === null) return
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
    const still = scene.moving.size === 0 ? scene.shapes : scene.shapes.filter((shape) => !scene.moving.has(shape.id))
    paint(context, still, { view: box, zoom, dark: scene.dark, lookup: scene.lookup, onPicture: scene.onPicture, places: this.places })
    context.restore()
  }
}
