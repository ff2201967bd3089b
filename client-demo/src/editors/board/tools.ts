/** What pressing on the board begins, for each tool. */

import { Bend, Draw, Ends, Erase, freshShape, Pen } from './drawing'
import type { Edits } from './edits'
import { centre, contains, distance } from './geometry'
import { CLICK, Marquee, Move, Resize, Rotate, type Gesture, type Touch } from './gestures'
import { groupOf, whole } from './groups'
import { shapeAt } from './hit'
import { handleAt } from './overlay'
import { holdsText, isLinear, NOTE_SIZE, type Point, type Shape } from './shapes'
import type { Stage } from './stage'
import { withPoints } from './transform'
import type { Writing } from './writing'

/** How far a pointer may miss, in screen pixels. */
const SLACK = { fine: 5, coarse: 12 }
/** What a click makes. */
const USUAL = { w: 160, h: 100 }
const FRAME = { w: 480, h: 320 }
const NOTE = { w: NOTE_SIZE, h: NOTE_SIZE }

export class Tools {
  constructor(
    private readonly stage: Stage,
    private readonly edits: Edits,
    private readonly writing: Writing,
    private readonly toSelect: () => void,
  ) {}

  /** @param coarse the pointer is a finger. */
  begin(touch: Touch, screen: Point, coarse: boolean): Gesture | null {
    const { stage, writing } = this
    const { tool } = stage
    switch (tool) {
      case 'select':
        return this.beginSelect(touch, screen, coarse)
      case 'pen':
        return new Pen(stage, touch)
      case 'eraser':
        return new Erase(stage, touch, (ids) => this.edits.remove(ids))
      case 'arrow':
      case 'line':
        return Ends.begin(stage, tool, touch, (shape, wasMoved) => {
          if (wasMoved) this.choose(shape)
        })
      case 'rectangle':
      case 'ellipse':
      case 'diamond':
        return new Draw(stage, tool, touch.at, USUAL, (shape) => this.choose(shape))
      case 'frame':
        return new Draw(stage, tool, touch.at, FRAME, (shape) => this.choose(shape))
      case 'note':
        return new Draw(stage, tool, touch.at, NOTE, (shape) => writing.begin(shape.id))
      case 'text': {
        const shape = shapeAt(touch.at, stage.shapes, stage.lookup, 4 / stage.camera.zoom)
        if (shape !== null && holdsText(shape)) writing.begin(shape.id)
        else writing.beginAt(touch.at)
        return null
      }
      default:
        return null
    }
  }

  /** Clicked twice: write where text can be. */
  twice(at: Point): void {
    const { stage } = this
    if (stage.tool !== 'select' || stage.readOnly) return
    const hit = shapeAt(at, stage.shapes, stage.lookup, SLACK.fine / stage.camera.zoom)
    if (hit !== null && holdsText(hit)) this.writing.begin(hit.id)
    else if (hit === null) this.writing.beginAt(at)
  }

  /** What a menu at a place is about is selected: the shape there, or the selection that lies there, or nothing. */
  pointAt(at: Point): void {
    const { stage } = this
    if (stage.tool !== 'select') this.toSelect()
    const hit = shapeAt(at, stage.shapes, stage.lookup, SLACK.fine / stage.camera.zoom)
    const { selectionBox } = stage
    if (hit !== null && !stage.selection.has(hit.id)) stage.selectWhole([hit.id])
    else if (hit === null && !(selectionBox !== null && contains(selectionBox, at))) stage.select([])
  }

  /** Make what the tool makes in the middle of the view: for hands on the keyboard. */
  putDown(): void {
    const { edits, stage, writing } = this
    const { tool } = stage
    if (stage.readOnly) return
    const middle = centre(stage.camera.view())
    if (tool === 'text') {
      writing.beginAt(middle)
    } else if (tool === 'arrow' || tool === 'line') {
      const [left, right] = [middle.x - USUAL.w / 2, middle.x + USUAL.w / 2]
      edits.place([withPoints(freshShape(stage, tool, middle), [{ x: left, y: middle.y }, { x: right, y: middle.y }])])
    } else if (tool === 'note' || tool === 'rectangle' || tool === 'ellipse' || tool === 'diamond' || tool === 'frame') {
      const { w, h } = tool === 'note' ? NOTE : tool === 'frame' ? FRAME : USUAL
      const shape = { ...freshShape(stage, tool, { x: middle.x - w / 2, y: middle.y - h / 2 }), w, h }
      edits.place([shape])
      if (tool === 'note') writing.begin(shape.id)
    }
  }

  /** A new shape is what the hands want next, unless they keep the tool. */
  private choose(shape: Shape): void {
    if (this.stage.toolLock) return
    this.toSelect()
    this.stage.select([shape.id])
  }

  private beginSelect(touch: Touch, screen: Point, coarse: boolean): Gesture | null {
    const { stage } = this
    const handle = stage.readOnly ? null : handleAt(stage, screen, coarse)
    if (handle !== null) {
      if (handle.kind === 'rotate') return new Rotate(stage, touch.at)
      if (handle.kind === 'resize') return new Resize(stage, handle, touch.at)
      if (handle.kind === 'bend') return this.afterThreshold(touch, () => new Bend(stage, handle.shape))
      return this.afterThreshold(touch, () => new Ends(stage, handle.shape, handle.end, () => undefined))
    }
    const hit = shapeAt(touch.at, stage.shapes, stage.lookup, (coarse ? SLACK.coarse : SLACK.fine) / stage.camera.zoom)
    if (hit === null || (!stage.selection.has(hit.id) && hit.locked)) {
      if (!touch.keys.shift && this.inSelection(touch.at)) return this.move(touch, () => stage.select(hit === null ? [] : [hit.id]))
      if (hit === null) return new Marquee(stage, touch.at, touch.keys.shift)
    }
    const selected = stage.selection.has(hit.id)
    const { shift } = touch.keys
    const inside = stage.inside !== null && hit.groups.includes(stage.inside) ? stage.inside : null
    const unit = whole([hit.id], stage.shapes, inside)
    if (!selected) {
      stage.inside = inside
      stage.select(shift ? [...stage.selection, ...unit] : unit)
    }
    // A click on one of several means that one; with Shift, all but that one; on what is one group, one in it.
    const onClick = (): void => {
      if (!selected) return
      if (shift) stage.select([...stage.selection].filter((id) => !unit.includes(id)))
      else if (stage.selection.size > unit.length) stage.selectWhole([hit.id], inside)
      else if (unit.length > 1) stage.selectWhole([hit.id], groupOf(hit, inside) ?? null)
    }
    if (!stage.readOnly && !hit.locked) return this.move(touch, onClick)
    onClick()
    return null
  }

  /** Between the shapes of a selection there is something to hold, too. */
  private inSelection(at: Point): boolean {
    const { selected, selectionBox, readOnly } = this.stage
    const line = selected.length === 1 && selected.every(isLinear)
    return !readOnly && !line && selectionBox !== null && contains(selectionBox, at) && selected.some((shape) => !shape.locked)
  }

  private move(touch: Touch, onClick: () => void): Gesture {
    const { stage } = this
    return this.afterThreshold(touch, () => new Move(stage, touch.at, (ids) => stage.select(ids)), onClick)
  }

  private afterThreshold(touch: Touch, make: () => Gesture, onClick: () => void = () => undefined): Gesture {
    return new AfterThreshold(touch.at, this.stage.camera.zoom, make, onClick)
  }
}

/** A gesture that begins only when the pointer really moves, so that a click does not nudge. */
class AfterThreshold implements Gesture {
  private gesture: Gesture | null = null

  constructor(
    private readonly start: Point,
    private readonly zoom: number,
    private readonly make: () => Gesture,
    private readonly onClick: () => void,
  ) {}

  move(touch: Touch): void {
    if (this.gesture === null && distance(touch.at, this.start) * this.zoom >= CLICK) this.gesture = this.make()
    this.gesture?.move(touch)
  }

  end(touch: Touch): void {
    if (this.gesture === null) this.onClick()
    else this.gesture.end(touch)
  }

  cancel(): void {
    this.gesture?.cancel()
  }
}
