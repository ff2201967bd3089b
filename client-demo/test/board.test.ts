/** The board without a screen: order, geometry, and what a document may hold. */

import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { toSvg } from '../src/editors/board/export'
import { indexBetween, indicesBetween } from '../src/editors/board/fractional'
import { centre, corners, distance } from '../src/editors/board/geometry'
import { shapeAt, shapesIn } from '../src/editors/board/hit'
import { bindingAt, linearPoints } from '../src/editors/board/linear'
import { asPlain, readShape, type Shape } from '../src/editors/board/shapes'
import { snapBox } from '../src/editors/board/snap'
import { BOARD_ORIGIN, BoardStore } from '../src/editors/board/store'
import { resized, scaled, turned } from '../src/editors/board/transform'

function shape(fields: object, id = 'a'): Shape {
  const read = readShape(id, { type: 'rectangle', x: 0, y: 0, w: 100, h: 50, ...fields })
  if (read === null) throw new Error('not a shape')
  return read
}

const nobody = (): undefined => undefined

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

// -- order ------------------------------------------------------------------------------------------

test('an index lies between its neighbours, however often', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed)
    const list: string[] = []
    for (let i = 0; i < 200; i++) {
      const at = Math.floor(random() * (list.length + 1))
      const index = indexBetween(list[at - 1] ?? null, list[at] ?? null, random)
      list.splice(at, 0, index)
    }
    expect([...list].sort()).toEqual(list)
    expect(new Set(list).size).toBe(list.length)
  }
})

test('shapes drawn one after the other keep short indices', () => {
  const indices = indicesBetween(null, null, 5000)
  expect([...indices].sort()).toEqual(indices)
  expect(Math.max(...indices.map((index) => index.length))).toBeLessThan(300)
})

test('whatever a script wrote as an index, there is one above it', () => {
  for (const odd of ['', 'a0', 'zzz', '~', 'ä!', '0']) expect(indexBetween(odd, null).length).toBeGreaterThan(0)
  expect(indexBetween('a', 'a0')).toBeTypeOf('string')
})

// -- geometry ---------------------------------------------------------------------------------------

test('resizing keeps the opposite corner where it is, turned or not', () => {
  for (const rotation of [0, 0.5, -2]) {
    const before = shape({ rotation, x: 10, y: 20 })
    const fixed = corners(before)[0]!
    const after = resized(before, { hx: 1, hy: 1 }, { x: 300, y: 250 }, { keepAspect: false, fromMiddle: false })
    const nearest = Math.min(...corners(after).map((corner) => distance(corner, fixed)))
    expect(nearest).toBeLessThan(1e-9)
  }
})

test('proportions and the middle are kept where asked for', () => {
  const before = shape({})
  const wide = resized(before, { hx: 1, hy: 1 }, { x: 400, y: 60 }, { keepAspect: true, fromMiddle: false })
  expect(wide.w / wide.h).toBeCloseTo(2)
  const grown = resized(before, { hx: 1, hy: 0 }, { x: 120, y: 25 }, { keepAspect: false, fromMiddle: true })
  expect(centre(grown)).toEqual(centre(before))
  expect(grown.w).toBe(140)
})

test('pulled over the other side, a stroke is mirrored', () => {
  const stroke = shape({ type: 'pen', points: [[0, 0], [100, 50]] })
  const after = resized(stroke, { hx: 1, hy: 0 }, { x: -100, y: 25 }, { keepAspect: false, fromMiddle: false })
  expect(after.points).toEqual([[100, 0], [0, 50]])
  expect([after.x, after.w]).toEqual([-100, 100])
})

test('a full turn is no turn', () => {
  const before = shape({ x: 30, y: 40 })
  const after = turned(before, { x: 0, y: 0 }, 2 * Math.PI)
  expect(after.rotation).toBe(0)
  expect(after.x).toBeCloseTo(30)
  expect(after.y).toBeCloseTo(40)
})

test('a group scales as one', () => {
  const box = { x: 0, y: 0, w: 200, h: 100 }
  const after = scaled(shape({ x: 100, y: 50 }), box, { x: 0, y: 0, w: 400, h: 300 })
  expect([after.x, after.y, after.w, after.h]).toEqual([200, 150, 200, 150])
})

test('what is there is hit before what is around it', () => {
  const around = shape({ w: 400, h: 400 }, 'around')
  const inside = shape({ x: 100, y: 100, fill: 'blue' }, 'inside')
  const order = [inside, around]
  expect(shapeAt({ x: 120, y: 120 }, order, nobody, 4)?.id).toBe('inside')
  expect(shapeAt({ x: 300, y: 300 }, order, nobody, 4)?.id).toBe('around')
  expect(shapeAt({ x: 2, y: 200 }, order, nobody, 4)?.id).toBe('around')
  expect(shapeAt({ x: 500, y: 500 }, order, nobody, 4)).toBeNull()
})

test('a box selects what it touches, and not the empty shape that it lies in', () => {
  const around = shape({ w: 400, h: 400 }, 'around')
  const inside = shape({ x: 100, y: 100 }, 'inside')
  const found = shapesIn({ x: 90, y: 90, w: 50, h: 50 }, [around, inside], nobody)
  expect(found.map(({ id }) => id)).toEqual(['inside'])
})

test('arrows stop at the edge of what they stick to, and follow it', () => {
  const target = shape({ x: 200, y: 0, w: 100, h: 100 }, 'target')
  const arrow = shape({ type: 'arrow', points: [[0, 50], [250, 50]], to: bindingAt(target, { x: 250, y: 50 }) })
  const [, end] = linearPoints(arrow, () => target)
  expect(end?.y).toBeCloseTo(50)
  expect(end?.x).toBeLessThan(200)
  expect(end?.x).toBeGreaterThan(190)
  const [, later] = linearPoints(arrow, () => ({ ...target, y: 300 }))
  expect(later!.y).toBeGreaterThan(200)
  expect(linearPoints(arrow, nobody)).toEqual([{ x: 0, y: 50 }, { x: 250, y: 50 }])
})

test('snapping moves to the nearest line, and shows it', () => {
  const snap = snapBox({ x: 103, y: 500, w: 50, h: 50 }, [{ x: 100, y: 0, w: 80, h: 80 }], 6)
  expect(snap.dx).toBe(-3)
  expect(snap.dy).toBe(0)
  expect(snap.guides).toEqual([{ x1: 100, x2: 100, y1: 0, y2: 550 }])
  expect(snapBox({ x: 110, y: 500, w: 50, h: 50 }, [{ x: 0, y: 0, w: 20, h: 20 }], 6).guides).toEqual([])
})

// -- the document -----------------------------------------------------------------------------------

function exchange(a: Y.Doc, b: Y.Doc): void {
  Y.applyUpdate(a, Y.encodeStateAsUpdate(b))
  Y.applyUpdate(b, Y.encodeStateAsUpdate(a))
}

test('two people who draw first, at the same time, both keep what they drew', () => {
  const [a, b] = [new Y.Doc(), new Y.Doc()]
  const [ann, ben] = [new BoardStore(a), new BoardStore(b)]
  ann.add([shape({}, 'of-ann')])
  ben.add([shape({}, 'of-ben')])
  exchange(a, b)
  const ids = (store: BoardStore): string[] => store.shapes.map(({ id }) => id).sort()
  expect(ids(ann)).toEqual(['of-ann', 'of-ben'])
  expect(ids(ben)).toEqual(ids(ann))
})

test('undo takes back one’s own steps only', () => {
  const [a, b] = [new Y.Doc(), new Y.Doc()]
  const [ann, ben] = [new BoardStore(a), new BoardStore(b)]
  ann.add([shape({}, 's')])
  ann.step()
  exchange(a, b)
  ben.update(new Map([['s', { x: 77 }]]))
  exchange(a, b)
  ann.update(new Map([['s', { y: 33 }]]))
  ann.undo.undo()
  expect([ann.get('s')?.x, ann.get('s')?.y]).toEqual([77, 0])
})

test('two people type in the same note', () => {
  const [a, b] = [new Y.Doc(), new Y.Doc()]
  const [ann, ben] = [new BoardStore(a), new BoardStore(b)]
  ann.add([shape({ type: 'note', text: 'middle' }, 'n')])
  exchange(a, b)
  a.transact(() => ann.textOf('n')?.insert(0, 'start '), BOARD_ORIGIN)
  b.transact(() => ben.textOf('n')?.insert(6, ' end'), BOARD_ORIGIN)
  exchange(a, b)
  expect(ann.get('n')?.text).toBe('start middle end')
})

test('fields of others survive our edits', () => {
  const doc = new Y.Doc()
  const store = new BoardStore(doc)
  store.add([shape({}, 's')])
  const map = (doc.getMap('board').get('shapes') as Y.Map<Y.Map<unknown>>).get('s')
  map?.set('script', { of: 'somebody' })
  store.update(new Map([['s', { x: 5 }]]))
  expect(map?.get('script')).toEqual({ of: 'somebody' })
  expect(store.get('s')?.x).toBe(5)
})

test('shapes of a script, plain text and missing fields included', () => {
  const doc = new Y.Doc()
  const store = new BoardStore(doc)
  const shapes = new Y.Map<unknown>()
  const note = new Y.Map<unknown>([['type', 'note'], ['text', 'plain'], ['x', 10]])
  doc.getMap('board').set('shapes', shapes)
  shapes.set('n', note)
  expect(store.get('n')).toMatchObject({ type: 'note', text: 'plain', x: 10, y: 0, w: 200, h: 200, fill: 'yellow' })
  store.textOf('n')?.insert(5, ' and live')
  expect(store.get('n')?.text).toBe('plain and live')
})

test('a shape that a script wrote as plain JSON can be moved, and typed in', () => {
  const doc = new Y.Doc()
  const store = new BoardStore(doc)
  const shapes = new Y.Map<unknown>()
  doc.getMap('board').set('shapes', shapes)
  shapes.set('n', { type: 'note', text: 'plain', mine: 7 })
  store.update(new Map([['n', { x: 40 }]]))
  store.textOf('n')?.insert(5, '!')
  expect(store.get('n')).toMatchObject({ type: 'note', x: 40, text: 'plain!' })
  expect((shapes.get('n') as Y.Map<unknown>).get('mine')).toBe(7)
})

test.each([
  ['no type', {}],
  ['an unknown type', { type: 'video' }],
  ['a stroke without points', { type: 'pen' }],
  ['a line with one end', { type: 'line', points: [[0, 0]] }],
  ['points that are none', { type: 'arrow', points: 'x' }],
])('%s is not drawn', (_name, source) => {
  expect(readShape('x', source)).toBeNull()
})

test('whatever a field holds, what is read can be drawn', () => {
  const evil = [NaN, Infinity, -1e300, 'text', null, true, [], {}, new Uint8Array(3), '<script>', { id: 3 }, [[1]], 'javascript:alert(1)']
  const fields = Object.keys(shape({}))
  for (const field of fields) {
    if (field === 'type' || field === 'id') continue
    for (const value of evil) {
      const read = readShape('x', { type: 'rectangle', w: 10, h: 10, [field]: value })
      expect(read).not.toBeNull()
      for (const number of [read!.x, read!.y, read!.w, read!.h, read!.rotation, read!.opacity]) {
        expect(Number.isFinite(number), `${field} = ${String(value)}`).toBe(true)
      }
      expect(read!.stroke).toMatch(/^[a-z]+$|^#[0-9a-f]{6}$/i)
      expect(read!.src).toBe('')
    }
  }
})

test('plain JSON and back is the same shape', () => {
  const before = shape({ rotation: 1, stroke: 'red', fill: '#a0b1c2', text: 'words', opacity: 0.5, locked: true })
  expect(readShape('a', asPlain(before))).toEqual(before)
})

test('an exported picture holds nothing that runs', () => {
  const svg = toSvg(
    [shape({ stroke: '"><script>', fill: 'url(x)' }), shape({ type: 'image', src: 'data:image/svg+xml;base64,AAAA' }, 'b')],
    nobody,
    false,
  )
  expect(svg).not.toContain('script')
  expect(svg).not.toContain('url(')
  expect(svg).not.toContain('svg+xml')
})
