/**
 * Texts of the editor before this one, whose words are in the root text `body`: carried over into `content`, once.
 *
 * Whoever opens such a text may be the one who carries it over, and several may at once. So all write the very same
 * bytes, under a Yjs client id that is made of what they say: applied twice, they are there once. Two pages that had
 * different words (somebody with the old editor was still typing) write different bytes; the copy that has seen less
 * is taken back by whoever sees both. The map `carried` says what was done, so that a text that somebody empties
 * stays empty. After a restore of a version from before, nothing is in it, and the words are carried over again,
 * under another id, as the first one's have been deleted.
 */

import { prosemirrorToYXmlFragment } from 'y-prosemirror'
import * as Y from 'yjs'

import { bodyDoc } from './body'

export const CONTENT = 'content'
const OLD = 'body'
const CARRIED = 'carried'
const CARRY = Symbol('carry over')
/** Who the words are said to be of; each of their authors is in the versions from before. */
const AUTHOR = { name: 'Earlier authors', color: '#8a8e9c' }

/** Whether words wait in `body`. */
export function waits(doc: Y.Doc): boolean {
  return doc.getText(OLD).length > 0 && doc.getMap(CARRIED).size === 0
}

/** Carry the words over if they wait, and take back copies that are one too many. Returns whether anything was done. */
export function carryOver(doc: Y.Doc): boolean {
  if (!waits(doc)) return takeBack(doc)
  Y.applyUpdate(doc, carrying(doc), CARRY)
  return true
}

function carrying(doc: Y.Doc): Uint8Array {
  const text = doc.getText(OLD)
  const node = bodyDoc(text.toDelta() as Parameters<typeof bodyDoc>[0])
  const said = JSON.stringify(node.toJSON())
  let round = 0
  while (Y.getState(doc.store, idOf(said, round)) > 0) round += 1
  const copy = new Y.Doc()
  copy.clientID = idOf(said, round)
  copy.transact(() => {
    prosemirrorToYXmlFragment(node, copy.getXmlFragment(CONTENT))
    copy.getMap(CARRIED).set(String(copy.clientID), { seen: said.length })
    copy.getMap('authors').set(String(copy.clientID), AUTHOR)
  })
  return Y.encodeStateAsUpdate(copy)
}

/** FNV-1a, of 31 bits. */
function idOf(said: string, round: number): number {
  let hash = 0x811c9dc5
  const words = `${round}:${said}`
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words.charCodeAt(i), 0x01000193)
  return (hash >>> 1) + 1
}

function takeBack(doc: Y.Doc): boolean {
  const carried = doc.getMap(CARRIED)
  if (carried.size < 2) return false
  const copies = [...carried.entries()].map(([id, entry]) => ({ id: Number(id), seen: Number((entry as { seen?: unknown } | null)?.seen) || 0 }))
  copies.sort((a, b) => b.seen - a.seen || a.id - b.id)
  const extra = new Set(copies.slice(1).map(({ id }) => id))
  doc.transact(() => {
    const content = doc.getXmlFragment(CONTENT)
    for (let at = content.length - 1; at >= 0; at--) {
      const item = content.get(at)._item
      if (item !== null && extra.has(item.id.client)) content.delete(at, 1)
    }
    for (const id of extra) carried.delete(String(id))
  }, CARRY)
  return true
}

/** A state of a text for looking at: words that wait are carried over in it. `doc` is the caller's own copy. */
export function shownContent(doc: Y.Doc): Y.XmlFragment {
  carryOver(doc)
  return doc.getXmlFragment(CONTENT)
}
