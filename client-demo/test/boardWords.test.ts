/** Words in shapes: everything that anybody writes has room in the shape that holds it, typed or not. */

import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { toSvg } from '../src/editors/board/export'
import { inside, outline } from '../src/editors/board/geometry'
import { fitted, LINE_HEIGHT, measure } from '../src/editors/board/layout'
import { partsOf } from '../src/editors/board/parts'
import { asPlain, FONT_SIZES, readShape, type FontSize, type Shape } from '../src/editors/board/shapes'
import { BoardStore } from '../src/editors/board/store'
import { resized } from '../src/editors/board/transform'

const WORDS = ['a', 'note', 'Donaudampfschifffahrt', '日本語の文章', 'several words', '\n', 'x'.repeat(80), '🙂🙂', 'W']
const nobody = (): undefined => undefined

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

function odd(seed: number): Shape {
  const random = seeded(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const count = 1 + Math.floor(random() * 20)
  const read = readShape('a', {
    type: pick(['rectangle', 'ellipse', 'diamond', 'note']),
    x: 10, y: 20, w: 1 + random() * 300, h: 1 + random() * 200, fontSize: pick(['S', 'M', 'L', 'XL']),
    text: Array.from({ length: count }, () => pick(WORDS)).join(pick([' ', '', '\n'])),
  })
  if (read === null) throw new Error('not a shape')
  return read
}

/** The boxes of the lines of a shape, on the board. */
function lines(shape: Shape): { left: number; right: number; top: number; bottom: number; words: string }[] {
  const part = partsOf(shape, nobody, false).find(({ kind }) => kind === 'text')
  if (part?.kind !== 'text') return []
  return part.lines.map(({ words, x, y }) => {
    const half = measure(words, part.size) / 2
    const top = shape.y + y - part.size * 0.98
    return { words, left: shape.x + x - half, right: shape.x + x + half, top, bottom: top + part.size * LINE_HEIGHT }
  })
}

test('no words stick out of their shape', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const shape = fitted(odd(seed))
    const polygon = outline(shape)
    for (const line of lines(shape).filter(({ words }) => words.trim() !== '')) {
      for (const x of [line.left, line.right]) {
        // Where letters are, which is not all of the line's height.
        for (const y of [line.top + 4, line.bottom - 4]) {
          expect(inside({ x, y }, polygon), `seed ${seed}: ${shape.type} ${shape.w}x${shape.h} ${JSON.stringify(line)}`).toBe(true)
        }
      }
    }
  }
})

test('what fits is left as it was made, and what grew is written as it was made', () => {
  const small = readShape('a', { type: 'note', w: 200, h: 200, text: 'short' })!
  expect(fitted(small)).toEqual(small)
  for (let seed = 1; seed <= 100; seed++) {
    const made = odd(seed)
    const shown = fitted(made)
    expect(asPlain(shown)).toEqual(asPlain(made))
    expect(fitted(shown)).toEqual(shown)
  }
})

test('a handle pulls no shape smaller than its words, and the other side stays', () => {
  const note = fitted(readShape('a', { type: 'note', x: 0, y: 0, w: 200, h: 200, text: 'so many words that they need about as much room as there is in a note '.repeat(2) })!)
  const top = fitted(resized(note, { hx: 0, hy: -1 }, { x: 100, y: note.h }, { keepAspect: false, fromMiddle: false }))
  expect(top.y + top.h).toBeCloseTo(note.y + note.h)
  const corner = fitted(resized(note, { hx: 1, hy: 1 }, { x: 120, y: 20 }, { keepAspect: false, fromMiddle: false }))
  expect([corner.x, corner.y, corner.w]).toEqual([0, 0, 120])
  expect(lines(corner).at(-1)!.bottom).toBeLessThanOrEqual(corner.y + corner.h)
  // A side alone: narrower is taller, and wide again is as it was.
  const narrow = fitted(resized(note, { hx: 1, hy: 0 }, { x: 100, y: 0 }, { keepAspect: false, fromMiddle: false }))
  expect(narrow.h).toBeGreaterThan(note.h)
  const wide = fitted(resized(narrow, { hx: 1, hy: 0 }, { x: 600, y: 0 }, { keepAspect: false, fromMiddle: false }))
  expect([wide.w, wide.h]).toEqual([600, 200])
})

test('a shape follows words of others, and the document keeps its size', () => {
  const doc = new Y.Doc()
  const store = new BoardStore(doc)
  store.add([readShape('n', { type: 'note', w: 200, h: 200, text: 'hello' })!, readShape('t', { type: 'text', text: 'hello', w: 50, h: 26 })!])
  const other = new Y.Doc()
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
  const shapes = other.getMap('board').get('shapes') as Y.Map<Y.Map<unknown>>
  for (const id of ['n', 't']) (shapes.get(id)!.get('text') as Y.Text).insert(5, ' there, with many more words than before'.repeat(8))
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
  expect(store.get('n')!.h).toBeGreaterThan(300)
  expect(store.get('t')!.w).toBeGreaterThan(1000)
  const map = (doc.getMap('board').get('shapes') as Y.Map<Y.Map<unknown>>).get('n')!
  expect(map.get('h')).toBe(200)
  // Moving it writes no size, and a picture of it has all of the words.
  store.update(new Map([['n', { x: 5 }]]))
  expect(map.get('h')).toBe(200)
  expect(toSvg(store.shapes, nobody, false)).toContain(`H${store.get('n')!.w - 4}`)
  ;(map.get('text') as Y.Text).delete(5, 500)
  expect(store.get('n')!.h).toBe(200)
})

test.each(['S', 'M', 'L', 'XL'] as FontSize[])('a single letter of size %s has room in a shape of nothing', (fontSize) => {
  for (const type of ['rectangle', 'ellipse', 'diamond', 'note']) {
    const shape = fitted(readShape('a', { type, w: 1, h: 1, fontSize, text: 'M' })!)
    expect(Math.min(shape.w, shape.h)).toBeGreaterThan(FONT_SIZES[fontSize])
  }
})
