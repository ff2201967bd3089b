/** Which shape is being written in. */

import { isDark } from '../../ui/theme'
import { freshShape } from './drawing'
import { textSize } from './layout'
import { labelPoint, pathPoints, type Lookup } from './linear'
import { FONT_SIZES, FRAME_NAME, holdsText, isLinear, type Point, type Shape } from './shapes'
import type { Stage } from './stage'
import { editText, type TextEditing } from './textEditing'

export class Writing {
  private open: TextEditing | null = null

  constructor(
    private readonly stage: Stage,
    private readonly layer: HTMLElement,
    private readonly on: { begin(): void; end(): void; empty(id: string): void },
  ) {}

  get active(): boolean {
    return this.open !== null
  }

  end(): void {
    this.open?.end()
  }

  /**
   * Write in a shape, if it holds text and may be changed.
   * @param endStep ends the step of undo that has begun with the shape.
   */
  begin(id: string, endStep?: () => void): void {
    const { stage } = this
    const { store } = stage
    const shape = stage.lookup(id)
    const text = stage.readOnly || shape === undefined || !holdsText(shape) || shape.locked ? null : store.textOf(id)
    if (shape === undefined || text === null) {
      endStep?.()
      return
    }
    this.end()
    this.on.begin()
    // A free text is its letters: half an undo would leave one that nobody sees.
    const finish = endStep ?? (shape.type === 'text' ? store.longStep() : () => store.step())
    store.step()
    stage.editing = id
    stage.select([id])
    this.open = editText(this.layer, stage.camera, shape, text, {
      onInput: (words) => {
        const now = store.get(id)
        if (now?.type === 'text') store.update(new Map([[id, textSize(words, FONT_SIZES[now.fontSize])]]))
        stage.repaint()
      },
      onEnd: (empty) => {
        this.open = null
        stage.editing = null
        if (empty && store.get(id)?.type === 'text') this.on.empty(id)
        finish()
        stage.invalidate()
        this.on.end()
      },
    })
    stage.invalidate()
  }

  /** Begin a new free text. */
  beginAt(at: Point): void {
    const { stage } = this
    const size = FONT_SIZES[stage.look.fontSize]
    const shape = { ...freshShape(stage, 'text', { x: at.x, y: at.y - size * 0.65 }), fill: 'none', ...textSize('', size) }
    this.end()
    const endStep = stage.store.longStep()
    stage.store.add([shape])
    this.begin(shape.id, endStep)
  }

  /** Keep the letters over their shape, wherever it goes. */
  place(): void {
    if (this.open === null) return
    const shape = this.stage.lookup(this.open.id)
    if (shape === undefined || this.open.lost) this.open.end()
    else this.open.place(placeOf(shape, this.stage.lookup), isDark())
  }
}

/** A shape as a place for words: an arrow has them in the middle of its way, a frame above it. */
function placeOf(shape: Shape, lookup: Lookup): Shape {
  if (shape.type === 'frame') return { ...shape, type: 'text', x: shape.x - 2, y: shape.y - FRAME_NAME, fontSize: 'S', stroke: 'grey' }
  if (!isLinear(shape)) return shape
  return { ...shape, ...labelPoint(pathPoints(shape, lookup)), w: 0, h: 0, rotation: 0 }
}
