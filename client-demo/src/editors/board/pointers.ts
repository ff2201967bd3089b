/** Mouse, pen, fingers and wheel: which gesture they make, and how they move the board. */

import { Pen } from './drawing'
import { distance } from './geometry'
import type { Gesture, Touch } from './gestures'
import { handleAt } from './overlay'
import type { Point } from './shapes'
import type { Stage } from './stage'
import type { Tools } from './tools'
import type { Viewing } from './viewing'
import type { Writing } from './writing'

export class Pointers {
  gesture: Gesture | null = null
  /** Where the pointer was last, in screen pixels. */
  last: Point | null = null
  private fingers = new Map<number, Point>()
  private pinch: { middle: Point; span: number } | null = null
  private panning: { last: Point; pointer: number } | null = null
  private spaceHeld = false

  constructor(
    private readonly stage: Stage,
    private readonly parts: { tools: Tools; viewing: Viewing; writing: Writing; openMenu(screen: Point): void },
    private readonly root: HTMLElement,
    /** The element that takes the pointer. */
    private readonly surface: HTMLElement,
  ) {}

  /** Begin to listen; ends with `signal`. */
  listen(signal: AbortSignal): void {
    const { root, stage, surface } = this
    const on = { signal }
    surface.addEventListener('pointerdown', (event) => this.onDown(event), on)
    surface.addEventListener('pointermove', (event) => this.onMove(event), on)
    surface.addEventListener('pointerup', (event) => this.onUp(event), on)
    surface.addEventListener('pointercancel', (event) => this.onLost(event), on)
    surface.addEventListener('lostpointercapture', (event) => this.onLost(event), on)
    surface.addEventListener('pointerleave', () => stage.live.pointAt(null), on)
    surface.addEventListener('dblclick', (event) => this.parts.tools.twice(stage.camera.toBoard(this.local(event))), on)
    surface.addEventListener('contextmenu', (event) => this.onMenu(event), on)
    root.addEventListener('wheel', (event) => this.onWheel(event), { passive: false, signal })
  }

  /** A place in the window, in pixels of the board's element. */
  local(event: MouseEvent): Point {
    const { left, top } = this.root.getBoundingClientRect()
    return { x: event.clientX - left, y: event.clientY - top }
  }

  private onMenu(event: MouseEvent): void {
    event.preventDefault()
    // A finger that rests before it draws is no question.
    if ((event as Partial<PointerEvent>).pointerType === 'touch' && this.stage.tool !== 'select') return
    const screen = this.local(event)
    // A finger that stays: what it had begun is given up.
    this.cancel()
    this.fingers.clear()
    this.panning = null
    this.last = screen
    this.parts.tools.pointAt(this.stage.camera.toBoard(screen))
    this.parts.openMenu(screen)
  }

  /** As if the gesture that is under way had never begun. */
  cancel(): void {
    this.gesture?.cancel()
    this.gesture = null
  }

  /** While the space bar is held, every tool is a hand. */
  holdSpace(held: boolean): void {
    this.spaceHeld = held
    this.showCursor()
  }

  showCursor(): void {
    const { stage } = this
    let cursor = 'crosshair'
    if (this.panning !== null) cursor = 'grabbing'
    else if (stage.tool === 'hand' || this.spaceHeld) cursor = 'grab'
    else if (stage.tool === 'select') {
      const handle = this.last === null || stage.readOnly ? null : handleAt(stage, this.last, false)
      cursor = handle?.cursor ?? 'default'
    } else if (stage.tool === 'text') cursor = 'text'
    this.surface.style.cursor = cursor
  }

  private touch(event: PointerEvent): Touch {
    const pen = event.pointerType === 'pen' && event.pressure > 0
    return {
      at: this.stage.camera.toBoard(this.local(event)),
      pressure: pen ? event.pressure : null,
      keys: { shift: event.shiftKey, alt: event.altKey, ctrl: event.ctrlKey || event.metaKey },
    }
  }

  private onDown(event: PointerEvent): void {
    const { stage } = this
    this.parts.viewing.takeOver()
    // The browser's own default would take the focus away again.
    event.preventDefault()
    this.parts.writing.end()
    this.root.focus({ preventScroll: true })
    const screen = this.local(event)
    this.surface.setPointerCapture(event.pointerId)
    if (event.pointerType === 'touch') {
      this.fingers.set(event.pointerId, screen)
      if (this.fingers.size === 2) {
        this.cancel()
        this.panning = null
        this.pinch = this.pinchNow()
        return
      }
      if (this.fingers.size > 2) return
    }
    if (event.button === 1 || this.spaceHeld || stage.tool === 'hand') {
      this.panning = { last: screen, pointer: event.pointerId }
      this.showCursor()
      return
    }
    if (event.button !== 0) return
    this.gesture = this.parts.tools.begin(this.touch(event), screen, event.pointerType === 'touch')
    stage.invalidate('overlay')
  }

  private onMove(event: PointerEvent): void {
    const { camera, live } = this.stage
    const screen = this.local(event)
    this.last = screen
    live.pointAt(camera.toBoard(screen))
    if (event.pointerType === 'touch' && this.fingers.has(event.pointerId)) {
      this.fingers.set(event.pointerId, screen)
      if (this.pinch !== null) {
        this.movePinch(this.pinch)
        return
      }
    }
    if (this.panning !== null) {
      camera.pan(this.panning.last.x - screen.x, this.panning.last.y - screen.y)
      this.panning.last = screen
      this.parts.viewing.moved()
      return
    }
    if (this.gesture === null) {
      this.showCursor()
      return
    }
    if (this.gesture instanceof Pen) {
      // Between two frames a pen was in more places than one.
      const moves = event.getCoalescedEvents()
      for (const each of moves.length > 0 ? moves : [event]) this.gesture.move(this.touch(each))
    } else {
      this.gesture.move(this.touch(event))
    }
    this.stage.invalidate('overlay')
  }

  private onUp(event: PointerEvent): void {
    this.release(event)
    if (this.panning?.pointer === event.pointerId) {
      this.panning = null
      this.showCursor()
      return
    }
    const { gesture } = this
    this.gesture = null
    gesture?.end(this.touch(event))
    this.showCursor()
    this.stage.invalidate('overlay')
  }

  private onLost(event: PointerEvent): void {
    this.release(event)
    if (this.panning?.pointer === event.pointerId) this.panning = null
    if (event.type === 'pointercancel') this.cancel()
  }

  private release(event: PointerEvent): void {
    this.fingers.delete(event.pointerId)
    if (this.fingers.size < 2) this.pinch = null
    if (event.pointerType === 'touch') this.stage.live.pointAt(null)
  }

  private movePinch(before: { middle: Point; span: number }): void {
    const { camera } = this.stage
    const now = this.pinchNow()
    if (now === null) return
    camera.pan(before.middle.x - now.middle.x, before.middle.y - now.middle.y)
    if (before.span > 0) camera.zoomAt(now.middle, (camera.zoom * now.span) / before.span)
    this.pinch = now
    this.parts.viewing.moved()
  }

  private pinchNow(): { middle: Point; span: number } | null {
    const [a, b] = [...this.fingers.values()]
    if (a === undefined || b === undefined) return null
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, span: distance(a, b) }
  }

  private onWheel(event: WheelEvent): void {
    if ((event.target as Element).closest('textarea') !== null) return
    event.preventDefault()
    this.parts.viewing.takeOver()
    const { camera } = this.stage
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
    if (event.ctrlKey || event.metaKey) {
      const screen = this.local(event)
      camera.zoomAt(screen, camera.zoom * Math.exp((-event.deltaY * unit) / (Math.abs(event.deltaY) < 40 ? 100 : 400)))
    } else {
      const sideways = event.shiftKey && event.deltaX === 0
      camera.pan((sideways ? event.deltaY : event.deltaX) * unit, (sideways ? 0 : event.deltaY) * unit)
    }
    this.parts.viewing.moved()
  }
}
