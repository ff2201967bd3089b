/** Where the camera goes: zoom, showing everything, following somebody. */

import { Camera } from './camera'
import { centre, distance, overlaps } from './geometry'
import { shownBounds } from './paint'
import type { Box, Point } from './shapes'
import type { Stage } from './stage'

/** What is kept free around everything when it is shown whole: a share of the screen, but not too much. */
const FIT_PADDING = { share: 0.09, most: 96 }

export class Viewing {
  private followed: number | null = null
  private fitted = false

  /**
   * @param synced whether the document is here.
   * @param onFollowEnd the person moved by themselves: whoever was followed is followed no more.
   */
  constructor(
    private readonly stage: Stage,
    private readonly synced: () => boolean,
    private readonly onFollowEnd: () => void,
  ) {}

  get following(): boolean {
    return this.followed !== null
  }

  /** Keep the view on somebody, or on nobody. */
  follow(client: number | null): void {
    this.followed = client
    this.stage.invalidate('overlay')
  }

  /** The view is the person's own from now on. */
  takeOver(): void {
    this.fitted = true
    if (this.followed !== null) this.onFollowEnd()
  }

  /** The camera was moved: others are told, and everything is painted. */
  moved(): void {
    this.stage.live.look(this.stage.camera.view())
    this.stage.repaint()
  }

  zoomBy(factor: number): void {
    this.zoomTo(this.stage.camera.zoom * factor)
  }

  zoomTo(zoom: number): void {
    const { camera } = this.stage
    this.takeOver()
    camera.zoomAt({ x: camera.width / 2, y: camera.height / 2 }, zoom)
    this.moved()
  }

  fitAll(): void {
    const { camera, contents } = this.stage
    this.takeOver()
    if (contents !== null) camera.fit(contents, this.padding)
    this.moved()
  }

  /** Whether something of the board is in view, or there is nothing to see. */
  seesSomething(): boolean {
    const { camera, contents, lookup, shapes } = this.stage
    if (contents === null) return true
    const view = camera.view()
    return overlaps(contents, view) && shapes.some((shape) => overlaps(shownBounds(shape, lookup), view))
  }

  /** Move, if need be, until a box is in view. */
  show(box: Box): void {
    const { camera } = this.stage
    const view = camera.view()
    if (box.x >= view.x && box.y >= view.y && box.x + box.w <= view.x + view.w && box.y + box.h <= view.y + view.h) return
    this.takeOver()
    this.centreOn(centre(box))
  }

  /** Put a place of the board into the middle. */
  centreOn({ x, y }: Point): void {
    const { camera } = this.stage
    camera.x = x - camera.width / camera.zoom / 2
    camera.y = y - camera.height / camera.zoom / 2
    this.moved()
  }

  /** Show what there is when the document is here; afterwards the view is the person's own. */
  firstFit(): void {
    const { camera, contents } = this.stage
    this.stage.repaint()
    if (this.fitted) return
    this.fitted = this.synced()
    // An empty board has its origin in the middle.
    camera.fit(contents ?? { x: 0, y: 0, w: 0, h: 0 }, this.padding)
    this.moved()
  }

  /** Come closer to what the followed person sees; whether the camera moved. */
  chase(): boolean {
    const { camera, live } = this.stage
    const view = this.followed === null ? null : live.viewOf(this.followed)
    if (view === null) return false
    const goal = new Camera()
    goal.width = camera.width
    goal.height = camera.height
    goal.fit(view, 0, 8)
    const middle = centre(camera.view())
    const wanted = centre(goal.view())
    const near = Math.abs(goal.zoom / camera.zoom - 1) < 0.002 && distance(middle, wanted) * camera.zoom < 0.5
    const part = near || matchMedia('(prefers-reduced-motion: reduce)').matches ? 1 : 0.25
    camera.zoom *= (goal.zoom / camera.zoom) ** part
    const at = { x: middle.x + (wanted.x - middle.x) * part, y: middle.y + (wanted.y - middle.y) * part }
    camera.x = at.x - camera.width / camera.zoom / 2
    camera.y = at.y - camera.height / camera.zoom / 2
    live.look(camera.view())
    if (!near) this.stage.repaint()
    return true
  }

  private get padding(): number {
    const { width, height } = this.stage.camera
    return Math.min(FIT_PADDING.most, Math.min(width, height) * FIT_PADDING.share)
  }
}
