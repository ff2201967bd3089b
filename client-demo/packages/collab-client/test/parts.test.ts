/** Parts of a document: each is taken by somebody who has those before it, and all of them are all of it. */

import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { deletionOf, Parts, partsOfUpdate, rangesOf, type Part } from '../src/parts.js'

function all(parts: Parts): Part[] {
  const list: Part[] = []
  for (let part = parts.next(); part !== null; part = parts.next()) list.push(part)
  return list
}

/** A copy made of parts; no part may leave anything pending. */
function copied(list: Part[], into = new Y.Doc()): Y.Doc {
  for (const { update } of list) {
    Y.applyUpdate(into, update)
    expect(into.store.pendingStructs).toBeNull()
    expect(into.store.pendingDs).toBeNull()
  }
  return into
}

const stateOf = (doc: Y.Doc): Map<number, number> => Y.decodeStateVector(Y.encodeStateVector(doc))

/** Documents that several people have written together, from a seed. */
function together(seed: number, steps = 400): Y.Doc[] {
  const dice = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
  const docs = [1, 2, 3].map((client) => {
    const doc = new Y.Doc()
    doc.clientID = client * 1000 + seed % 1000
    return doc
  })
  const undo = docs.map((doc) => new Y.UndoManager([doc.getText('text'), doc.getMap('map'), doc.getArray('list')], { captureTimeout: 0 }))
  for (let step = 0; step < steps; step += 1) {
    const who = dice(3)
    const doc = docs[who]!
    const text = doc.getText('text')
    const map = doc.getMap('map')
    const list = doc.getArray('list')
    const what = dice(10)
    if (what < 3) text.insert(dice(text.length + 1), ['a', 'words ', '日本', '🙂🙂'][dice(4)]!.repeat(1 + dice(40)))
    else if (what === 3 && text.length > 3) text.delete(dice(text.length - 2), 2)
    else if (what === 4) map.set(`key ${dice(5)}`, 'v'.repeat(dice(300)))
    else if (what === 5) map.set(`nested ${dice(3)}`, new Y.Map([['x', new Y.Array()], ['y', dice(100)]]))
    else if (what === 6) list.insert(dice(list.length + 1), Array.from({ length: 1 + dice(60) }, () => 'value '.repeat(dice(9))))
    else if (what === 7 && list.length > 0) list.delete(dice(list.length), 1)
    else if (what === 8) undo[who]!.undo()
    else {
      const other = docs[dice(3)]!
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)))
    }
  }
  return docs
}

describe('parts', () => {
  test.each(Array.from({ length: 12 }, (_, index) => index + 1))('of what several people wrote, seed %i', (seed) => {
    const [one, two, three] = together(seed * 7919) as [Y.Doc, Y.Doc, Y.Doc]
    Y.applyUpdate(one, Y.encodeStateAsUpdate(two))
    Y.applyUpdate(one, Y.encodeStateAsUpdate(three))
    for (const bytes of [1200, 4000, 256 * 1024]) {
      const list = all(new Parts(one, new Map(), { bytes }))
      const copy = copied(list)
      expect(copy.getText('text').toString()).toBe(one.getText('text').toString())
      expect(copy.getMap('map').toJSON()).toEqual(one.getMap('map').toJSON())
      expect(copy.getArray('list').toJSON()).toEqual(one.getArray('list').toJSON())
      expect(stateOf(copy)).toEqual(stateOf(one))
    }
    // And relative to somebody who has a part of it.
    const list = all(new Parts(one, stateOf(two), { bytes: 1200 }))
    expect(copied(list, two).getText('text').toString()).toBe(one.getText('text').toString())
  })

  test('one long text is cut, none of its pieces larger than asked, no pair of surrogates parted', () => {
    const doc = new Y.Doc()
    const text = 'ascii 日本語 🙂'.repeat(100_000)
    doc.getText('body').insert(0, text)
    const list = all(new Parts(doc, new Map()))
    expect(list.length).toBeGreaterThan(5)
    for (const { update } of list) expect(update.byteLength).toBeLessThan(260 * 1024)
    expect(copied(list).getText('body').toString()).toBe(text)
  })

  test('what was deleted is sent without its content', () => {
    const doc = new Y.Doc()
    const body = doc.getText('body')
    body.insert(0, 'stays')
    const undo = new Y.UndoManager(body, { captureTimeout: 0 })
    body.insert(2, 'x'.repeat(4_500_000))
    undo.undo()
    const list = all(new Parts(doc, new Map()))
    expect(list.reduce((sum, { update }) => sum + update.byteLength, 0)).toBeLessThan(1000)
    expect(copied(list).getText('body').toString()).toBe('stays')
    undo.redo()
    expect(copied(all(new Parts(doc, new Map()))).getText('body').length).toBe(4_500_005)
  })

  test('edits between two parts harm nothing', () => {
    const doc = new Y.Doc()
    const body = doc.getText('body')
    for (let count = 0; count < 3000; count += 1) body.insert(count % 2 ? 0 : body.length, `word ${count} `)
    const parts = new Parts(doc, new Map(), { bytes: 2000 })
    const list: Part[] = []
    for (let part = parts.next(); part !== null; part = parts.next()) {
      list.push(part)
      body.insert(Math.min(list.length * 7, body.length), 'later')
      if (body.length > 100) body.delete(50, 3)
    }
    const copy = copied(list)
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(copy)))
    expect(copy.getText('body').toString()).toBe(body.toString())
  })

  test('one edit in parts, and single structs', () => {
    const doc = new Y.Doc()
    doc.getText('body').insert(0, 'before')
    const before = Y.encodeStateAsUpdate(doc)
    const updates: Uint8Array[] = []
    doc.on('update', (update: Uint8Array) => updates.push(update))
    doc.transact(() => {
      doc.getText('body').insert(3, 'y'.repeat(600_000))
      doc.getMap('map').set('image', 'z'.repeat(10))
      doc.getText('body').delete(0, 1)
    })
    const copy = new Y.Doc()
    Y.applyUpdate(copy, before)
    const list = all(partsOfUpdate(doc, updates[0]!))
    expect(list.length).toBeGreaterThan(2)
    expect(copied(list, copy).getText('body').toString()).toBe(doc.getText('body').toString())
    expect(all(partsOfUpdate(doc, updates[0]!, { structs: 1 })).filter((part) => part.structs > 1)).toEqual([])
    // What is taken back goes as deleted.
    Y.applyUpdate(doc, deletionOf(rangesOf(updates[0]!)))
    expect(doc.getText('body').toString()).toBe('efore')
  })
})
