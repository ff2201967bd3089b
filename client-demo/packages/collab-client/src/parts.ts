/**
 * A document, or what of it somebody lacks, in updates of a bounded size, none of which needs a later one.
 *
 * Made piece by piece from the document as it is at that moment: little of it is encoded at any time, no frame of
 * the page is lost over it, and after an interruption nothing but the server's state vector is needed to go on.
 */

import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

/** Bytes of one part: enough to be cheap, few enough for progress to be seen. */
export const PART_BYTES = 256 * 1024
/** Structs of one part: a server applies very many only by and by. */
export const PART_STRUCTS = 2_000

/** Clocks of one client, from the first to before the second. */
export interface Range {
  client: number
  from: number
  to: number
}

export interface Part {
  update: Uint8Array
  /** The structs in it; empty for a part that holds nothing but deletions. */
  ranges: Range[]
  structs: number
}

type Struct = Y.Item | Y.GC
type Ranges = Map<number, { clock: number; len: number }[]>

export interface PartsOptions {
  /** Bytes of one part; a single value that is larger makes a larger part. */
  bytes?: number
  structs?: number
  /** Up to these clocks; by default all of the document as it is now. */
  to?: Map<number, number>
  /** Structs that go alone, because something among them was refused. */
  alone?: (client: number, clock: number) => boolean
  /** Which deletions go with it, behind everything; by default all of the document. */
  deletions?: () => Ranges
}

export class Parts {
  /** Per client, the clock up to which everything is in the parts given out so far. */
  private readonly given: Map<number, number>
  private readonly to: Map<number, number>
  private readonly bytes: number
  private readonly structs: number
  private readonly total: number
  private readonly goals: { client: number; clock: number }[] = []
  private readonly clients: number[]
  private deletions: Part[] | null = null
  private readonly listDeletions: () => Ranges
  private readonly alone: (client: number, clock: number) => boolean

  /**
   * @param from what the other side has, by client; of clients that are not in it, nothing.
   */
  constructor(private readonly doc: Y.Doc, from: Map<number, number>, options: PartsOptions = {}) {
    this.to = options.to ?? stateOf(doc)
    this.bytes = options.bytes ?? PART_BYTES
    this.structs = options.structs ?? PART_STRUCTS
    this.alone = options.alone ?? ((): boolean => false)
    this.listDeletions = options.deletions ?? this.allDeletions
    this.given = new Map([...this.to.keys()].map((client) => [client, from.get(client) ?? 0]))
    this.clients = [...this.to.keys()].sort((one, other) => other - one)
    this.total = this.left()
  }

  /** From 0 to 1. */
  get progress(): number {
    return this.total === 0 ? 1 : 1 - this.left() / this.total
  }

  /** The next part, or null behind the last one. */
  next(): Part | null {
    const part = this.nextStructs()
    if (part !== null) return part
    this.deletions ??= deletionsInParts(this.listDeletions(), this.bytes)
    return this.deletions.shift() ?? null
  }

  /** What is deleted among the structs given out; what came later goes its own way. */
  private readonly allDeletions = (): Ranges => {
    const deletions: Ranges = new Map()
    for (const [client, ranges] of Y.createDeleteSetFromStructStore(this.doc.store).clients) {
      const end = this.given.get(client) ?? 0
      const known = ranges.filter(({ clock }) => clock < end).map(({ clock, len }) => ({ clock, len: Math.min(len, end - clock) }))
      if (known.length > 0) deletions.set(client, known)
    }
    return deletions
  }

  private left(): number {
    let left = 0
    for (const [client, to] of this.to) left += Math.max(0, to - (this.given.get(client) ?? 0))
    return left
  }

  private nextStructs(): Part | null {
    const part = new PartWriter()
    while (part.structs < this.structs) {
      const struct = this.following()
      if (struct === null) break
      const { client } = struct.id
      const begin = this.given.get(client) ?? struct.id.clock
      const alone = this.alone(client, begin)
      if (alone && part.structs > 0) break
      const room = this.bytes - part.size
      const cut = encoded(struct, begin - struct.id.clock, room)
      // What does not fit goes first into the next part; what fits into none goes alone.
      if (part.structs > 0 && cut.bytes.byteLength > room) break
      part.add(client, begin, cut.length, cut.bytes)
      this.given.set(client, begin + cut.length)
      if (alone || part.size >= this.bytes) break
    }
    return part.structs > 0 ? part.finish() : null
  }

  /** The next struct whose neighbours and parent are known to the other side, or given already. */
  private following(): Struct | null {
    for (;;) {
      let goal = this.goals.at(-1)
      if (goal === undefined) {
        const client = this.clients.find((each) => this.lacks(each, (this.to.get(each) ?? 0) - 1))
        if (client === undefined) return null
        goal = { client, clock: (this.to.get(client) ?? 0) - 1 }
        this.goals.push(goal)
      }
      if (!this.lacks(goal.client, goal.clock)) {
        this.goals.pop()
        continue
      }
      const struct = structAt(this.doc, goal.client, this.given.get(goal.client) ?? 0)
      const missing = neededBy(struct).find((id) => id.client !== goal.client && this.lacks(id.client, id.clock))
      if (missing === undefined) return struct
      this.goals.push(missing)
    }
  }

  private lacks(client: number, clock: number): boolean {
    const given = this.given.get(client)
    return given !== undefined && given <= clock && clock < (this.to.get(client) ?? 0)
  }
}

/** The structs of an update, without gaps by client. */
export function rangesOf(update: Uint8Array): Range[] {
  const { from, to } = Y.parseUpdateMeta(update)
  return [...from].map(([client, clock]) => ({ client, from: clock, to: to.get(client) ?? clock }))
}

/** The parts of one update that the document has taken in. */
export function partsOfUpdate(doc: Y.Doc, update: Uint8Array, options: PartsOptions = {}, acked: Map<number, number> = new Map()): Parts {
  const ranges = rangesOf(update)
  return new Parts(doc, new Map(ranges.map(({ client, from }) => [client, Math.max(from, acked.get(client) ?? 0)])), {
    ...options,
    to: new Map(ranges.map(({ client, to }) => [client, to])),
    deletions: () => Y.decodeUpdate(update).ds.clients,
  })
}

/** An update that holds nothing but deletions. */
export function deletionOf(ranges: Range[]): Uint8Array {
  const clients: Ranges = new Map()
  for (const { client, from, to } of ranges) {
    clients.set(client, [...(clients.get(client) ?? []), { clock: from, len: to - from }])
  }
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, 0)
  writeDeletions(encoder, clients)
  return encoding.toUint8Array(encoder)
}

function stateOf(doc: Y.Doc): Map<number, number> {
  return Y.decodeStateVector(Y.encodeStateVector(doc))
}

function structAt(doc: Y.Doc, client: number, clock: number): Struct {
  const structs = doc.store.clients.get(client) as Struct[]
  return structs[Y.findIndexSS(structs, clock)] as Struct
}

function parentItem(item: Y.Item): Y.Item | null {
  const parent = item.parent as { _item?: Y.Item | null } | null
  return parent?._item ?? null
}

function neededBy(struct: Struct): Y.ID[] {
  if (!(struct instanceof Y.Item)) return []
  const parent = parentItem(struct)
  return [struct.origin, struct.rightOrigin, parent?.id ?? null].filter((id) => id !== null)
}

/** A struct from `offset` on, or as much of it as `room` has; at least something. */
function encoded(struct: Struct, offset: number, room: number): { bytes: Uint8Array; length: number } {
  let length = struct.length - offset
  if (!(struct instanceof Y.Item) || (struct.deleted && parentItem(struct)?.deleted === true)) {
    return { bytes: written(new Y.GC(struct.id, struct.length), offset), length }
  }
  // Nobody needs the content of what is deleted, which an undo manager keeps.
  if (struct.deleted) return { bytes: written(like(struct, new Y.ContentDeleted(struct.length)), offset), length }
  const { content } = struct
  if (content instanceof Y.ContentString) {
    length = Math.min(length, Math.max(1024, room))
    for (;;) {
      // Not between the halves of a surrogate pair.
      const last = content.str.charCodeAt(offset + length - 1)
      if (last >= 0xd800 && last <= 0xdbff && offset + length < content.str.length) length += 1
      const text = new Y.ContentString(content.str.slice(offset, offset + length))
      const bytes = written(like(struct, text, offset), 0)
      if (bytes.byteLength <= room || length <= 1024) return { bytes, length }
      length = Math.max(1024, Math.floor((length * room) / bytes.byteLength) - 64)
    }
  }
  let bytes = written(struct, offset)
  if (content instanceof Y.ContentAny) {
    while (bytes.byteLength > room && length > 1) {
      length = Math.ceil(length / 2)
      bytes = written(like(struct, new Y.ContentAny(content.arr.slice(offset, offset + length)), offset), 0)
    }
  }
  return { bytes, length }
}

/** An item in the place of `item`, behind its first `offset` elements, with another content. */
function like(item: Y.Item, content: Y.Item['content'], offset = 0): Y.Item {
  const { client, clock } = item.id
  const origin = offset > 0 ? Y.createID(client, clock + offset - 1) : item.origin
  return new Y.Item(
    Y.createID(client, clock + offset), null, origin, null, item.rightOrigin, item.parent as never, item.parentSub, content,
  )
}

function written(struct: Struct, offset: number): Uint8Array {
  const encoder = new Y.UpdateEncoderV1()
  struct.write(encoder, offset)
  return encoding.toUint8Array(encoder.restEncoder)
}

/** Puts structs together to an update; those of one client must come without gaps. */
class PartWriter {
  size = 16
  structs = 0
  private readonly clients = new Map<number, { from: number; to: number; written: Uint8Array[] }>()

  add(client: number, clock: number, length: number, bytes: Uint8Array): void {
    let of = this.clients.get(client)
    if (of === undefined) {
      of = { from: clock, to: clock, written: [] }
      this.clients.set(client, of)
      this.size += 24
    }
    of.to += length
    of.written.push(bytes)
    this.size += bytes.byteLength
    this.structs += 1
  }

  finish(): Part {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, this.clients.size)
    for (const [client, { from, written: structs }] of this.clients) {
      encoding.writeVarUint(encoder, structs.length)
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, from)
      for (const each of structs) encoding.writeUint8Array(encoder, each)
    }
    encoding.writeVarUint(encoder, 0)
    const ranges = [...this.clients].map(([client, { from, to }]) => ({ client, from, to }))
    return { update: encoding.toUint8Array(encoder), ranges, structs: this.structs }
  }
}

function writeDeletions(encoder: encoding.Encoder, clients: Ranges): void {
  encoding.writeVarUint(encoder, clients.size)
  for (const [client, ranges] of clients) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, ranges.length)
    for (const { clock, len } of ranges) {
      encoding.writeVarUint(encoder, clock)
      encoding.writeVarUint(encoder, len)
    }
  }
}

function deletionsInParts(clients: Ranges, bytes: number): Part[] {
  const parts: Part[] = []
  const most = Math.max(1, Math.floor(bytes / 16))
  let now: Ranges = new Map()
  let count = 0
  const put = (): void => {
    if (count === 0) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    writeDeletions(encoder, now)
    parts.push({ update: encoding.toUint8Array(encoder), ranges: [], structs: 0 })
    now = new Map()
    count = 0
  }
  for (const [client, ranges] of clients) {
    for (const range of ranges) {
      const some = now.get(client) ?? []
      some.push(range)
      now.set(client, some)
      count += 1
      if (count >= most) put()
    }
  }
  put()
  return parts
}
