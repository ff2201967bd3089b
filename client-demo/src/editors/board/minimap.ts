/** The whole board in a corner: what there is, what is in view, where the others are. A drag moves the view. */

import { h } from '../../ui/dom'
import { isDark } from '../../ui/theme'
import { centre, grown, outline, union } from './geometry'
import { pathPoints, type Lookup } from './linear'
import { fillColour, isLinear, paperColour, strokeColour, type Box, type Point, type Shape } from './shapes'
import type { Stage } from './stage'
import type { Viewing } from './viewing'

const WIDTH = 176
const HEIGHT = 116
/** Free around everything, as a share of it. */
const MARGIN = 0.06
/** How often shapes are painted anew while they change; the view and the others move in every frame. */
const INTERVAL = 250
const SHOWN_KEY = 'collab:board-map'

export class Minimap {
  private readonly canvas = h('canvas', { role: 'img', 'aria-label': 'Map of the board' })
  readonly element = h('div', { class: 'board-map floating', hidden: true }, this.canvas)
  /** The shapes alone, filling all of it, and where they are on the board. */
  private readonly picture = document.createElement('canvas')
  private contents: Box | null = null
  /** The place of the board that is at the top left of the map. */
  private origin: Point = { x: 0, y: 0 }
  private scale = 1
  private stale = true
  private paintedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private dragging: number | null = null

  constructor(private readonly stage: Stage, private readonly viewing: Viewing) {
    this.canvas.width = WIDTH * devicePixelRatio
    this.canvas.height = HEIGHT * devicePixelRatio
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId)
      this.dragging = event.pointerId
      this.lookAt(event)
    })
    this.canvas.addEventListener('pointermove', (event) => {
      if (this.dragging === event.pointerId) this.lookAt(event)
    })
    const end = (): void => {
      this.dragging = null
      stage.invalidate('overlay')
    }
    this.canvas.addEventListener('pointerup', end)
    this.canvas.addEventListener('pointercancel', end)
    this.show(wasShown())
  }

  toggle(): void {
    const shown = this.element.hidden !== false
    this.show(shown)
    try {
      localStorage.setItem(SHOWN_KEY, shown ? '1' : '0')
    } catch {
      // Then it is as usual on the next visit.
    }
    this.stage.invalidate('overlay')
  }

  /** Shapes are not what they were. */
  touch(): void {
    this.stale = true
  }

  destroy(): void {
    clearTimeout(this.timer)
  }

  /** Bring it up to date. */
  paint(): void {
    const context = this.canvas.getContext('2d')
    if (this.element.hidden || context === null) return
    if (this.stale) this.paintShapesSoon()
    this.frame()
    const { camera, live } = this.stage
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0)
    const { contents, scale } = this
    if (contents !== null) {
      const { x, y } = this.toMap(contents)
      context.drawImage(this.picture, x, y, contents.w * scale, contents.h * scale)
    }
    const view = camera.view()
    const at = this.toMap(view)
    context.strokeStyle = strokeColour('ink', isDark())
    context.lineWidth = 1.5
    context.beginPath()
    context.roundRect(at.x, at.y, Math.max(4, view.w * scale), Math.max(4, view.h * scale), 2)
    context.stroke()
    for (const { peer, at: cursor } of live.shown) {
      const { x, y } = this.toMap(cursor)
      context.fillStyle = peer.color
      context.beginPath()
      context.arc(x, y, 2.5, 0, 2 * Math.PI)
      context.fill()
    }
  }

  private show(shown: boolean): void {
    this.element.hidden = !shown
    this.touch()
  }

  /** The map shows everything and the view; while it is dragged it stays as it is. */
  private frame(): void {
    if (this.dragging !== null) return
    const view = this.stage.camera.view()
    const all = this.contents === null ? view : (union([view, this.contents]) ?? view)
    const region = grown(all, Math.max(all.w, all.h) * MARGIN)
    this.scale = Math.min(WIDTH / region.w, HEIGHT / region.h)
    const middle = centre(region)
    this.origin = { x: middle.x - WIDTH / this.scale / 2, y: middle.y - HEIGHT / this.scale / 2 }
  }

  private paintShapesSoon(): void {
    const wait = this.paintedAt + INTERVAL - performance.now()
    if (wait <= 0) {
      this.stale = false
      this.paintedAt = performance.now()
      this.paintShapes()
    } else {
      this.timer ??= setTimeout(() => {
        this.timer = undefined
        this.stage.invalidate('overlay')
      }, wait)
    }
  }

  private paintShapes(): void {
    const { lookup, contents, shapes } = this.stage
    const context = this.picture.getContext('2d')
    this.contents = contents
    if (context === null || contents === null) return
    const ratio = devicePixelRatio
    const scale = Math.min(WIDTH / Math.max(1, contents.w), HEIGHT / Math.max(1, contents.h), 1) * ratio
    this.picture.width = Math.max(1, Math.ceil(contents.w * scale))
    this.picture.height = Math.max(1, Math.ceil(contents.h * scale))
    context.setTransform(scale, 0, 0, scale, -contents.x * scale, -contents.y * scale)
    context.lineWidth = ratio / scale
    context.globalAlpha = 0.75
    const dark = isDark()
    for (const shape of shapes) drawSmall(context, shape, lookup, dark, ratio / scale)
  }

  private toMap({ x, y }: Point): Point {
    return { x: (x - this.origin.x) * this.scale, y: (y - this.origin.y) * this.scale }
  }

  private lookAt(event: PointerEvent): void {
    const { left, top } = this.canvas.getBoundingClientRect()
    this.viewing.takeOver()
    this.viewing.centreOn({ x: (event.clientX - left) / this.scale + this.origin.x, y: (event.clientY - top) / this.scale + this.origin.y })
  }
}

/** A shape of a few pixels: its outline and its colour. `pixel` is one of them, in board units. */
function drawSmall(context: CanvasRenderingContext2D, shape: Shape, lookup: Lookup, dark: boolean, pixel: number): void {
  const { fill, stroke, type } = shape
  const line = isLinear(shape) ? pathPoints(shape, lookup) : type === 'pen' ? strokeOf(shape) : null
  context.beginPath()
  if (line !== null) {
    trace(context, line)
    context.strokeStyle = strokeColour(stroke, dark)
    context.stroke()
    return
  }
  trace(context, outline({ ...shape, w: Math.max(pixel, shape.w), h: Math.max(pixel, shape.h) }))
  context.closePath()
  const filled = type === 'note' ? paperColour(fill, dark) : fillColour(fill, dark)
  const colour = fill === 'none' ? strokeColour(stroke === 'none' ? 'grey' : stroke, dark) : filled
  if (fill !== 'none' || type === 'image' || type === 'text') {
    context.fillStyle = colour
    context.fill()
  } else {
    context.strokeStyle = colour
    context.stroke()
  }
}

function trace(context: CanvasRenderingContext2D, points: Point[]): void {
  points.forEach((point, i) => (i === 0 ? context.moveTo(point.x, point.y) : context.lineTo(point.x, point.y)))
}

/** The middle of a pen's stroke, as coarse as it can be seen here. */
function strokeOf({ x, y, points }: Shape): Point[] {
  const step = Math.max(1, Math.floor(points.length / 24))
  return points.filter((_, i) => i % step === 0).map(([px = 0, py = 0]) => ({ x: x + px, y: y + py }))
}

/** It is there from the beginning where there is room for it. */
function wasShown(): boolean {
  const roomy = matchMedia('(min-width: 900px)').matches
  try {
    return (localStorage.getItem(SHOWN_KEY) ?? (roomy ? '1' : '0')) === '1'
  } catch {
    return roomy
  }
}
