/** What a document holds, read without knowing which editor made it: its roots, their kinds, how much is in them. */

import * as Y from 'yjs'

export type RootKind = 'text' | 'rich text' | 'map' | 'list'

export interface Root {
  name: string
  kind: RootKind
  /** Letters, entries or values. */
  count: number
  /** The first words or keys. */
  excerpt: string
}

/** What this page keeps beside the content. */
const BESIDE = new Set(['meta', 'authors', 'carried'])
/** So many pieces are looked at for an excerpt; a document may have millions. */
const MOST_PIECES = 400
const LONGEST = 160

/** The roots with something in them, by name; without those that say things about the document. */
export function rootsOf(doc: Y.Doc): Root[] {
  const roots: Root[] = []
  for (const [name, type] of doc.share) {
    if (BESIDE.has(name)) continue
    const root = rootOf(name, type)
    if (root !== null) roots.push(root)
  }
  return roots.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A type of whatever kind. */
type AnyType = Y.AbstractType<any>

function rootOf(name: string, type: AnyType): Root | null {
  const keys = [...type._map].flatMap(([key, item]) => (item.deleted ? [] : [key]))
  if (keys.length > 0) return { name, kind: 'map', count: keys.length, excerpt: cut(keys.slice(0, 30).join(', ')) }
  const first = firstContent(type)
  if (first === null) return null
  if (first instanceof Y.ContentType && first.type instanceof Y.AbstractType && isXml(first.type)) return { name, kind: 'rich text', ...words(type) }
  if (first instanceof Y.ContentString || first instanceof Y.ContentFormat || first instanceof Y.ContentEmbed) return { name, kind: 'text', ...words(type) }
  return { name, kind: 'list', count: type._length, excerpt: '' }
}

function firstContent(type: AnyType): Y.Item['content'] | null {
  for (let item = type._start; item !== null; item = item.right) if (!item.deleted) return item.content
  return null
}

function isXml(type: AnyType): boolean {
  return type instanceof Y.XmlFragment || type instanceof Y.XmlText || type instanceof Y.XmlHook
}

/** The letters in a type and below it, in order. */
function words(type: AnyType): { count: number; excerpt: string } {
  let [count, pieces, excerpt] = [0, 0, '']
  const waiting: (Y.Item | null)[] = [type._start]
  while (waiting.length > 0) {
    const item = waiting.pop()
    if (item === null || item === undefined) continue
    waiting.push(item.right)
    if (item.deleted) continue
    if (item.content instanceof Y.ContentString) {
      count += item.content.str.length
      if (pieces < MOST_PIECES && excerpt.length < LONGEST) excerpt += item.content.str
    } else if (item.content instanceof Y.ContentType && item.content.type instanceof Y.AbstractType) {
      if (excerpt !== '' && !excerpt.endsWith(' ')) excerpt += ' '
      waiting.push(item.content.type._start)
    }
    pieces += 1
  }
  return { count, excerpt: cut(excerpt) }
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line
}
