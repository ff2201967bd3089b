/** The two canvases of a board, one for the shapes and one for what lies over them, and the dots behind. */

import { h } from '../../ui/dom'
import { isDark } from '../../ui/theme'
import { paintOverlay } from './overlay'
import { forgetPainted, paint } from './paint'
import { forgetLayouts } from './layout'
import { Raster } from './raster'
import type { Stage } from './stage'

const GRID = 24
/** With more shapes than this, those that do not move are kept as a picture. */
const KEPT_AS_PICTURE = 200

export class Screen {
  readonly canvas = h('canvas', { class: 'board-canvas' })
  /** The upper canvas; it takes the pointer. */
  readonly over = h('canvas', { class: 'board-canvas' })
  private readonly raster: Raster
  private colours = { accent: '', background: '', guide: '' }

  /** @param root the element that shows the dots. */
  constructor(private readonly stage: Stage, private readonly root: HTMLElement) {
    this.raster = new Raster(() => stage.repaint())
    this.readColours()
  }

  destroy(): void {
    this.raster.destroy()
  }

  /** Take the size of the camera's stage. */
  resize(): void {
    const { width, height } = this.stage.camera
    this.raster.forget()
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * devicePixelRatio)
      canvas.height = Math.round(height * devicePixelRatio)
    }
  }

  /** These shapes are not what they were. */
  touch(ids: Iterable<string>): void {
    this.raster.touch(ids)
  }

  /** The theme has changed. */
  readColours(): void {
    const probe = h('span', { style: 'display:none' })
    document.body.append(probe)
    const read = (name: string): string => {
      probe.style.color = `var(${name})`
      return getComputedStyle(probe).color
    }
    this.colours = { accent: read('--accent'), background: read('--background'), guide: read('--bad-dot') }
    probe.remove()
  }

  /** The fonts are here: what was measured without them is wrong. */
  fontsArrived(): void {
    forgetLayouts()
    forgetPainted()
    this.stage.store.refit()
    this.raster.forget()
    this.stage.repaint()
  }

  paintShapes(): void {
    const { camera, doomed, editing, lookup, moving, shapes } = this.stage
    const context = this.canvas.getContext('2d')
    if (context === null) return
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.canvas.width, this.canvas.height)
    const { zoom } = camera
    const scene = { lookup, dark: isDark(), onPicture: this.onPicture }
    const many = shapes.length > KEPT_AS_PICTURE
    if (many) this.raster.draw(context, camera, { ...scene, shapes, moving })
    const loose = many ? shapes.filter((shape) => moving.has(shape.id)) : shapes
    context.setTransform(devicePixelRatio * zoom, 0, 0, devicePixelRatio * zoom, -camera.x * zoom * devicePixelRatio, -camera.y * zoom * devicePixelRatio)
    const shown = loose.map((shape) =>
      doomed.has(shape.id) ? { ...shape, opacity: shape.opacity * 0.25 } : shape.id === editing ? { ...shape, text: '' } : shape,
    )
    paint(context, doomed.size > 0 || editing !== null ? shown : loose, { ...scene, view: camera.view(), zoom })
    this.paintGrid()
  }

  paintOverlay(withHandles: boolean): void {
    const { camera, live } = this.stage
    const context = this.over.getContext('2d')
    if (context === null) return
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0)
    context.clearRect(0, 0, camera.width, camera.height)
    paintOverlay(context, this.stage, this.colours, live.selections(), withHandles)
  }

  private readonly onPicture = (): void => {
    this.raster.forget()
    this.stage.repaint()
  }

  private paintGrid(): void {
    const { camera } = this.stage
    let step = GRID * camera.zoom
    while (step < 14) step *= 2
    while (step > 48) step /= 2
    const { style } = this.root
    style.backgroundSize = `${step}px ${step}px`
    style.backgroundPosition = `${-camera.x * camera.zoom}px ${-camera.y * camera.zoom}px`
  }
}
