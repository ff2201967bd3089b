/** The board in the document: root map `board`, in it the map `shapes`: id -> map. See README.md. */

import * as Y from 'yjs'

import { indicesBetween } from './fractional'
import { asMade, fitted } from './layout'
import { readShape, rounded, writeShape, type Shape } from './shapes'

/** Origin of this page's own edits; undo looks at these only. */
export const BOARD_ORIGIN = Symbol('board')
const STRUCTURE_ORIGIN = Symbol('board structure')

/**
 * The update that makes the empty map `shapes`. Whoever opens an empty board applies the very same
 * bytes, so that two people who are first at the same time do not make two maps of which one, with
 * everything drawn in it, would lose. It must never change.
 */
function structure(): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = 0xb0a4d
  doc.getMap('board').set('shapes', new Y.Map())
  const update = Y.encodeStateAsUpdate(doc)
  doc.destroy()
  return update
}

/** Edits that follow each other within so many milliseconds are one step of undo. */
const CAPTURE = 400

/** To the top or the bottom of everything, or past one other shape. */
export type Restack = 'top' | 'bottom' | 'up' | 'down'

/** Numbers that are no board units. */
const FINE: ReadonlySet<string> = new Set(['rotation', 'opacity', 'bend'])

export type Patch = Partial<Omit<Shape, 'id' | 'text' | 'made'>>

/** Reads and writes the shapes of a document. Reading is cached; `onChange` tells what is stale. */
export class BoardStore {
  readonly undo: Y.UndoManager
  private readonly board: Y.Map<unknown>
  private readonly cache = new Map<string, Shape>()
  private sorted: Shape[] | null = null
  private readonly listeners = new Set<(ids: Set<string>) => void>()

  constructor(private readonly doc: Y.Doc) {
    this.board = doc.getMap('board')
    this.undo = new Y.UndoManager(this.board, { trackedOrigins: new Set([BOARD_ORIGIN]), captureTimeout: CAPTURE })
    this.board.observeDeep(this.onEvents)
    for (const id of this.map?.keys() ?? []) this.read(id)
  }

  /** Call back after changes of anybody, with the ids of the shapes concerned; returns how to stop. */
  onChange(listener: (ids: Set<string>) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  get(id: string): Shape | undefined {
    return this.cache.get(id)
  }

  /** All shapes, from bottom to top. */
  get shapes(): Shape[] {
    this.sorted ??= [...this.cache.values()].sort(inOrder)
    return this.sorted
  }

  /** Words are measured anew: the fonts are here now. */
  refit(): void {
    const grown = new Set<string>()
    for (const [id, shape] of this.cache) {
      if (shape.text === '') continue
      const now = fitted(shape)
      if (now.w === shape.w && now.h === shape.h) continue
      this.cache.set(id, now)
      grown.add(id)
    }
    if (grown.size === 0) return
    this.sorted = null
    for (const listener of this.listeners) listener(grown)
  }

  /** The next edits are a step of undo of their own, unless a long one is under way. */
  step(): void {
    if (this.undo.captureTimeout !== Infinity) this.undo.stopCapturing()
  }

  /** All edits until the returned function is called are one step of undo. */
  longStep(): () => void {
    this.step()
    this.undo.captureTimeout = Infinity
    return () => {
      this.undo.captureTimeout = CAPTURE
      this.step()
    }
  }

  /** Put shapes on top of everything, in the order given; frames lie under everything. */
  add(shapes: Shape[]): void {
    const frames = shapes.filter((shape) => shape.type === 'frame')
    const others = shapes.filter((shape) => shape.type !== 'frame')
    const below = indicesBetween(null, this.shapes[0]?.index ?? null, frames.length)
    const above = indicesBetween(this.shapes.at(-1)?.index ?? below.at(-1) ?? null, null, others.length)
    this.transact((map) => {
      for (const [put, indices] of [[frames, below], [others, above]] as const) {
        put.forEach((shape, i) => map.set(shape.id, writeShape({ ...shape, index: indices[i] ?? shape.index })))
      }
    })
  }

  /** Change shapes; fields that stay the same are not written. */
  update(patches: Map<string, Patch>): void {
    this.unfold(patches.keys())
    this.transact((map) => {
      for (const [id, patch] of patches) {
        const shape = map.get(id)
        const known = this.cache.get(id)
        if (!(shape instanceof Y.Map) || known === undefined) continue
        const before = asMade(known)
        for (const [key, value] of Object.entries(patch)) {
          // The size of a free text follows from its words; what is in the document is for those who cannot measure.
          if (same(key === 'w' || key === 'h' ? shape.get(key) : before[key as keyof Shape], value)) continue
          if (value === null) shape.delete(key)
          else shape.set(key, typeof value === 'number' && !FINE.has(key) ? rounded(value) : value)
        }
      }
    })
  }

  /** Take shapes away. */
  remove(ids: Iterable<string>): void {
    this.transact((map) => {
      for (const id of ids) map.delete(id)
    })
  }

  /** Run several of the above as one edit; `ids` are the shapes that it will change. */
  together(ids: Iterable<string>, work: () => void): void {
    this.unfold(ids)
    this.ground()
    this.doc.transact(work, BOARD_ORIGIN)
  }

  /**
   * Move shapes over or under others, keeping their order among themselves.
   * @param counts which of the others one step up or down goes past; the rest are passed unnoticed.
   */
  restack(ids: ReadonlySet<string>, to: Restack, counts: (other: Shape) => boolean = () => true): void {
    const moving = this.shapes.filter((shape) => ids.has(shape.id))
    const rest = this.shapes.filter((shape) => !ids.has(shape.id))
    const [bottom, top] = [moving[0], moving.at(-1)]
    if (bottom === undefined || top === undefined) return
    // How many of the rest will lie below.
    let below = to === 'top' ? rest.length : 0
    if (to === 'up') {
      const next = rest.findIndex((other) => inOrder(top, other) < 0 && counts(other))
      if (next === -1) return
      below = next + 1
    } else if (to === 'down') {
      below = rest.findLastIndex((other) => inOrder(other, bottom) < 0 && counts(other))
      if (below === -1) return
    }
    const indices = indicesBetween(rest[below - 1]?.index ?? null, rest[below]?.index ?? null, moving.length)
    this.update(new Map(moving.map((shape, i) => [shape.id, { index: indices[i] ?? shape.index }])))
  }

  /** The live text of a shape, for typing in it together; null where the shape is gone. */
  textOf(id: string): Y.Text | null {
    const { map } = this
    const known = map?.get(id)
    const text: unknown = known instanceof Y.Map ? known.get('text') : undefined
    if (text instanceof Y.Text) return text
    this.unfold([id])
    const shape = map?.get(id)
    if (!(shape instanceof Y.Map)) return null
    // A script wrote a plain string.
    return this.doc.transact(() => {
      const words: unknown = shape.get('text')
      const live = new Y.Text(typeof words === 'string' ? words : '')
      shape.set('text', live)
      return live
    }, STRUCTURE_ORIGIN)
  }

  destroy(): void {
    this.board.unobserveDeep(this.onEvents)
    this.undo.destroy()
    this.listeners.clear()
  }

  private get map(): Y.Map<unknown> | null {
    const map = this.board.get('shapes')
    return map instanceof Y.Map ? (map as Y.Map<unknown>) : null
  }

  /**
   * Shapes that a script wrote as plain JSON become maps, so that their fields can change alone. Not a step
   * of undo: taking it back would put all of the old shape in the place of what others have changed since.
   */
  private unfold(ids: Iterable<string>): void {
    const { map } = this
    if (map === null) return
    const plain = [...ids].filter((id) => isPlainShape(map.get(id)))
    if (plain.length === 0) return
    this.doc.transact(() => {
      for (const id of plain) map.set(id, new Y.Map<unknown>(Object.entries(map.get(id) as object)))
    }, STRUCTURE_ORIGIN)
  }

  /**
   * Make the map `shapes` where there is none. Never within an edit: an update that is applied there makes the whole
   * transaction one of somebody else, and Yjs, which then finds edits under its own client id, takes another one.
   */
  private ground(): void {
    if (this.map === null) Y.applyUpdate(this.doc, structure(), STRUCTURE_ORIGIN)
  }

  private transact(work: (map: Y.Map<unknown>) => void): void {
    this.ground()
    const { map } = this
    if (map !== null) this.doc.transact(() => work(map), BOARD_ORIGIN)
  }

  private readonly onEvents = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    const stale = new Set<string>()
    for (const event of events) {
      // path: [] for the root, ['shapes'] for the map, ['shapes', id, ...] below.
      const [first, id] = event.path
      if (event.path.length === 0) {
        if (event.changes.keys.has('shapes')) for (const known of [...this.cache.keys(), ...(this.map?.keys() ?? [])]) stale.add(known)
      } else if (first === 'shapes' && id === undefined) {
        for (const key of event.changes.keys.keys()) stale.add(key)
      } else if (first === 'shapes') {
        stale.add(String(id))
      }
    }
    if (stale.size === 0) return
    for (const id of stale) this.read(id)
    this.sorted = null
    for (const listener of this.listeners) listener(stale)
  }

  private read(id: string): void {
    const shape = readShape(id, this.map?.get(id))
    if (shape === null) this.cache.delete(id)
    else this.cache.set(id, fitted(shape))
  }
}

function isPlainShape(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Y.AbstractType) && !(value instanceof Uint8Array)
}

/** By index; the id decides between equals, so that everybody sees the same. */
function inOrder(a: Shape, b: Shape): number {
  return a.index < b.index ? -1 : a.index > b.index ? 1 : a.id < b.id ? -1 : 1
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b))
}
