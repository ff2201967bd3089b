/** What tools work on: the board as it is shown, with what is selected and what is under way. */

import type { Camera } from './camera'
import { withContents } from './frames'
import { groupOf, unitsOf, whole } from './groups'
import { asMade, fitted } from './layout'
import type { Lookup } from './linear'
import type { Live } from './live'
import { shownBounds } from './paint'
import { union, boundsOf } from './geometry'
import { pathPoints } from './linear'
import { boxAround } from './geometry'
import { isLinear, type Box, type Look, type Shape } from './shapes'
import type { Guide } from './snap'
import { BoardStore, type Patch } from './store'
import type { Tool } from './toolbox'

export class Stage {
  tool: Tool = 'select'
  /** Whether a tool stays in the hand after it has drawn something. */
  toolLock = false
  /** Whether this person may only look. */
  readOnly = false
  /** Ids of the selected shapes. */
  readonly selection = new Set<string>()
  /** The group that one has gone into; what is selected is within it. */
  inside: string | null = null
  /** Counts how often something else was selected. */
  selections = 0
  /** Shapes as this page is changing them; nobody has them yet but as a draft. */
  readonly preview = new Map<string, Shape>()
  /** Shapes whose text is being edited are painted without it. */
  editing: string | null = null
  guides: Guide[] = []
  marquee: Box | null = null
  /** Shapes that the eraser has touched. */
  readonly doomed = new Set<string>()
  /** The shape that an arrow would stick to. */
  target: string | null = null
  look: Look
  private listed: Shape[] | null = null
  private chosen: Shape[] | null = null
  private extent: Box | null | undefined
  /** Shapes that were deleted while they were dragged here. */
  private readonly gone = new Set<string>()

  constructor(
    readonly store: BoardStore,
    readonly camera: Camera,
    readonly live: Live,
    look: Look,
    private readonly onInvalid: (what: 'shapes' | 'overlay') => void,
  ) {
    this.look = look
  }

  /** A shape as it is shown now: dragged here, dragged elsewhere, or as it is in the document. */
  readonly lookup: Lookup = (id) => this.preview.get(id) ?? this.live.draftOf(id) ?? this.store.get(id)

  /** Everything that is shown, from bottom to top. */
  get shapes(): Shape[] {
    this.listed ??= this.list()
    return this.listed
  }

  get selected(): Shape[] {
    this.chosen ??= this.shapes.filter((shape) => this.selection.has(shape.id))
    return this.chosen
  }

  /** The selection, with what lies within its frames. */
  get taken(): Shape[] {
    return withContents(this.selected, this.shapes, (shape) => this.boundsOf(shape))
  }

  /** The box around the selection, as drawn. */
  get selectionBox(): Box | null {
    return union(this.selected.map((shape) => this.boundsOf(shape)))
  }

  /** The upright box of a shape, without the width of its line. */
  boundsOf(shape: Shape): Box {
    return isLinear(shape) ? boxAround(pathPoints(shape, this.lookup)) : boundsOf(shape)
  }

  /** Everything there is. */
  get contents(): Box | null {
    if (this.extent === undefined) this.extent = union(this.shapes.map((shape) => shownBounds(shape, this.lookup)))
    return this.extent
  }

  /** Ids of everything that looks different from what is in the document, arrows that follow included. */
  get moving(): Set<string> {
    const ids = new Set([...this.preview.keys(), ...this.live.draftIds(), ...this.doomed])
    if (this.editing !== null) ids.add(this.editing)
    if (ids.size === 0) return ids
    const moving = new Set(ids)
    for (const { id, from, to } of this.shapes) {
      if ((from !== null && ids.has(from.id)) || (to !== null && ids.has(to.id))) moving.add(id)
    }
    return moving
  }

  /** Something looks different now. */
  invalidate(what: 'shapes' | 'overlay' = 'shapes'): void {
    if (what === 'shapes') {
      this.listed = null
      this.chosen = null
      this.extent = undefined
    }
    this.onInvalid(what)
  }

  /** The same shapes, seen from elsewhere or with other colours. */
  repaint(): void {
    this.onInvalid('shapes')
  }

  select(ids: Iterable<string>): void {
    this.selection.clear()
    for (const id of ids) this.selection.add(id)
    this.selections += 1
    this.chosen = null
    const { inside } = this
    if (inside !== null && !this.selected.some((shape) => shape.groups.includes(inside))) this.inside = null
    this.live.select(this.selection)
    this.invalidate('overlay')
  }

  /** Select shapes with all of the groups that they stand for within `inside`, and go into that, or into none. */
  selectWhole(ids: Iterable<string>, inside: string | null = null): void {
    this.inside = inside
    this.select(whole(ids, this.shapes, inside))
  }

  /** Whether the selection is one group, all of it. */
  get groupSelected(): string | null {
    const [first] = this.selected
    const group = first === undefined ? undefined : groupOf(first, this.inside)
    if (group === undefined || this.selected.length < 2) return null
    return this.selected.every((shape) => shape.groups.includes(group)) ? group : null
  }

  /** What of the selection moves as one: groups, and shapes in none. Arrows that stick follow by themselves. */
  get units(): Shape[][] {
    const free = this.selected.filter((shape) => !shape.locked && shape.from === null && shape.to === null)
    return unitsOf(free, this.inside)
  }

  /** Show shapes as they would be, here and to the others. */
  show(shapes: Iterable<Shape>): void {
    for (const shape of shapes) if (!this.gone.has(shape.id)) this.preview.set(shape.id, fitted(shape))
    this.live.showDraft(this.preview)
    this.invalidate()
  }

  /** Write what is shown into the document, as one step of undo. */
  commit(): void {
    const fresh: Shape[] = []
    const patches = new Map<string, Patch>()
    for (const [id, shown] of this.preview) {
      const shape = asMade(shown)
      const known = this.store.get(id)
      const before = known && asMade(known)
      if (before === undefined) {
        fresh.push(shape)
        continue
      }
      const patch: Record<string, unknown> = {}
      for (const key of Object.keys(shape) as (keyof Shape)[]) {
        if (key !== 'id' && key !== 'text' && key !== 'made' && shape[key] !== before[key]) patch[key] = shape[key]
      }
      if (Object.keys(patch).length > 0) patches.set(id, patch)
    }
    this.store.step()
    this.store.together(patches.keys(), () => {
      if (fresh.length > 0) this.store.add(fresh)
      if (patches.size > 0) this.store.update(patches)
    })
    this.store.step()
    this.drop()
  }

  /** A shape is in the document no more: whoever drags it has nothing in the hand, and does not bring it back. */
  lose(id: string): void {
    this.selection.delete(id)
    this.chosen = null
    if (this.preview.delete(id)) this.gone.add(id)
  }

  /** Forget what was shown. */
  drop(): void {
    this.preview.clear()
    this.gone.clear()
    this.live.endDraft()
    this.guides = []
    this.invalidate()
  }

  private list(): Shape[] {
    const { store, live, preview } = this
    if (preview.size === 0 && !live.hasDrafts) return store.shapes
    const shapes = store.shapes.map((shape) => preview.get(shape.id) ?? live.draftOf(shape.id) ?? shape)
    for (const shape of preview.values()) if (store.get(shape.id) === undefined) shapes.push(shape)
    shapes.push(...live.newShapes())
    return shapes
  }
}
