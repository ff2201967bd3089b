/** What a browser keeps of a chat, whatever it finds there. */

import { afterEach, expect, test, vi } from 'vitest'
import { KeptChat } from '../src/chat/kept'

const draft = (key: string) => ({ key, data: { body: 'words' }, at: 1, after: 0 })

/** A storage of one browser. */
function storage(entries: Record<string, string> = {}): Record<string, string> {
  vi.stubGlobal('localStorage', { getItem: (key: string) => entries[key] ?? null, setItem: (key: string, value: string) => (entries[key] = value) })
  return entries
}

afterEach(() => void vi.unstubAllGlobals())

test('it is kept by document and person, and shared by tabs', () => {
  storage()
  const [one, tab, other] = [new KeptChat('notes', 'ann'), new KeptChat('notes', 'ann'), new KeptChat('notes', 'ben')]
  one.add(draft('a'))
  tab.add(draft('b'))
  tab.seen(7)
  one.seen(3)
  expect([one.read, one.drafts.map(({ key }) => key), other.read, other.drafts]).toEqual([7, ['a', 'b'], 0, []])
  one.drop('a', 8)
  expect([tab.drafts.map(({ key }) => key), [...tab.own]]).toEqual([['b'], [8]])
  // What waits to be said is said in the new conversation as well.
  one.beginAnew()
  expect([tab.read, [...tab.own], tab.drafts.length]).toEqual([0, [], 1])
})

test.each(['', '7', 'null', '[]', '{"drafts":{},"own":"x","read":"y"}', '{"drafts":[null,7,{"key":"k"},{"key":"k","at":1,"data":{"body":" "}}]}'])('%j there is nothing', (found) => {
  storage({ 'collab:chat:notes': found })
  const kept = new KeptChat('notes', '')
  expect([kept.read, kept.drafts, kept.own.size]).toEqual([0, [], 0])
  kept.add(draft('a'))
  expect(kept.drafts).toEqual([draft('a')])
})

test('without a storage it holds as long as the page', () => {
  vi.stubGlobal('localStorage', { getItem: () => { throw new Error('forbidden') }, setItem: () => { throw new Error('forbidden') } })
  const kept = new KeptChat('notes', '')
  kept.add(draft('a'))
  kept.seen(2)
  expect([kept.read, kept.drafts]).toEqual([2, [draft('a')]])
})
