/** What changed between two states of one document, and by whose pages. */

import * as Y from 'yjs'

/** A run of a text. `same` and `new` stand in the later state, `gone` only in the earlier one. */
export interface TextPiece {
  insert: string | object
  attributes: Record<string, unknown>
  kind: 'same' | 'new' | 'gone'
  /** Whose page wrote it; who deleted something is not recorded. */
  client: number
}

/** A value of a map that is not what it was. */
export interface MapChange {
  key: string
  kind: 'new' | 'changed' | 'gone'
  client: number | null
}

type Clocks = Map<number, number>

/**
 * Compare `after`, a text of a later state, with the same text in the earlier state `before`.
 *
 * Content is compared by identity: what the earlier state had not seen is new, what it had and has been
 * deleted since is gone. Deleted content is looked up in `before`, as the later state has only a tombstone.
 */
export function textChanges(before: Y.Doc, after: Y.Text): TextPiece[] {
  const known = clocksOf(before)
  const pieces: TextPiece[] = []
  const attributes: Record<string, unknown> = {}
  for (let item = after._start; item !== null; item = item.right) {
    const { content, deleted, id } = item
    if (content instanceof Y.ContentFormat) {
      if (deleted) continue
      if (content.value === null) delete attributes[content.key]
      else attributes[content.key] = content.value
      continue
    }
    // The part below the earlier state's clock was there; an item may have grown since.
    const had = Math.min(Math.max((known.get(id.client) ?? 0) - id.clock, 0), item.length)
    if (deleted) {
      for (const part of contentIn(before, id.client, id.clock, id.clock + had)) {
        if (part instanceof Y.AbstractType) continue
        pieces.push({ insert: part, attributes: { ...attributes }, kind: 'gone', client: id.client })
      }
    } else if (content instanceof Y.ContentString) {
      const parts: [string, TextPiece['kind']][] = [[content.str.slice(0, had), 'same'], [content.str.slice(had), 'new']]
      for (const [insert, kind] of parts) {
        if (insert !== '') pieces.push({ insert, attributes: { ...attributes }, kind, client: id.client })
      }
    } else if (content instanceof Y.ContentEmbed) {
      pieces.push({ insert: content.embed, attributes: { ...attributes }, kind: had > 0 ? 'same' : 'new', client: id.client })
    }
  }
  return pieces
}

/** Compare two states of a map of maps, such as a board's shapes; entries that are the same are left out. */
export function mapChanges(before: Y.Doc, then: Y.Map<unknown>, now: Y.Map<unknown>): MapChange[] {
  const known = clocksOf(before)
  const changes: MapChange[] = []
  for (const [key, item] of now._map) {
    if (item.deleted) continue
    const newest = newestIn(item, known)
    if (newest !== null) changes.push({ key, kind: then.has(key) ? 'changed' : 'new', client: newest })
  }
  for (const key of then.keys()) {
    if (!now.has(key)) changes.push({ key, kind: 'gone', client: null })
  }
  return changes
}

/** Whose content below `item` the earlier state had not seen; null where it had seen all. */
function newestIn(item: Y.Item, known: Clocks): number | null {
  const { client, clock } = item.id
  if (clock + item.length > (known.get(client) ?? 0)) return client
  if (!(item.content instanceof Y.ContentType)) return null
  const { type } = item.content
  const inside = [...type._map.values()]
  for (let child = type._start; child !== null; child = child.right) inside.push(child)
  for (const child of inside) {
    const newer = newestIn(child, known)
    if (newer !== null) return newer
  }
  return null
}

/** The content that was not deleted in `doc` between two clocks of a client; of shared types, themselves. */
export function* contentIn(doc: Y.Doc, client: number, from: number, to: number): Generator<string | object> {
  const structs = doc.store.clients.get(client)
  if (structs === undefined || from >= to) return
  for (let i = Y.findIndexSS(structs, from); i < structs.length; i++) {
    const struct = structs[i]
    if (struct === undefined || struct.id.clock >= to) return
    if (!(struct instanceof Y.Item) || struct.deleted) continue
    const { content } = struct
    if (content instanceof Y.ContentString) {
      const start = struct.id.clock
      yield content.str.slice(Math.max(0, from - start), to - start)
    } else if (content instanceof Y.ContentEmbed) {
      yield content.embed
    } else if (content instanceof Y.ContentType) {
      yield content.type
    }
  }
}

/** How much of each client a state has seen. */
export function clocksOf(doc: Y.Doc): Clocks {
  return Y.decodeStateVector(Y.encodeStateVector(doc))
}
