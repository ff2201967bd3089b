/** Names, subjects, colours: pure parts of who is who and what a document may be called. */

import { expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { languageId } from '../src/editors/code/languages'
import { readShape } from '../src/editors/board/shapes'
import { BoardStore } from '../src/editors/board/store'
import { rootsOf } from '../src/pages/roots'
import { adviceFor, type ErrorCode, faultInName, refusalOfName } from 'collab-client'
import { claimsOf, keptName, subjectOf } from '../src/ui/identity'
import { asToken, untitled } from '../src/ui/location'
import { distinctColours, PEOPLE_COLOURS, personOf } from '../src/ui/people'

// -- names ------------------------------------------------------------------------------------------

test.each(['notes', 'team/a', 'a b', 'ä', 'x'.repeat(200), '.a/b.', '@', 'می\u200cخواهم', '\u{1f469}\u200d\u{1f4bb}', '\u2764\ufe0f'])('%s is a name', (name) => {
  expect(faultInName(name)).toBeNull()
  expect(refusalOfName(name)).toBeNull()
})

test.each([
  ['', 'empty'],
  ['a,b', 'none of'], ['a?b', 'none of'], ['a#b', 'none of'], ['a%b', 'none of'], ['a\\b', 'none of'],
  ['x'.repeat(201), '201 bytes'], ['ä'.repeat(101), '202 bytes'],
  ['a\nb', 'control'], ['a\u007f', 'control'], ['a\u0301', 'NFC'],
  ...Array.from('\u202e\u200b\u00ad\ufeff\u2066\u200e\u061c\u2060\u{e0061}\u2028\u200d\u200c', (sign) => [`no${sign}tes`, 'seen'] as [string, string]),
  ['\u200dم', 'seen'], ['م\u200d', 'seen'], ['م\u200da', 'seen'], ['\u{1f469}\u200d\u200d\u{1f4bb}', 'seen'], ['\ud800', 'Unicode'],
  ['/a', 'slash'], ['a/', 'slash'], [' a', 'space'], ['a ', 'space'], ['a//b', 'empty part'], ['a/../b', '“..”'], ['.', '“.”'],
])('%j is none: %s', (name, why) => {
  expect(faultInName(name)).toContain(why)
  expect(refusalOfName(name)).toMatchObject({ code: 'invalid_document', retryable: false })
})

test('what this page calls new documents is called by kind only', () => {
  expect(untitled('text-abcdefghjk')).toBe('Untitled text')
  expect(untitled('team/board-abcdefghjk')).toBe('Untitled board')
  expect(untitled('team/board')).toBe('team/board')
})

// -- tokens -----------------------------------------------------------------------------------------

test('a token is found in whatever was pasted', () => {
  expect(asToken(' abc.def ')).toBe('abc.def')
  expect(asToken('https://x/d/a#token=abc.def')).toBe('abc.def')
  expect(asToken('https://x/d/a#at=3&token=a%2Bb&more')).toBe('a+b')
  expect(asToken('   ')).toBeNull()
})

test('a subject is read from a token, and any other token has one of its own', () => {
  const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`
  expect(subjectOf(null)).toBe('')
  expect(subjectOf(jwt({ sub: 'änn' }))).toBe('änn')
  expect(subjectOf(jwt({ sub: 'ann', exp: 1 }))).toBe(subjectOf(jwt({ sub: 'ann', exp: 2 })))
  for (const odd of ['opaque', 'a.b.c', jwt({ sub: '' }), jwt({ sub: 3 }), 'x.bnVsbA.y']) {
    expect(subjectOf(odd)).toMatch(/^token-[0-9a-f]{24}$/)
    expect(claimsOf(odd)).toBeTypeOf('object')
  }
  expect(subjectOf('one')).not.toBe(subjectOf('other'))
})

test('what is kept for one subject is under no name of another', () => {
  const names = ['a', '?b?a', 'b?a', 'é'].flatMap((subject) => ['x', '?x', 'a?x'].map((rest) => keptName('collab:', subject, rest)))
  expect(new Set([...names, keptName('collab:', '', 'x')]).size).toBe(names.length + 1)
})

// -- colours ----------------------------------------------------------------------------------------

test('nobody shares a colour while there are twelve, and the first keep theirs', () => {
  const people = PEOPLE_COLOURS.map((_, i) => ({ who: String(i), color: PEOPLE_COLOURS[3] as string }))
  const colours = distinctColours(people)
  expect(new Set(colours).size).toBe(PEOPLE_COLOURS.length)
  expect(colours[0]).toBe(PEOPLE_COLOURS[3])
  expect(distinctColours([...people, { who: 'one more', color: '#123456' }]).at(-1)).toBe('#123456')
  expect(distinctColours([people[0]!, { ...people[0]! }])).toEqual([PEOPLE_COLOURS[3], PEOPLE_COLOURS[3]])
})

// -- words that every object has --------------------------------------------------------------------

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])('%s is no word of ours', (word) => {
  expect(languageId(word)).toBe('plain')
  expect(adviceFor({ code: word as ErrorCode, message: 'It was so.', retryable: false })).toBe('')
  expect(personOf({ color: word, name: 'Ann' }, 1).color).toMatch(/^#[0-9a-f]{6}$/)
  const shape = readShape('a', { type: 'note', stroke: word, fill: word, width: word, dash: word, fontSize: word })
  expect(shape).toMatchObject({ stroke: 'ink', fill: 'yellow', width: 'M', dash: 'solid', fontSize: 'M' })
  expect(readShape('a', { type: word })).toBeNull()
})

// -- a new board ------------------------------------------------------------------------------------

test('a page writes under one client id from the first shape on', () => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const logged = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const shape = (id: string): NonNullable<ReturnType<typeof readShape>> => readShape(id, { type: 'rectangle', w: 10, h: 10 })!
  const firsts: ((store: BoardStore) => void)[] = [
    (store) => store.add([shape('a')]),
    (store) => store.together([], () => store.add([shape('a')])),
    (store) => store.together(['a'], () => store.remove(['a'])),
    (store) => store.update(new Map([['a', { x: 1 }]])),
    (store) => void store.textOf('a'),
  ]
  for (const first of firsts) {
    const doc = new Y.Doc()
    const own = doc.clientID
    const local: boolean[] = []
    const store = new BoardStore(doc)
    doc.on('afterTransaction', (transaction: Y.Transaction) => local.push(transaction.local))
    first(store)
    store.add([shape('b')])
    expect(doc.clientID).toBe(own)
    expect(local.at(-1)).toBe(true)
  }
  expect([...warned.mock.calls, ...logged.mock.calls].filter((words) => words.join(' ').includes('client-id'))).toEqual([])
  vi.restoreAllMocks()
})

// -- roots ------------------------------------------------------------------------------------------

test('roots are read without knowing their types', () => {
  const doc = new Y.Doc()
  doc.getMap('settings').set('a', 1)
  doc.getArray('items').push([1, 2])
  doc.getText('words').insert(0, 'Hello  there')
  const fragment = doc.getXmlFragment('rich')
  const paragraph = new Y.XmlElement('paragraph')
  fragment.insert(0, [paragraph])
  paragraph.insert(0, [new Y.XmlText('In here')])
  doc.getText('gone').insert(0, 'x')
  doc.getText('gone').delete(0, 1)
  doc.getMap('meta').set('title', 'T')
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  for (const each of [doc, copy]) {
    expect(rootsOf(each)).toEqual([
      { name: 'items', kind: 'list', count: 2, excerpt: '' },
      { name: 'rich', kind: 'rich text', count: 7, excerpt: 'In here' },
      { name: 'settings', kind: 'map', count: 1, excerpt: 'a' },
      { name: 'words', kind: 'text', count: 12, excerpt: 'Hello there' },
    ])
  }
})
