import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { authorOf, signEdits } from '../src/pages/authors'
import { mapChanges, textChanges, type TextPiece } from '../src/pages/changes'

function copyOf(doc: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  return copy
}

function joined(pieces: TextPiece[], ...kinds: TextPiece['kind'][]): string {
  return pieces.filter(({ kind }) => kinds.includes(kind)).map(({ insert }) => (typeof insert === 'string' ? insert : '#')).join('')
}

test('a comparison holds both texts, and says whose page wrote what', () => {
  const [ann, ben] = [new Y.Doc(), new Y.Doc()]
  ann.getText('body').insert(0, 'The heron stood still.')
  Y.applyUpdate(ben, Y.encodeStateAsUpdate(ann))
  const before = copyOf(ann)
  ann.getText('body').insert(22, ' It left.')
  ben.getText('body').delete(4, 5)
  ben.getText('body').insert(4, 'stork')
  Y.applyUpdate(ann, Y.encodeStateAsUpdate(ben))
  const pieces = textChanges(before, ann.getText('body'))
  expect(joined(pieces, 'same', 'gone')).toBe('The heron stood still.')
  expect(joined(pieces, 'same', 'new')).toBe('The stork stood still. It left.')
  const author = (words: string): number | undefined => pieces.find(({ insert }) => insert === words)?.client
  expect([author('stork'), author(' It left.')]).toEqual([ben.clientID, ann.clientID])
})

test('what came and went between the two states is in neither; formats and embeds are kept', () => {
  const doc = new Y.Doc()
  const text = doc.getText('body')
  text.insert(0, 'plain bold', {})
  text.format(6, 4, { bold: true })
  const before = copyOf(doc)
  text.insert(0, 'typed in error')
  text.delete(0, 14)
  text.insertEmbed(0, { image: 'data:,' })
  const pieces = textChanges(before, text)
  expect(joined(pieces, 'same', 'new')).toBe('#plain bold')
  expect(joined(pieces, 'gone')).toBe('')
  expect(pieces.find(({ insert }) => insert === 'bold')?.attributes).toEqual({ bold: true })
})

test('random edits of three pages: both texts are always there', () => {
  let seed = 7
  const random = (below: number): number => (seed = (seed * 16807) % 2147483647) % below
  for (let round = 0; round < 50; round++) {
    const docs = [new Y.Doc(), new Y.Doc(), new Y.Doc()] as const
    const edit = (): void => {
      for (const doc of docs) {
        const text = doc.getText('body')
        if (random(3) === 0 && text.length > 2) text.delete(random(text.length - 1), 1 + random(Math.min(5, text.length - 1)) % 2)
        else text.insert(random(text.length + 1), 'abcdefgh'.slice(random(8)))
      }
      for (const from of docs) for (const to of docs) Y.applyUpdate(to, Y.encodeStateAsUpdate(from))
    }
    for (let i = random(6); i > 0; i--) edit()
    const before = copyOf(docs[0])
    for (let i = random(6); i > 0; i--) edit()
    const pieces = textChanges(before, docs[0].getText('body'))
    expect(joined(pieces, 'same', 'gone').length).toBe(before.getText('body').length)
    expect(joined(pieces, 'same', 'new')).toBe(docs[0].getText('body').toJSON())
  }
})

test('shapes that are new, changed or gone', () => {
  const doc = new Y.Doc()
  const shapes = doc.getMap('shapes')
  const put = (id: string, x: number): unknown => shapes.set(id, new Y.Map([['x', x]]))
  for (const id of ['same', 'moved', 'gone']) put(id, 0)
  const before = copyOf(doc)
  ;(shapes.get('moved') as Y.Map<number>).set('x', 5)
  shapes.delete('gone')
  put('new', 1)
  expect(mapChanges(before, before.getMap('shapes'), shapes).sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
    { key: 'gone', kind: 'gone', client: null },
    { key: 'moved', kind: 'changed', client: doc.clientID },
    { key: 'new', kind: 'new', client: doc.clientID },
  ])
})

test('a page signs its own edits, once, and nobody else\'s', () => {
  const [ann, ben] = [new Y.Doc(), new Y.Doc()]
  let name = 'Ann'
  signEdits(ann, () => ({ name, color: '#e4405e' }))
  Y.applyUpdate(ann, Y.encodeStateAsUpdate(ben))
  expect(ann.getMap('authors').size).toBe(0)
  ann.getText('body').insert(0, 'x')
  expect(authorOf(ann, ann.clientID)).toEqual({ name: 'Ann', color: '#e4405e' })
  let updates = 0
  ann.on('update', () => updates++)
  ann.getText('body').insert(0, 'y')
  expect(updates).toBe(1)
  name = 'Anna'
  ann.getText('body').insert(0, 'z')
  expect(authorOf(ann, ann.clientID)?.name).toBe('Anna')
  expect(authorOf(ann, 1)).toBeNull()
  ann.getMap('authors').set('1', { name: '<b>', color: 'url(x)' })
  expect(authorOf(ann, 1)).toEqual({ name: '<b>', color: expect.stringMatching(/^#[0-9a-f]{6}$/) })
})
