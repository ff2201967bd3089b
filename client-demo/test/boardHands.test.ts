/** The board's pure parts against many made-up cases: order, colours, lines of text, resizing, snapping. */

import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { toSvg } from '../src/editors/board/export'
import { boxAround, corners, distanceToEdge, inside, outline, union } from '../src/editors/board/geometry'
import { bendPoint, bentTo, labelOf, linearPoints, pathPoints } from '../src/editors/board/linear'
import { grouped, unitsOf, whole } from '../src/editors/board/groups'
import { withContents } from '../src/editors/board/frames'
import { shapeAt } from '../src/editors/board/hit'
import { elbow, outsideOf, wayBetween } from '../src/editors/board/routes'
import { asPlain, inkOf, letterColour, PALETTE, paperColour, readShape, strokeColour, fillColour, type Shape } from '../src/editors/board/shapes'
import { snapBox } from '../src/editors/board/snap'
import { BoardStore } from '../src/editors/board/store'
import { copiesOf, moved, resized, scaled, turned } from '../src/editors/board/transform'

const nobody = (): undefined => undefined
const CASES = 300

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

function made(random: () => number, id = 'a'): Shape {
  const between = (least: number, most: number): number => least + random() * (most - least)
  const read = readShape(id, {
    type: ['rectangle', 'ellipse', 'diamond', 'note', 'image'][Math.floor(random() * 5)],
    x: between(-500, 500), y: between(-500, 500), w: between(5, 300), h: between(5, 300), rotation: random() < 0.5 ? 0 : between(-3, 3),
  })
  if (read === null) throw new Error('not a shape')
  return read
}

test('the side across from a handle stays where it is, whatever is turned and wherever it is pulled', () => {
  const random = seeded(7)
  for (let i = 0; i < CASES; i++) {
    const before = made(random)
    const [hx, hy] = ([[1, 1], [1, 0], [0, 1], [-1, -1], [-1, 0], [0, -1], [1, -1], [-1, 1]] as const)[i % 8]!
    const pointer = { x: random() * 1000 - 500, y: random() * 1000 - 500 }
    const after = resized(before, { hx, hy }, pointer, { keepAspect: false, fromMiddle: false })
    expect(after.w).toBeGreaterThanOrEqual(1)
    expect(after.h).toBeGreaterThanOrEqual(1)
    // The corner across is a corner of the new box, too, even when it was pulled over to the other side.
    const [cx, cy] = [hx === 0 ? 1 : -hx, hy === 0 ? 1 : -hy]
    const fixed = corners(before)[(cy < 0 ? 0 : 2) + (cy < 0 ? (cx < 0 ? 0 : 1) : cx > 0 ? 0 : 1)]!
    const nearest = Math.min(...corners(after).map((corner) => Math.hypot(corner.x - fixed.x, corner.y - fixed.y)))
    // Boxes are never smaller than one unit; that much may be off.
    expect(nearest, JSON.stringify({ before, hx, hy, pointer })).toBeLessThan(1.01)
  }
})

test('a turn and the turn back are nothing', () => {
  const random = seeded(8)
  for (let i = 0; i < CASES; i++) {
    const before = made(random)
    const around = { x: random() * 400, y: random() * 400 }
    const angle = random() * 6 - 3
    const after = turned(turned(before, around, angle), around, -angle)
    expect(after.x).toBeCloseTo(before.x, 6)
    expect(after.y).toBeCloseTo(before.y, 6)
    expect(Math.cos(after.rotation - before.rotation)).toBeCloseTo(1, 6)
  }
})

test('what is scaled with its box lies in the new box', () => {
  const random = seeded(9)
  for (let i = 0; i < CASES; i++) {
    const shapes = Array.from({ length: 4 }, (_, n) => ({ ...made(random, String(n)), rotation: 0 }))
    const before = union(shapes)!
    const after = { x: random() * 100, y: random() * 100, w: 50 + random() * 500, h: 50 + random() * 500 }
    const around = union(shapes.map((shape) => scaled(shape, before, after)))!
    for (const key of ['x', 'y', 'w', 'h'] as const) expect(around[key]).toBeCloseTo(after[key], 0)
  }
})

test('a snap is never farther than its reach, and ends on a line that is there', () => {
  const random = seeded(10)
  for (let i = 0; i < CASES; i++) {
    const box = made(random)
    const others = [made(random), made(random), made(random)]
    const { dx, dy, guides } = snapBox(box, others, 6)
    expect(Math.max(Math.abs(dx), Math.abs(dy))).toBeLessThanOrEqual(6)
    const lines = others.flatMap(({ x, w }) => [x, x + w / 2, x + w])
    const upright = guides.find((guide) => guide.x1 === guide.x2)
    if (upright === undefined) expect(dx).toBe(0)
    else expect([0, 0.5, 1].some((part) => lines.some((line) => Math.abs(box.x + dx + box.w * part - line) < 1e-9))).toBe(true)
  }
})

test('an arrow ends outside of what it points at, at its edge, wherever that goes', () => {
  const random = seeded(11)
  for (let i = 0; i < CASES; i++) {
    const target = { ...made(random, 'target'), x: 1000 + random() * 500 }
    const arrow = readShape('arrow', { type: 'arrow', x: 0, y: 0, points: [[0, 0], [1, 1]], to: 'target' })!
    const [start, end] = linearPoints(arrow, () => target)
    expect(start).toEqual({ x: 0, y: 0 })
    const around = boxAround(corners(target))
    expect(end!.x).toBeGreaterThan(around.x - 7)
    expect(end!.x).toBeLessThan(around.x + around.w + 7)
  }
})

test('copies stick to copies, and to nothing else', () => {
  const [a, b] = [made(seeded(1), 'a'), made(seeded(2), 'b')]
  const arrow = readShape('c', { type: 'arrow', points: [[0, 0], [9, 9]], from: 'a', to: 'b', locked: true })!
  const [copy, link] = copiesOf([a, arrow])
  expect(link).toMatchObject({ from: { id: copy!.id }, to: null, locked: false })
  expect(new Set([a.id, b.id, arrow.id]).has(copy!.id)).toBe(false)
  expect(moved(a, 3, 4)).toMatchObject({ x: a.x + 3, y: a.y + 4 })
})

// -- order ------------------------------------------------------------------------------------------

test('whatever is restacked, the order is what a list would have', () => {
  const random = seeded(12)
  const store = new BoardStore(new Y.Doc())
  store.add(Array.from({ length: 8 }, (_, i) => made(random, `s${i}`)))
  const order = (): string[] => store.shapes.map(({ id }) => id)
  for (let i = 0; i < 200; i++) {
    const before = order()
    const ids = new Set(before.filter(() => random() < 0.3))
    const moving = before.filter((id) => ids.has(id))
    if (moving.length === 0) continue
    const rest = before.filter((id) => !ids.has(id))
    const to = (['top', 'bottom', 'up', 'down'] as const)[i % 4]!
    const under = (id: string): number => rest.filter((other) => before.indexOf(other) < before.indexOf(id)).length
    const at = { top: rest.length, bottom: 0, up: under(moving.at(-1)!) + 1, down: under(moving[0]!) - 1 }[to]
    store.restack(ids, to)
    const unchanged = at > rest.length || at < 0
    expect(order(), `${to} ${moving.join()} in ${before.join()}`).toEqual(unchanged ? before : [...rest.slice(0, at), ...moving, ...rest.slice(at)])
  }
})

test('one step up goes past what counts', () => {
  const store = new BoardStore(new Y.Doc())
  store.add(['a', 'b', 'c', 'd'].map((id) => made(seeded(1), id)))
  store.restack(new Set(['a']), 'up', ({ id }) => id === 'c')
  expect(store.shapes.map(({ id }) => id)).toEqual(['b', 'c', 'a', 'd'])
  store.restack(new Set(['a']), 'down', ({ id }) => id === 'b')
  expect(store.shapes.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
})

// -- what a script wrote ----------------------------------------------------------------------------

test('undo of an edit to plain JSON takes back the edit, not what others did to the shape', () => {
  const [a, b] = [new Y.Doc(), new Y.Doc()]
  const [ann, ben] = [new BoardStore(a), new BoardStore(b)]
  const exchange = (): void => {
    Y.applyUpdate(a, Y.encodeStateAsUpdate(b))
    Y.applyUpdate(b, Y.encodeStateAsUpdate(a))
  }
  const shapes = new Y.Map<unknown>()
  a.getMap('board').set('shapes', shapes)
  shapes.set('s', { type: 'note', x: 1, y: 2, text: 'plain' })
  exchange()
  ann.update(new Map([['s', { y: 20 }]]))
  exchange()
  ben.update(new Map([['s', { x: 10 }]]))
  ben.textOf('s')?.insert(5, ' words')
  exchange()
  ann.undo.undo()
  expect(ann.get('s')).toMatchObject({ x: 10, y: 2, text: 'plain words' })
})

// -- colours and letters ----------------------------------------------------------------------------

function luminance(colour: string): number {
  const channels = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * channels[0]! + 0.7152 * channels[1]! + 0.0722 * channels[2]!
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a) + 0.05, luminance(b) + 0.05].sort((x, y) => x - y)
  return light! / dark!
}

test.each([[false, '#fbfbfc'], [true, '#17181c']])('strokes and letters can be seen and read (dark: %s)', (dark, board) => {
  for (const name of Object.keys(PALETTE)) {
    expect(contrast(strokeColour(name, dark), board), `${name} stroke`).toBeGreaterThanOrEqual(3)
    expect(contrast(letterColour(name, dark), board), `${name} letters`).toBeGreaterThanOrEqual(4.49)
    expect(contrast(letterColour(name, dark), fillColour(name, dark)), `${name} on ${name}`).toBeGreaterThanOrEqual(4.49)
    expect(contrast(letterColour('ink', dark), fillColour(name, dark)), `ink on ${name}`).toBeGreaterThanOrEqual(4.5)
  }
})

test.each([false, true])('notes are light paper in both themes, with letters that can be read (dark: %s)', (dark) => {
  for (const name of ['none', ...Object.keys(PALETTE), '#f4f0d0', '#203040', '#2a6fdb', '#808080']) {
    const paper = paperColour(name, dark)
    const scripted = name.startsWith('#')
    // A script may have chosen a paper of the middle, on which neither ink is strong.
    expect(contrast(inkOf({ type: 'note', stroke: 'ink', fill: name }, dark), paper), name).toBeGreaterThanOrEqual(scripted ? 3.6 : 4.5)
    if (!scripted) expect(luminance(paper), name).toBeGreaterThan(0.5)
  }
})

test('names that every object has are no colours', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    expect(readShape('x', { type: 'note', stroke: name, fill: name })).toMatchObject({ stroke: 'ink', fill: 'yellow' })
  }
})

test('an SVG is XML, whatever a text holds', () => {
  const all = Array.from({ length: 160 }, (_, code) => String.fromCharCode(code)).join('')
  const shape = readShape('x', { type: 'text', text: `${all}\ud800 \udfff\ufffe]]>` })!
  const svg = toSvg([shape], nobody, false)
  expect(svg).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
  expect(!/\p{Surrogate}/u.test(svg)).toBe(true)
  expect(svg.replace(/&(amp|lt|gt|quot);/g, '')).not.toContain('&')
})

// -- the way of arrows ------------------------------------------------------------------------------

const ROUTES = ['straight', 'curved', 'elbow'] as const

test('however an arrow goes, it begins and ends outside of what it sticks to, at its edge', () => {
  const random = seeded(21)
  for (let i = 0; i < CASES; i++) {
    const [a, b] = [{ ...made(random, 'a') }, { ...made(random, 'b') }]
    b.x += 1600
    const shapes = new Map([['a', a], ['b', b]])
    const arrow = readShape('x', {
      type: 'arrow', points: [[0, 0], [1, 1]], from: 'a', to: 'b', route: ROUTES[i % 3], ...(i % 2 === 0 && { bend: random() - 0.5 }),
    })!
    const path = pathPoints(arrow, (id) => shapes.get(id))
    for (const [at, shape] of [[path[0]!, a], [path.at(-1)!, b]] as const) {
      expect(inside(at, outline(shape)), JSON.stringify({ i, at, shape })).toBe(false)
      expect(distanceToEdge(at, outline(shape))).toBeLessThan(6.01)
    }
  }
})

test('an elbow goes along the axes only', () => {
  const random = seeded(22)
  for (let i = 0; i < CASES; i++) {
    const [a, b] = [{ x: random() * 400, y: random() * 400 }, { x: random() * 400, y: random() * 400 }]
    const way = wayBetween({ ...a, w: 0, h: 0 }, { ...b, w: 0, h: 0 })
    const corners = elbow(a, b, way.axis, random() - 0.5)
    for (let at = 1; at < corners.length && corners.length > 2; at++) {
      const [p, q] = [corners[at - 1]!, corners[at]!]
      expect(p.x === q.x || p.y === q.y).toBe(true)
    }
    expect([corners[0], corners.at(-1)]).toEqual([a, b])
  }
})

test('a line that is pulled goes through where it was pulled to, as near as a curve can', () => {
  const random = seeded(23)
  for (let i = 0; i < CASES; i++) {
    const line = readShape('x', { type: 'line', points: [[0, 0], [200 + random() * 100, random() * 100]], route: 'curved' })!
    const [end] = line.points.slice(-1)
    const length = Math.hypot(end![0]!, end![1]!)
    const off = (random() - 0.5) * length
    if (Math.abs(off) < length * 0.05) continue
    const at = { x: end![0]! / 2 - (end![1]! / length) * off, y: end![1]! / 2 + (end![0]! / length) * off }
    const bent = bentTo(line, nobody, at)
    const middle = bendPoint(bent, nobody)!
    expect(Math.hypot(middle.x - at.x, middle.y - at.y)).toBeLessThan(1)
  }
})

test('a label lies in a gap of its line, and the line is whole beside it', () => {
  for (const route of ROUTES) {
    const line = readShape('x', { type: 'arrow', points: [[0, 0], [400, 200]], route, text: 'label' })!
    const path = pathPoints(line, nobody)
    const { box } = labelOf(line, path)!
    const pieces = outsideOf(path, box)
    expect(pieces).toHaveLength(2)
    expect([pieces[0]![0], pieces[1]!.at(-1)]).toEqual([path[0], path.at(-1)])
    for (const piece of pieces) for (const { x, y } of piece) {
      expect(x > box.x + 0.01 && x < box.x + box.w - 0.01 && y > box.y + 0.01 && y < box.y + box.h - 0.01, `${route}: ${x}, ${y}`).toBe(false)
    }
    expect(toSvg([line], nobody, false)).toContain('>label<')
  }
})

test('straight, as every arrow was before, is not written; what was bent is written as it is', () => {
  const straight = readShape('x', { type: 'arrow', points: [[0, 0], [9, 9]] })!
  expect(Object.keys(asPlain(straight))).not.toContain('route')
  expect(Object.keys(asPlain(straight))).not.toContain('bend')
  const store = new BoardStore(new Y.Doc())
  store.add([{ ...straight, route: 'curved' }])
  store.update(new Map([['x', { bend: 0.137 }]]))
  expect(store.get('x')).toMatchObject({ route: 'curved', bend: 0.137 })
  store.update(new Map([['x', { bend: null }]]))
  expect(store.get('x')?.bend).toBeNull()
})

// -- groups -----------------------------------------------------------------------------------------

function member(id: string, groups: string[] = []): Shape {
  return { ...made(seeded(3), id), groups }
}

test('who selects one of a group selects all of it, and within a group what is in that', () => {
  const shapes = [member('a', ['in', 'out']), member('b', ['in', 'out']), member('c', ['out']), member('d')]
  expect(whole(['a'], shapes, null)).toEqual(['a', 'b', 'c'])
  expect(whole(['d'], shapes, null)).toEqual(['d'])
  expect(whole(['c'], shapes, 'out')).toEqual(['c'])
  expect(whole(['b'], shapes, 'out')).toEqual(['a', 'b'])
  expect(whole(['b'], shapes, 'in')).toEqual(['b'])
  expect(unitsOf(shapes, null).map((unit) => unit.map(({ id }) => id))).toEqual([['a', 'b', 'c'], ['d']])
  expect(grouped(shapes[2]!, 'new', null)).toEqual(['out', 'new'])
  expect(grouped(shapes[2]!, 'new', 'out')).toEqual(['new', 'out'])
})

test('copies are in groups of their own', () => {
  const shapes = [member('a', ['g', 'h']), member('b', ['g', 'h']), member('c', ['h', 'alone'])]
  const [a, b, c] = copiesOf(shapes)
  expect(a!.groups).toEqual(b!.groups)
  expect(a!.groups).toHaveLength(2)
  expect(c!.groups).toEqual([a!.groups[1]])
  expect(a!.groups).not.toContain('g')
  // One of a group is no group.
  expect(copiesOf(shapes.slice(0, 1))[0]!.groups).toEqual([])
})

test('two people who group the same shape at the same time see the same groups', () => {
  const [a, b] = [new Y.Doc(), new Y.Doc()]
  const [ann, ben] = [new BoardStore(a), new BoardStore(b)]
  const exchange = (): void => {
    Y.applyUpdate(a, Y.encodeStateAsUpdate(b))
    Y.applyUpdate(b, Y.encodeStateAsUpdate(a))
  }
  ann.add(['1', '2', '3'].map((id) => member(id)))
  ann.step()
  exchange()
  ann.update(new Map(['1', '2'].map((id) => [id, { groups: ['of-ann'] }])))
  ben.update(new Map(['2', '3'].map((id) => [id, { groups: ['of-ben'] }])))
  exchange()
  const groups = (store: BoardStore): string[][] => ['1', '2', '3'].map((id) => store.get(id)!.groups)
  expect(groups(ann)).toEqual(groups(ben))
  expect(groups(ann)[0]).toEqual(['of-ann'])
  expect(groups(ann)[2]).toEqual(['of-ben'])
  // Undo takes back one's own only.
  ann.undo.undo()
  exchange()
  expect(ben.get('3')!.groups).toEqual(['of-ben'])
  expect(ben.get('1')!.groups).toEqual([])
})

test('whatever a script wrote as groups, it is a list of names', () => {
  for (const odd of [null, 7, 'g', {}, [1, null, '', [], 'g', 'g'], 'x'.repeat(300)]) {
    const read = readShape('x', { type: 'note', groups: odd })!
    expect(read.groups).toEqual(Array.isArray(odd) ? ['g'] : [])
  }
})

// -- frames -----------------------------------------------------------------------------------------

test('a frame takes what lies wholly within it, and lies under everything', () => {
  const store = new BoardStore(new Y.Doc())
  const at = (id: string, type: string, x: number, y: number, w: number, more: object = {}): Shape =>
    readShape(id, { type, x, y, w, h: w, ...more })!
  store.add([at('in', 'note', 10, 10, 20), at('across', 'note', 90, 10, 20), at('still', 'note', 50, 50, 10, { locked: true })])
  store.add([at('frame', 'frame', 0, 0, 100), at('inner', 'frame', 40, 40, 40)])
  expect(store.shapes.map(({ id }) => id)).toEqual(['frame', 'inner', 'in', 'across', 'still'])
  const taken = withContents([store.get('frame')!], store.shapes, (shape) => shape)
  expect(taken.map(({ id }) => id)).toEqual(['frame', 'inner', 'in'])
  // The inside of a frame is free.
  expect(shapeAt({ x: 60, y: 20 }, store.shapes, nobody, 4)).toBeNull()
  expect(shapeAt({ x: 1, y: 20 }, store.shapes, nobody, 4)?.id).toBe('frame')
})
