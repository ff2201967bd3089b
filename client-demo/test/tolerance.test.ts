import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { tolerated } from '../src/editors/text/tolerance'
import { inkOn, initials, PEOPLE_COLOURS, personOf } from '../src/ui/people'
import { placeOf } from '../src/editors/places'

test('deltas of other programs keep their length, and nothing that Quill would stumble over', () => {
  const delta = [
    { insert: 'plain', attributes: { bold: true, font: 'evil', header: { a: 1 }, color: 'red' } },
    { insert: { video: 'x' } },
    { insert: { image: 'data:image/png;base64,AAAA', more: 1 } },
    { insert: { image: 7 } },
    { insert: new Y.Map() },
    { retain: 3, attributes: { list: 'nonsense', italic: null } },
    { delete: 2 },
  ]
  expect(tolerated(delta)).toEqual([
    { insert: 'plain', attributes: { bold: true } },
    { insert: { foreign: true } },
    { insert: { image: 'data:image/png;base64,AAAA' } },
    { insert: { foreign: true } },
    { insert: { foreign: true } },
    { retain: 3, attributes: { italic: null } },
    { delete: 2 },
  ])
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
