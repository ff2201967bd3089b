/** The board in the document: root map `board`, in it the map `shapes`: id -> map. See README.md. */

import * as Y from 'yjs'

import { indicesBetween } from './fractional'
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

export type Patch = Partial<Omit<Shape, 'id' | 'text'>>

/** Reads and writes the shapes of a document. Reading is cached; `onChange` tells what is stale. */
export class BoardStore {
  readonly undo: Y.UndoManager
  private readonly board: Y.Map<unknown>
  private readonly cache = new Map<string, Shape>()
  private sorted: Shape[] | null = null
  private readonly listeners = new Set<(ids: Set<string>) => void>()

  constructor(private readonly doc: Y.Doc) {
    this.board = doc.getMap('board')
    this.undo = new Y.UndoManager(this.board, { trackedOrigins: new Set([BOARD_ORIGIN]), captureTimeout: 400 })
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
    this.sorted ??= [...this.cache.values()].sort((a, b) =>
      a.index < b.index ? -1 : a.index > b.index ? 1 : a.id < b.id ? -1 : 1,
    )
    return this.sorted
  }

  /** The next edits are a step of undo of their own. */
  step(): void {
    this.undo.stopCapturing()
  }

  /** Put shapes on top of everything, in the order given. */
  add(shapes: Shape[]): void {
    const indices = indicesBetween(this.shapes.at(-1)?.index ?? null, null, shapes.length)
    this.transact((map) => {
      shapes.forEach((shape, i) => map.set(shape.id, writeShape({ ...shape, index: indices[i] ?? shape.index })))
    })
  }

  /** Change shapes; fields that stay the same are not written. */
  update(patches: Map<string, Patch>): void {
    this.transact((map) => {
      for (const [id, patch] of patches) {
        const shape = shapeIn(map, id)
        const before = this.cache.get(id)
        if (shape === null || before === undefined) continue
        for (const [key, value] of Object.entries(patch)) {
          if (same(before[key as keyof Shape], value)) continue
          if (value === null) shape.delete(key)
          else shape.set(key, typeof value === 'number' && key !== 'rotation' && key !== 'opacity' ? rounded(value) : value)
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

  /** Run several of the above as one edit. */
  together(work: () => void): void {
    this.doc.transact(work, BOARD_ORIGIN)
  }

  /** Move shapes to the top or the bottom of the rest, keeping their order among themselves. */
  restack(ids: ReadonlySet<string>, to: 'top' | 'bottom'): void {
    const moving = this.shapes.filter((shape) => ids.has(shape.id))
    const rest = this.shapes.filter((shape) => !ids.has(shape.id))
    const indices =
      to === 'top'
        ? indicesBetween(rest.at(-1)?.index ?? null, null, moving.length)
        : indicesBetween(null, rest[0]?.index ?? null, moving.length)
    this.update(new Map(moving.map((shape, i) => [shape.id, { index: indices[i] ?? shape.index }])))
  }

  /** The live text of a shape, for typing in it together; null where the shape is gone. */
  textOf(id: string): Y.Text | null {
    const { map } = this
    const known = map?.get(id)
    const text: unknown = known instanceof Y.Map ? known.get('text') : undefined
    if (text instanceof Y.Text) return text
    if (map === null || !map.has(id)) return null
    // A script wrote a plain string, or all of the shape as plain JSON.
    return this.doc.transact(() => {
      const shape = shapeIn(map, id)
      if (shape === null) return null
      const words: unknown = shape.get('text')
      const live = new Y.Text(typeof words === 'string' ? words : '')
      shape.set('text', live)
      return live
    }, BOARD_ORIGIN)
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

  private transact(work: (map: Y.Map<unknown>) => void): void {
    if (this.map === null) Y.applyUpdate(this.doc, structure(), STRUCTURE_ORIGIN)
    const map = this.map
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
    else this.cache.set(id, shape)
  }
}

/** The map of a shape; one that a script wrote as plain JSON becomes a map, so that its fields can change alone. */
function shapeIn(map: Y.Map<unknown>, id: string): Y.Map<unknown> | null {
  const value = map.get(id)
  if (value instanceof Y.Map) return value as Y.Map<unknown>
  if (typeof value !== 'object' || value === null || value instanceof Y.AbstractType) return null
  const shape = new Y.Map<unknown>(Object.entries(value))
  map.set(id, shape)
  return shape
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b))
}
