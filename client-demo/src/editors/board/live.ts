/**
 * The others on a board: cursors, selections and views in the awareness, and what they are drawing or
 * dragging right now as broadcasts, which nobody keeps. What they let go of arrives as an edit.
 */

import type { Awareness } from 'y-protocols/awareness'
import type { CollabProvider } from 'collab-client'
import { peersOf, type Peer } from '../../ui/presence'
import { asMade, fitted } from './layout'
import { asPlain, readShape, type Box, type Point, type Shape } from './shapes'
import type { BoardStore, Patch } from './store'

const EVENT = 'board'
const INTERVAL = 33
/** Drafts that nobody renews are gone: the connection of whoever drew them is. */
const DRAFT_LASTS = 5_000
/** An edit may arrive a moment later than the word that the drawing is done. */
const AFTER_END = 400
const LARGEST_DRAFT = 24_000
/** More shapes than this would not fit; they are seen when they are let go. */
const MOST_DRAFTED = 400
const CURSOR_EASE = 80

type Letter =
  | { k: 'shapes'; shapes: Record<string, Patch>; cursor: Point | null; client: number }
  | { k: 'pen'; id: string; at: number; shape: Patch; points: number[][]; cursor: Point | null; client: number }
  | { k: 'end'; client: number }

interface Draft {
  shapes: Map<string, Shape>
  until: number
  /** Who drew it has let go. */
  ended: boolean
  /** Shapes of it that were edited since it was last heard of: the edit may overtake the word that the drawing is done. */
  edited: Set<string>
}

/** Somebody's cursor, on its way to where it was last seen. */
export interface Cursor {
  peer: Peer
  at: Point
}

interface Motion {
  from: Point
  to: Point
  began: number
}

export class Live {
  /** Whether a cursor is still on its way: then another frame is needed. */
  moving = false
  /** The cursors as last asked for. */
  shown: readonly Cursor[] = []
  private readonly drafts = new Map<string, Draft>()
  private readonly motions = new Map<number, Motion>()
  private readonly draftCursors = new Map<number, { at: Point; seen: number }>()
  private readonly awareness: Awareness
  private readonly stopWatching: () => void
  private timer: ReturnType<typeof setTimeout> | undefined
  private cursor: Point | null = null
  private selection: string[] = []
  private view: Box | null = null
  private drawing: (() => Letter | null) | null = null
  private sentPoints = 0

  constructor(
    private readonly provider: CollabProvider,
    private readonly store: BoardStore,
    private readonly onChange: (what: 'shapes' | 'overlay') => void,
  ) {
    this.awareness = provider.awareness
    this.awareness.on('change', this.onAwareness)
    provider.on('broadcast', this.onBroadcast)
    this.stopWatching = store.onChange((ids) => this.onEdit(ids))
  }

  // -- what others see of us -------------------------------------------------------------------

  pointAt(cursor: Point | null): void {
    this.cursor = cursor === null ? null : { x: Math.round(cursor.x * 10) / 10, y: Math.round(cursor.y * 10) / 10 }
    this.tellSoon()
  }

  select(ids: Iterable<string>): void {
    this.selection = [...ids].slice(0, 100)
    this.tellSoon()
  }

  look(view: Box): void {
    this.view = { x: Math.round(view.x), y: Math.round(view.y), w: Math.round(view.w), h: Math.round(view.h) }
    this.tellSoon()
  }

  /** Show the others shapes as they are being changed; called again for every change. */
  showDraft(shapes: ReadonlyMap<string, Shape>): void {
    this.drawing = () => {
      if (shapes.size > MOST_DRAFTED) return null
      const patches = [...shapes].map(([id, shape]) => [id, difference(this.store.get(id), shape)] as const)
      return { k: 'shapes', shapes: Object.fromEntries(patches), cursor: this.cursor, client: this.awareness.clientID }
    }
    this.tellSoon()
  }

  /** Show the others a stroke that grows: only its new points travel. */
  showStroke(shape: Shape): void {
    this.drawing = () => {
      const at = this.sentPoints
      this.sentPoints = shape.points.length
      const { points: _, ...rest } = asPlain(shape)
      return {
        k: 'pen', id: shape.id, at, shape: rest as Patch, points: shape.points.slice(at),
        cursor: this.cursor, client: this.awareness.clientID,
      }
    }
    this.tellSoon()
  }

  /** What was shown is in the document now, or given up. */
  endDraft(): void {
    if (this.drawing === null && this.sentPoints === 0) return
    this.drawing = null
    this.sentPoints = 0
    this.provider.broadcast(EVENT, { k: 'end', client: this.awareness.clientID } satisfies Letter)
    this.tellSoon()
  }

  // -- what we see of others -------------------------------------------------------------------

  /** A shape as somebody drags it, or undefined. */
  draftOf(id: string): Shape | undefined {
    for (const draft of this.drafts.values()) {
      const shape = draft.shapes.get(id)
      if (shape !== undefined) return shape
    }
    return undefined
  }

  /** Shapes that are being drawn and are not in the document yet. */
  newShapes(): Shape[] {
    const fresh: Shape[] = []
    for (const draft of this.drafts.values()) {
      for (const shape of draft.shapes.values()) if (this.store.get(shape.id) === undefined) fresh.push(shape)
    }
    return fresh
  }

  /** Ids of everything that others are changing right now. */
  draftIds(): string[] {
    return [...this.drafts.values()].flatMap((draft) => [...draft.shapes.keys()])
  }

  get hasDrafts(): boolean {
    return this.drafts.size > 0
  }

  /** Everybody's cursor at this moment. */
  cursors(now: number): Cursor[] {
    const cursors: Cursor[] = []
    this.moving = false
    const here = new Set<number>()
    for (const peer of peersOf(this.awareness)) {
      const target = this.targetOf(peer)
      if (target === null) continue
      here.add(peer.client)
      const motion = this.motions.get(peer.client)
      if (motion === undefined) {
        this.motions.set(peer.client, { from: target, to: target, began: now })
        cursors.push({ peer, at: target })
        continue
      }
      if (motion.to.x !== target.x || motion.to.y !== target.y) {
        motion.from = between(motion, now)
        motion.to = target
        motion.began = now
      }
      if (now - motion.began < CURSOR_EASE) this.moving = true
      cursors.push({ peer, at: between(motion, now) })
    }
    for (const client of this.motions.keys()) if (!here.has(client)) this.motions.delete(client)
    this.shown = cursors
    return cursors
  }

  /** What others have selected: shape id to colour. */
  selections(): Map<string, string> {
    const selected = new Map<string, string>()
    for (const peer of peersOf(this.awareness)) {
      const ids = boardOf(peer)['selection']
      if (!Array.isArray(ids)) continue
      for (const id of ids.slice(0, 100)) if (typeof id === 'string') selected.set(id, peer.color)
    }
    return selected
  }

  /** What somebody sees. */
  viewOf(client: number): Box | null {
    const peer = peersOf(this.awareness).find((other) => other.client === client)
    const view = peer === undefined ? undefined : (boardOf(peer)['view'] as Partial<Box> | undefined)
    const { x, y, w, h } = view ?? {}
    if (![x, y, w, h].every((value) => typeof value === 'number' && Number.isFinite(value))) return null
    return (w as number) > 0 && (h as number) > 0 ? (view as Box) : null
  }

  destroy(): void {
    clearTimeout(this.timer)
    this.awareness.off('change', this.onAwareness)
    this.provider.off('broadcast', this.onBroadcast)
    this.stopWatching()
    this.awareness.setLocalStateField('board', null)
  }

  // -- out -------------------------------------------------------------------------------------

  private tellSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.tell()
    }, INTERVAL)
  }

  private tell(): void {
    const letter = this.drawing?.() ?? null
    if (letter !== null && JSON.stringify(letter).length < LARGEST_DRAFT) {
      // A draft carries the cursor along; two events a frame would be over the server's rate.
      this.provider.broadcast(EVENT, letter)
      return
    }
    this.awareness.setLocalStateField('board', { cursor: this.cursor, selection: this.selection, view: this.view })
  }

  // -- in --------------------------------------------------------------------------------------

  private readonly onAwareness = ({ added, updated, removed }: { added: number[]; updated: number[]; removed: number[] }): void => {
    if ([...added, ...updated, ...removed].some((client) => client !== this.awareness.clientID)) this.onChange('overlay')
  }

  private readonly onBroadcast = ({ event, data, from }: { event: string; data: unknown; from: string }): void => {
    if (event !== EVENT || typeof data !== 'object' || data === null) return
    const letter = data as Partial<Letter> & Record<string, unknown>
    this.forgetOld()
    if (letter.k === 'end') {
      const draft = this.drafts.get(from)
      if (draft !== undefined) {
        draft.until = Date.now() + AFTER_END
        draft.ended = true
        this.settle(from, draft, draft.edited)
      }
      setTimeout(() => {
        this.forgetOld()
        this.onChange('shapes')
      }, AFTER_END + 20)
    } else if (letter.k === 'shapes' && typeof letter.shapes === 'object' && letter.shapes !== null) {
      const shapes = new Map<string, Shape>()
      for (const [id, patch] of Object.entries(letter.shapes).slice(0, 500)) {
        const stored = this.store.get(id)
        const shape = readShape(id, stored === undefined ? patch : { ...asMade(stored), ...(patch as object) })
        if (shape !== null) shapes.set(id, fitted(shape))
      }
      this.drafts.set(from, draftOf(shapes))
    } else if (letter.k === 'pen' && typeof letter.id === 'string' && Array.isArray(letter.points)) {
      const known = this.drafts.get(from)?.shapes.get(letter.id)
      const points = [...(known?.points.slice(0, Number(letter.at) || 0) ?? []), ...(letter.points as number[][])]
      const shape = readShape(letter.id, { ...(letter.shape as object), points })
      if (shape !== null) this.drafts.set(from, draftOf(new Map([[shape.id, shape]])))
    }
    const { cursor, client } = letter
    if (typeof client === 'number' && isPoint(cursor)) this.draftCursors.set(client, { at: cursor, seen: Date.now() })
    this.onChange('shapes')
  }

  /** What is in the document now is no draft any more; whoever took it into the hand would drag what is past. */
  private onEdit(ids: ReadonlySet<string>): void {
    for (const [from, draft] of this.drafts) {
      const here = [...draft.shapes.keys()].filter((id) => ids.has(id))
      if (draft.ended) this.settle(from, draft, here)
      else for (const id of here) draft.edited.add(id)
    }
  }

  private settle(from: string, draft: Draft, ids: Iterable<string>): void {
    for (const id of ids) draft.shapes.delete(id)
    if (draft.shapes.size === 0) this.drafts.delete(from)
  }

  private forgetOld(): void {
    const now = Date.now()
    for (const [from, draft] of this.drafts) if (draft.until < now) this.drafts.delete(from)
    for (const [client, { seen }] of this.draftCursors) if (now - seen > AFTER_END) this.draftCursors.delete(client)
  }

  private targetOf(peer: Peer): Point | null {
    const drafted = this.draftCursors.get(peer.client)
    if (drafted !== undefined && Date.now() - drafted.seen < AFTER_END) return drafted.at
    const cursor = boardOf(peer)['cursor']
    return isPoint(cursor) ? cursor : null
  }
}

function draftOf(shapes: Map<string, Shape>): Draft {
  return { shapes, until: Date.now() + DRAFT_LASTS, ended: false, edited: new Set() }
}

function boardOf(peer: Peer): Record<string, unknown> {
  const board = peer.state['board']
  return typeof board === 'object' && board !== null ? (board as Record<string, unknown>) : {}
}

function isPoint(value: unknown): value is Point {
  const { x, y } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Point>
  return typeof x === 'number' && typeof y === 'number' && Number.isFinite(x) && Number.isFinite(y)
}

function between({ from, to, began }: Motion, now: number): Point {
  const part = Math.min(1, (now - began) / CURSOR_EASE)
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

/** What of a shape is new against what everybody has. */
function difference(before: Shape | undefined, after: Shape): Patch {
  if (before === undefined) return asPlain(after) as Patch
  const patch: Record<string, unknown> = {}
  for (const key of ['x', 'y', 'w', 'h', 'rotation', 'points', 'from', 'to', 'bend'] as const) {
    if (asMade(before)[key] !== asMade(after)[key]) patch[key] = asMade(after)[key]
  }
  return patch as Patch
}
