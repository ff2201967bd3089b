/** What is done to the selection without dragging it: each a step of undo of its own. */

import { toast } from '../../ui/toasts'
import { overFrames } from '../pasting'
import { aligned, distributed, type Align } from './arrange'
import { overlaps, union } from './geometry'
import { withContents } from './frames'
import { grouped, groupOf } from './groups'
import { fitted } from './layout'
import { linearPoints } from './linear'
import { keepLook } from './look'
import { freshId, isLinear, type Box, type Look, type Shape } from './shapes'
import type { Stage } from './stage'
import type { Patch, Restack } from './store'
import { copiesOf, moved, withPoints } from './transform'

/** More shapes than these are put in over several frames. */
const PLACED_AT_ONCE = 200

/** How far copies lie from what they were made of. */
export const PASTE_STEP = 24

export class Edits {
  /** @param onPlaced new shapes were put on the board and are selected. */
  constructor(private readonly stage: Stage, private readonly onPlaced: () => void) {}

  /** Change the look of the selection and of the next shape. `more` follows while a slider moves. */
  setLook(change: Partial<Look>, more: boolean): void {
    const { stage } = this
    stage.look = { ...stage.look, ...change }
    keepLook(stage.look)
    const { route, ...rest } = change
    const changed = stage.selected
      .filter((shape) => !shape.locked)
      // Only lines have a way, and where one was bent to means nothing on another.
      .map((shape) => fitted({ ...shape, ...rest, ...(route !== undefined && isLinear(shape) && { route, bend: null }) }))
    if (changed.length === 0) {
      stage.invalidate('overlay')
      return
    }
    for (const shape of changed) stage.preview.set(shape.id, shape)
    if (more) stage.invalidate()
    else stage.commit()
  }

  restack(to: Restack): void {
    const { stage } = this
    if (stage.readOnly) return
    stage.store.step()
    const box = stage.selectionBox
    stage.store.restack(stage.selection, to, (other) => box !== null && overlaps(box, stage.boundsOf(other)))
    stage.store.step()
  }

  lock(locked: boolean): void {
    const { stage } = this
    if (stage.readOnly) return
    stage.store.step()
    stage.store.update(new Map([...stage.selection].map((id) => [id, { locked }])))
  }

  /** Put the selection on one line, groups as one. */
  align(how: Align): void {
    const around = this.stage.selectionBox
    if (around !== null) this.arrange((boxes) => aligned(boxes, around, how))
  }

  /** Put as much room between any two of the selection. */
  distribute(axis: 'x' | 'y'): void {
    this.arrange((boxes) => distributed(boxes, axis))
  }

  private arrange(how: (boxes: Box[]) => { dx: number; dy: number }[]): void {
    const { stage } = this
    if (stage.readOnly) return
    const units = stage.units
    const boxes = units.map((unit) => union(unit.map((shape) => stage.boundsOf(shape))) as Box)
    if (boxes.length < 2) return
    const patches = how(boxes).flatMap(({ dx, dy }, i) =>
      dx === 0 && dy === 0 ? [] : withContents(units[i] ?? [], stage.shapes, (shape) => stage.boundsOf(shape)).map((shape): [string, Patch] => [shape.id, { x: shape.x + dx, y: shape.y + dy }]),
    )
    this.write(patches)
  }

  /** Make one group of the selection. */
  group(): void {
    const { stage } = this
    const open = stage.selected.filter((shape) => !shape.locked)
    if (stage.readOnly || open.length < 2 || stage.groupSelected !== null) return
    const group = freshId()
    this.write(open.map((shape) => [shape.id, { groups: grouped(shape, group, stage.inside) }]))
    stage.select([...stage.selection])
  }

  /** Take the selected groups apart. */
  ungroup(): void {
    const { stage } = this
    if (stage.readOnly) return
    const gone = new Set(stage.selected.map((shape) => groupOf(shape, stage.inside)))
    const members = stage.shapes.filter((shape) => shape.groups.some((group) => gone.has(group)))
    this.write(members.map((shape) => [shape.id, { groups: shape.groups.filter((group) => !gone.has(group)) }]))
    stage.select([...stage.selection])
  }

  private write(patches: [string, Patch][]): void {
    const { store } = this.stage
    store.step()
    store.update(new Map(patches))
    store.step()
  }

  /** Move the selection by board units. */
  nudge(dx: number, dy: number): void {
    const { stage } = this
    if (stage.readOnly) return
    const patches = stage.taken
      .filter((shape) => !shape.locked)
      .map((shape) => [shape.id, { x: shape.x + dx, y: shape.y + dy }] as const)
    stage.store.update(new Map(patches))
  }

  duplicate(): void {
    this.place(copiesOf(this.stage.taken).map((shape) => moved(shape, PASTE_STEP, PASTE_STEP)))
  }

  removeSelected(): void {
    this.remove(this.stage.selected.filter((shape) => !shape.locked).map((shape) => shape.id))
  }

  remove(ids: string[]): void {
    const { stage } = this
    const { store } = stage
    if (ids.length === 0 || stage.readOnly) return
    const gone = new Set(ids)
    store.step()
    // Arrows that stuck to what goes stay where they point.
    const left = store.shapes.filter((shape) => !gone.has(shape.id) && [shape.from, shape.to].some((end) => end !== null && gone.has(end.id)))
    const patches = new Map(
      left.map((shape) => {
        const { x, y, points } = withPoints(shape, linearPoints(shape, stage.lookup))
        const keep = (end: Shape['from']): Shape['from'] => (end !== null && gone.has(end.id) ? null : end)
        return [shape.id, { x, y, points, from: keep(shape.from), to: keep(shape.to) }] as const
      }),
    )
    store.together(patches.keys(), () => {
      store.update(patches)
      store.remove(ids)
    })
    store.step()
    stage.select([...stage.selection].filter((id) => !gone.has(id)))
  }

  /** Put new shapes into the document and select them. */
  place(shapes: Shape[]): void {
    const { stage } = this
    if (shapes.length === 0 || stage.readOnly) return
    if (shapes.length > PLACED_AT_ONCE) {
      void this.placeOverFrames(shapes)
      return
    }
    stage.store.step()
    stage.store.add(shapes)
    stage.store.step()
    this.onPlaced()
    stage.select(shapes.map((shape) => shape.id))
  }

  private async placeOverFrames(shapes: Shape[]): Promise<void> {
    const { stage } = this
    const { store } = stage
    const put = (from: number, to: number): void => store.add(shapes.slice(from, to))
    await overFrames(shapes.length, put, { toast, undo: store.undo, first: PLACED_AT_ONCE / 4, goesOn: () => !stage.readOnly })
    this.onPlaced()
    stage.select(shapes.map((shape) => shape.id).filter((id) => store.get(id) !== undefined))
  }
}
