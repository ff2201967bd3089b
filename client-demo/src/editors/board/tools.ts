/** What pressing on the board begins, for each tool. */

import { Draw, Ends, Erase, Pen } from './drawing'
import type { Edits } from './edits'
import { distance } from './geometry'
import { CLICK, Marquee, Move, Resize, Rotate, type Gesture, type Touch } from './gestures'
import { shapeAt } from './hit'
import { handleAt } from './overlay'
import { holdsText, NOTE_SIZE, type Point, type Shape } from './shapes'
import type { Stage } from './stage'
import type { Writing } from './writing'

/** How far a pointer may miss, in screen pixels. */
const SLACK = { fine: 5, coarse: 12 }

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
        return new Draw(stage, tool, touch.at, { w: 160, h: 100 }, (shape) => this.choose(shape))
      case 'note':
        return new Draw(stage, tool, touch.at, { w: NOTE_SIZE, h: NOTE_SIZE }, (shape) => writing.begin(shape.id))
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

  /** A new shape is what the hands want next. */
  private choose(shape: Shape): void {
    this.toSelect()
    this.stage.select([shape.id])
  }

  private beginSelect(touch: Touch, screen: Point, coarse: boolean): Gesture | null {
    const { stage } = this
    const handle = stage.readOnly ? null : handleAt(stage, screen, coarse)
    if (handle !== null) {
      if (handle.kind === 'rotate') return new Rotate(stage, touch.at)
      if (handle.kind === 'end') return new Ends(stage, handle.shape, handle.end, () => undefined)
      return new Resize(stage, handle)
    }
    const hit = shapeAt(touch.at, stage.shapes, stage.lookup, (coarse ? SLACK.coarse : SLACK.fine) / stage.camera.zoom)
    if (hit === null) return new Marquee(stage, touch.at, touch.keys.shift)
    const selected = stage.selection.has(hit.id)
    if (touch.keys.shift) {
      stage.select(selected ? [...stage.selection].filter((id) => id !== hit.id) : [...stage.selection, hit.id])
      return null
    }
    if (!selected) stage.select([hit.id])
    if (stage.readOnly || hit.locked) return null
    return new AfterThreshold(touch.at, stage.camera.zoom, () => new Move(stage, touch.at, (ids) => stage.select(ids)), () => {
      // A click on one of several means that one.
      if (selected && stage.selection.size > 1) stage.select([hit.id])
    })
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
