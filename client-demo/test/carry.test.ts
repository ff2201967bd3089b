import { expect, test } from 'vitest'
import { prosemirrorToYXmlFragment } from 'y-prosemirror'
import * as Y from 'yjs'
import { bodyDoc } from '../src/editors/text/body'
import { carryOver, waits } from '../src/editors/text/carry'
import { schema } from '../src/editors/text/schema'

const PICTURE = 'data:image/png;base64,AAAA'

/** A text as the editor before this one kept it. */
function old(change: (text: Y.Text) => void = () => undefined): Y.Doc {
  const doc = new Y.Doc()
  doc.getMap('meta').set('kind', 'text')
  const text = doc.getText('body')
  text.applyDelta([
    { insert: 'Birds' },
    { insert: '\n', attributes: { header: 1 } },
    { insert: 'The heron stood ' },
    { insert: 'still', attributes: { bold: true, italic: true } },
    { insert: ', ' },
    { insert: 'see', attributes: { link: 'https://birds.example' } },
    { insert: ' and ' },
    { insert: 'not', attributes: { link: 'javascript:alert(1)' } },
    { insert: '\none' },
    { insert: '\n', attributes: { list: 'bullet' } },
    { insert: 'inner' },
    { insert: '\n', attributes: { list: 'ordered', indent: 1 } },
    { insert: 'two' },
    { insert: '\n', attributes: { list: 'bullet' } },
    { insert: 'done' },
    { insert: '\n', attributes: { list: 'checked' } },
    { insert: 'a = 1\nb = 2' },
    { insert: '\n', attributes: { 'code-block': 'plain' } },
    { insert: 'said' },
    { insert: '\n', attributes: { blockquote: true } },
    { insert: 'before ' },
    { insert: { image: PICTURE }, attributes: { alt: 'A heron' } },
    { insert: ' after\n' },
    { insert: { video: 'x' } },
    { insert: '\n' },
  ] as never)
  change(text)
  return doc
}

function exchange(...docs: Y.Doc[]): void {
  for (const from of docs) for (const to of docs) Y.applyUpdate(to, Y.encodeStateAsUpdate(from))
}

function content(doc: Y.Doc): string {
  return doc.getXmlFragment('content').toString()
}

test('lines with formats become blocks', () => {
  const node = bodyDoc(old().getText('body').toDelta())
  node.check()
  const kinds: string[] = []
  node.forEach((block) => kinds.push(block.type.name))
  expect(kinds).toEqual(['heading', 'paragraph', 'bulletList', 'taskList', 'paragraph', 'codeBlock', 'blockquote', 'paragraph', 'image', 'paragraph', 'paragraph'])
  expect(node.child(2).toString()).toBe(
    'bulletList(listItem(paragraph("one"), orderedList(listItem(paragraph("inner")))), listItem(paragraph("two")))',
  )
  expect(node.child(3).firstChild?.attrs['checked']).toBe(true)
  expect(node.child(1).toString()).toContain('link("see")')
  expect(node.child(1).toString()).not.toContain('link("not")')
  expect(node.child(8).attrs).toMatchObject({ src: PICTURE, alt: 'A heron' })
  expect(node.child(10).textContent).toBe('▢')
  expect(bodyDoc([]).toString()).toBe('doc(paragraph)')
  expect(bodyDoc([{ insert: 'words' }]).toString()).toBe('doc(paragraph("words"))')
})

test('two pages that carry a text over at once have it once', () => {
  const [ann, ben] = [old(), new Y.Doc()]
  exchange(ann, ben)
  expect(carryOver(ann)).toBe(true)
  expect(carryOver(ben)).toBe(true)
  const alone = content(ann)
  expect(alone).toContain('The heron stood')
  // The very same bytes: a page that hears of the other's has nothing to learn.
  expect(Y.encodeStateVector(ann)).toEqual(Y.encodeStateVector(ben))
  exchange(ann, ben)
  expect(content(ann)).toBe(alone)
  expect(content(ben)).toBe(alone)
  expect(carryOver(ann)).toBe(false)
  expect(ann.getText('body').toString(), 'what was there stays for the versions').toContain('heron')
})

test('of two copies of different words the longer one stays, everywhere', () => {
  for (let round = 0; round < 20; round++) {
    const [ann, ben, cleo] = [old(), new Y.Doc(), new Y.Doc()]
    exchange(ann, ben)
    ann.getText('body').insert(0, `typed in the old editor ${round} `)
    carryOver(ann)
    carryOver(ben)
    exchange(ann, ben, cleo)
    carryOver(ben)
    carryOver(cleo)
    exchange(ann, ben, cleo)
    carryOver(ann)
    exchange(ann, ben, cleo)
    expect(content(ann)).toBe(content(ben))
    expect(content(ann)).toBe(content(cleo))
    expect(content(ann).match(/The heron stood/g)).toHaveLength(1)
    expect(content(ann)).toContain(`typed in the old editor ${round}`)
  }
})

test('what was emptied stays empty, and what was restored is carried over again', () => {
  const doc = old()
  carryOver(doc)
  const fragment = doc.getXmlFragment('content')
  const before = content(doc)
  prosemirrorToYXmlFragment(schema.node('doc', null, [schema.node('paragraph')]), fragment)
  expect(waits(doc)).toBe(false)
  // As the server restores a version from before.
  doc.transact(() => {
    fragment.delete(0, fragment.length)
    for (const key of doc.getMap('carried').keys()) doc.getMap('carried').delete(key)
  })
  const other = new Y.Doc()
  exchange(doc, other)
  expect(waits(doc)).toBe(true)
  carryOver(doc)
  carryOver(other)
  exchange(doc, other)
  expect(content(doc)).toBe(before)
  expect(content(other)).toBe(before)
})

test('a new text waits for nothing', () => {
  const doc = new Y.Doc()
  expect(waits(doc)).toBe(false)
  expect(carryOver(doc)).toBe(false)
  expect(Y.encodeStateAsUpdate(doc)).toEqual(new Uint8Array([0, 0]))
})
