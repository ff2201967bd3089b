import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { EMPTY_UPDATE, Outbox } from '../src/outbox.js'

/** Updates of three keystrokes. */
function keystrokes(words = 'abc'): Uint8Array[] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of words) doc.getText('body').insert(doc.getText('body').length, letter)
  return updates
}

function open(): Outbox {
  const outbox = new Outbox()
  outbox.resync(null)
  return outbox
}

test('changes leave only when they are durable', () => {
  const outbox = open()
  for (const update of keystrokes()) outbox.add(update)
  expect(outbox.unsaved).toBe(3)
  const batch = outbox.take()
  expect(batch?.changes).toBe(3)
  expect(outbox.unsaved).toBe(3)
  outbox.settle(batch!)
  expect(outbox.unsaved).toBe(0)
})

test('a batch holds everything that was unsent, merged', () => {
  const outbox = open()
  for (const update of keystrokes()) outbox.add(update)
  const doc = new Y.Doc()
  Y.applyUpdate(doc, outbox.take()!.update)
  expect(doc.getText('body').toString()).toBe('abc')
  expect(outbox.take()).toBeNull()
})

test('a lost connection loses no count, and the resync covers it', () => {
  const outbox = open()
  const [a, b, c] = keystrokes() as [Uint8Array, Uint8Array, Uint8Array]
  outbox.add(a)
  const late = outbox.take()!
  outbox.add(b)
  outbox.lose()
  outbox.add(c)
  expect(outbox.unsaved).toBe(3)
  expect(outbox.take()).toBeNull()
  outbox.settle(late)
  expect(outbox.unsaved, 'an ack of the old connection says nothing any more').toBe(3)
  const diff = Y.mergeUpdates([a, b, c])
  const batch = outbox.resync(diff)
  expect(batch).toEqual({ update: diff, changes: 3 })
  outbox.settle(batch!)
  expect(outbox.unsaved).toBe(0)
})

test('with nothing to send but something unsaved, an empty update asks for the ack', () => {
  const outbox = new Outbox()
  outbox.inherit(4)
  expect(outbox.resync(null)).toEqual({ update: EMPTY_UPDATE, changes: 4 })
  expect(open().resync(null)).toBeNull()
})

test('what is held waits until it is released, before what came later', () => {
  const outbox = open()
  const [a, b] = keystrokes('ab') as [Uint8Array, Uint8Array]
  outbox.add(a)
  outbox.hold(outbox.take()!)
  expect(outbox.hasHeld).toBe(true)
  expect(outbox.take()).toBeNull()
  outbox.add(b)
  outbox.release()
  const doc = new Y.Doc()
  Y.applyUpdate(doc, outbox.take()!.update)
  expect(doc.getText('body').toString()).toBe('ab')
})

test('what the server cannot build on is covered by the next resync', () => {
  const outbox = open()
  const [a] = keystrokes('a') as [Uint8Array]
  outbox.add(a)
  outbox.uncover(outbox.take()!)
  expect(outbox.unsaved).toBe(1)
  expect(outbox.resync(a)).toEqual({ update: a, changes: 1 })
})

test('seeded storms: the count is always that of what is not durable', () => {
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    const outbox = open()
    const flying: NonNullable<ReturnType<Outbox['take']>>[] = []
    let made = 0
    let durable = 0
    const fly = (batch: ReturnType<Outbox['take']>): void => {
      if (batch !== null) flying.push(batch)
    }
    for (let step = 0; step < 60; step++) {
      const choice = random(8)
      if (choice < 3) {
        made += 1
        outbox.add(EMPTY_UPDATE)
      } else if (choice === 3) fly(outbox.take())
      else if (choice === 4) {
        const batch = flying.shift()
        if (batch !== undefined) {
          durable += batch.changes
          outbox.settle(batch)
        }
      } else if (choice === 5) {
        const batch = flying.pop()
        if (batch !== undefined) outbox.hold(batch)
      } else if (choice === 6) outbox.release()
      else {
        outbox.lose()
        flying.length = 0
        fly(outbox.resync(EMPTY_UPDATE))
      }
      expect(outbox.unsaved, `seed ${seed}, step ${step}`).toBe(made - durable)
    }
  }
})
