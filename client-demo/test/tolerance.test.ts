import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { initProseMirrorDoc } from 'y-prosemirror'
import { makeSchema } from '../src/editors/text/schema'
import { tolerant } from '../src/editors/text/tolerance'
import { inkOn, initials, PEOPLE_COLOURS, personOf } from '../src/ui/people'
import { placeOf } from '../src/editors/places'

test('what other editors wrote becomes nodes, whatever it is, and nothing is refused', () => {
  const schema = tolerant(makeSchema())
  const words = schema.text('words', [schema.mark('highlight', { color: 'red' }), schema.mark('bold')])
  expect(words.marks.map(({ type }) => type.name).sort()).toEqual(['bold', 'highlight'])
  expect(schema.text({ video: 'x' } as never).type.name).toBe('foreignInline')
  expect(schema.node('youtube', { src: 'x' }, []).type.name).toBe('foreign')
  expect(schema.node('mention', { id: 1 }, []).type.name).toBe('foreignInline')
  const fits: [string, ReturnType<typeof schema.node>[]][] = [
    ['bulletList', []],
    ['bulletList', [schema.node('paragraph', null, [words])]],
    ['listItem', [schema.node('bulletList', null, [])]],
    ['listItem', [words]],
    ['taskItem', [schema.node('heading', { level: 2 }, [words])]],
    ['heading', [schema.node('paragraph', null, [words])]],
    ['codeBlock', [words, schema.node('hardBreak')]],
    ['table', [schema.node('paragraph', null, [words])]],
    ['tableRow', [words]],
    ['horizontalRule', [words]],
    ['blockquote', [schema.node('listItem', null, [schema.node('paragraph', null, [words])])]],
  ]
  for (const [name, content] of fits) {
    const node = schema.node(name, null, content)
    node.check()
    if (name !== 'horizontalRule') expect(node.textContent, name).toBe(content.map(({ textContent }) => textContent).join(''))
  }
})

test('words and elements that do not fit are shown by the editor, and stay in the document', () => {
  const doc = new Y.Doc()
  const content = doc.getXmlFragment('content')
  const list = new Y.XmlElement('bulletList')
  const item = new Y.XmlElement('listItem')
  item.insert(0, [new Y.XmlText('no paragraph around')])
  list.insert(0, [item])
  const video = new Y.XmlElement('youtube')
  video.setAttribute('src', 'x')
  content.insert(0, [list, video])
  const before = content.toString()
  const { doc: node } = initProseMirrorDoc(content, tolerant(makeSchema()))
  node.check()
  expect(node.textContent).toBe('no paragraph around')
  expect(content.toString()).toBe(before)
})

test('whatever others call themselves, it is a short name and a colour', () => {
  for (const user of [null, 3, {}, { name: 7, color: 'red;position:fixed' }, { name: ' ', color: '#12345' }]) {
    const person = personOf(user, 5)
    expect(person.name).toBe('Guest')
    expect(person.color).toMatch(/^#[0-9a-f]{6}$/)
  }
  expect(personOf({ name: 'x'.repeat(500) }, 1).name).toHaveLength(40)
  expect(personOf({ name: 'Ann', id: 'a' }, 1).color).toBe(personOf({ name: 'Ann', id: 'a' }, 2).color)
})

test('letters on people colours can be read', () => {
  const luminance = (colour: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const value = parseInt(colour.slice(at, at + 2), 16) / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    }) as [number, number, number]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  expect(new Set(PEOPLE_COLOURS).size).toBe(12)
  for (const colour of PEOPLE_COLOURS) {
    const [dark, light] = [luminance(colour), luminance(inkOn(colour))].sort((a, b) => a - b) as [number, number]
    expect((light + 0.05) / (dark + 0.05), colour).toBeGreaterThanOrEqual(4.5)
  }
})

test('initials', () => {
  expect(['Ann', 'ann maria lee', '', 'Ёж'].map(initials)).toEqual(['A', 'AL', '?', 'Ё'])
})

test('a place is one in this text, or none', () => {
  const doc = new Y.Doc()
  const text = doc.getText('body')
  text.insert(0, 'hello')
  const at = (index: number): unknown => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index))
  expect(placeOf({ state: { cursor: { anchor: at(1), head: at(4) } } }, text)).toEqual({ anchor: 1, head: 4 })
  const other = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(doc.getText('other'), 0)) as unknown
  for (const cursor of [null, 7, {}, { anchor: 'x', head: {} }, { anchor: at(1), head: { tname: 3 } }, { anchor: other, head: other }]) {
    expect(placeOf({ state: { cursor } }, text)).toBeNull()
  }
})
