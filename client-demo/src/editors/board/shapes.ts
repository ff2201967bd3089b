/** What a board is made of: the shapes, and how to read them from a document that anybody may have written. */

import * as Y from 'yjs'

export const TYPES = [
  'pen', 'rectangle', 'ellipse', 'diamond', 'arrow', 'line', 'note', 'text', 'image', 'frame',
] as const
export type ShapeType = (typeof TYPES)[number]

/** A place on the board. */
export interface Point {
  x: number
  y: number
}

/** A rectangle on the board. */
export interface Box extends Point {
  w: number
  h: number
}

/** An end of an arrow that sticks to a shape: where in its box, from 0 to 1. */
export interface Binding {
  id: string
  ax: number
  ay: number
}

export type Dash = 'solid' | 'dashed' | 'dotted'
export type Width = 'S' | 'M' | 'L'
export type FontSize = 'S' | 'M' | 'L' | 'XL'
/** The way of an arrow or a line between its ends. */
export type Route = 'straight' | 'curved' | 'elbow'

/** A shape, read and checked. Coordinates are board units; one is a pixel at 100 %. */
export interface Shape extends Box {
  id: string
  type: ShapeType
  /** Radians, around the middle. */
  rotation: number
  /** For pen, arrow and line: relative to x, y; the third number is pressure from 0 to 1. */
  points: number[][]
  text: string
  stroke: string
  fill: string
  width: Width
  dash: Dash
  opacity: number
  fontSize: FontSize
  from: Binding | null
  to: Binding | null
  route: Route
  /** Where the middle of a curve or of an elbow was pulled to; null is the usual place. See routes.ts. */
  bend: number | null
  /** A data: URL. */
  src: string
  locked: boolean
  /** The groups that it is in, from the innermost to the outermost; see groups.ts. */
  groups: string[]
  /** Orders shapes from bottom to top; see fractional.ts. */
  index: string
  /** The size that somebody gave it, where its words need more and `w`, `h` say so; not in the document. See layout.ts. */
  made: { w: number; h: number } | null
}

/** The part of a shape that tools set for the next one. */
export type Look = Pick<Shape, 'stroke' | 'fill' | 'width' | 'dash' | 'opacity' | 'fontSize' | 'route'>

export const FIRST_LOOK: Look = { stroke: 'ink', fill: 'none', width: 'M', dash: 'solid', opacity: 1, fontSize: 'M', route: 'straight' }

/** Eight colours by name; a board looks right in both themes. Scripts may also write `#rrggbb`. */
export const PALETTE: Readonly<Record<string, {
  /** Strokes: at least 3 to 1 against the board. */
  light: string
  dark: string
  /** Fills. */
  softLight: string
  softDark: string
  /** Letters in the light theme: at least 4.5 to 1 against the board and the fill of the same name; in the dark one strokes do. */
  letters: string
}>> = {
  ink: { light: '#1d1f27', dark: '#e9eaf0', softLight: '#e4e5eb', softDark: '#3a3d48', letters: '#1d1f27' },
  grey: { light: '#80848f', dark: '#989cab', softLight: '#f0f0f4', softDark: '#2d2f38', letters: '#696d78' },
  red: { light: '#d9363e', dark: '#ff7b7f', softLight: '#ffdcdd', softDark: '#582a2f', letters: '#c4252d' },
  orange: { light: '#e0701a', dark: '#ffa15c', softLight: '#ffe5cf', softDark: '#563721', letters: '#a55213' },
  yellow: { light: '#b78a00', dark: '#f5cd4c', softLight: '#fff1b8', softDark: '#514618', letters: '#896700' },
  green: { light: '#1d9a55', dark: '#5fd38d', softLight: '#d3f3df', softDark: '#1f4731', letters: '#177a43' },
  blue: { light: '#2a6fdb', dark: '#7fb0ff', softLight: '#dbe8ff', softDark: '#22385f', letters: '#2264cc' },
  violet: { light: '#7c4ddb', dark: '#b79bff', softLight: '#e9e0ff', softDark: '#3b2d60', letters: '#7645d9' },
}

export const STROKE_WIDTHS: Record<Width, number> = { S: 2, M: 3.5, L: 6 }
export const FONT_SIZES: Record<FontSize, number> = { S: 14, M: 20, L: 28, XL: 44 }
export const NOTE_SIZE = 200
/** What a frame's name takes above it. */
export const FRAME_NAME = 24
/** What keeps text off the edge of a shape. */
export const TEXT_PADDING = 12

const FARTHEST = 1e6
const MOST_POINTS = 20_000
const MOST_TEXT = 20_000
const MOST_GROUPS = 20
const MOST_IMAGE = 2_000_000

/** Strokes: the named colour as the theme shows it. */
export function strokeColour(name: string, dark: boolean): string {
  const colour = PALETTE[name]
  return colour === undefined ? name : dark ? colour.dark : colour.light
}

/** Letters are thinner than strokes, and so darker. */
export function letterColour(name: string, dark: boolean): string {
  const colour = PALETTE[name]
  return colour === undefined ? name : dark ? colour.dark : colour.letters
}

/** Notes are paper: light in both themes, a little dimmed in the dark one so that it does not glare. */
export function paperColour(name: string, dark: boolean): string {
  const colour = PALETTE[name] ?? (name === 'none' ? PALETTE['yellow'] : undefined)
  return colour === undefined ? name : dark ? dimmed(colour.softLight) : colour.softLight
}

/** Letters on paper: dark, or light where a script chose a dark paper. */
function paperInk(name: string): string {
  const ink = PALETTE['ink'] as (typeof PALETTE)[string]
  return PALETTE[name] === undefined && name !== 'none' && luminance(name) < 0.186 ? ink.dark : ink.light
}

/** The colour of the letters of a shape. */
export function inkOf(shape: Pick<Shape, 'type' | 'stroke' | 'fill'>, dark: boolean): string {
  if (shape.type === 'frame') return letterColour('grey', dark)
  return shape.type === 'note' ? paperInk(shape.fill) : letterColour(shape.stroke === 'none' ? 'ink' : shape.stroke, dark)
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
}

function dimmed(colour: string): string {
  return `#${channels(colour).map((value) => Math.round(value * 0.86).toString(16).padStart(2, '0')).join('')}`
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => (value / 255) ** 2.2)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Fills are softer than strokes. */
export function fillColour(name: string, dark: boolean): string {
  const colour = PALETTE[name]
  return colour === undefined ? name : dark ? colour.softDark : colour.softLight
}

/** Whether a shape is defined by its points and not by its box. */
export function isLinear(shape: Pick<Shape, 'type'>): boolean {
  return shape.type === 'arrow' || shape.type === 'line'
}

/** Whether text can be written into it. */
export function holdsText(shape: Pick<Shape, 'type'>): boolean {
  return ['rectangle', 'ellipse', 'diamond', 'note', 'text', 'arrow', 'line', 'frame'].includes(shape.type)
}

/**
 * Read a shape out of a map or out of plain JSON.
 * @returns null where it is nothing that can be drawn; unknown fields are ignored, and stay in the document.
 */
export function readShape(id: string, source: unknown): Shape | null {
  const get: (key: string) => unknown =
    source instanceof Y.Map
      ? (key) => source.get(key)
      : typeof source === 'object' && source !== null
        ? (key) => (source as Record<string, unknown>)[key]
        : () => undefined
  const type = get('type')
  if (!TYPES.includes(type as ShapeType)) return null
  const shape: Shape = {
    id,
    type: type as ShapeType,
    x: number(get('x'), 0, -FARTHEST, FARTHEST),
    y: number(get('y'), 0, -FARTHEST, FARTHEST),
    w: number(get('w'), 0, 0, FARTHEST),
    h: number(get('h'), 0, 0, FARTHEST),
    rotation: type === 'frame' ? 0 : number(get('rotation'), 0, -1e4, 1e4),
    points: points(get('points')),
    text: text(get('text')),
    stroke: colour(get('stroke'), 'ink'),
    fill: colour(get('fill'), type === 'note' ? 'yellow' : 'none'),
    width: oneOf(get('width'), ['S', 'M', 'L'], 'M'),
    dash: oneOf(get('dash'), ['solid', 'dashed', 'dotted'], 'solid'),
    opacity: number(get('opacity'), 1, 0.05, 1),
    fontSize: oneOf(get('fontSize'), ['S', 'M', 'L', 'XL'], 'M'),
    from: binding(get('from')),
    to: binding(get('to')),
    route: oneOf(get('route'), ['straight', 'curved', 'elbow'], 'straight'),
    bend: get('bend') === null || get('bend') === undefined ? null : number(get('bend'), 0, -2, 2),
    src: image(get('src')),
    locked: get('locked') === true,
    groups: groups(get('groups')),
    made: null,
    index: typeof get('index') === 'string' ? (get('index') as string).slice(0, 200) : 'a0',
  }
  if ((shape.type === 'pen' || isLinear(shape)) && shape.points.length === 0) return null
  if (isLinear(shape) && shape.points.length < 2) return null
  if (shape.type === 'note' && shape.w === 0) shape.w = shape.h = NOTE_SIZE
  return shape
}

/** What of a shape goes into the document: no defaults, no id. */
export function writeShape(shape: Shape): Y.Map<unknown> {
  const map = new Y.Map<unknown>()
  for (const [key, value] of Object.entries(asPlain(shape))) {
    map.set(key, key === 'text' ? new Y.Text(value as string) : value)
  }
  return map
}

/** The same as plain JSON: for the clipboard, and for showing others what is being drawn. */
export function asPlain(shape: Shape): Record<string, unknown> {
  const { id: _, made, ...shown } = shape
  const rest = { ...shown, ...made }
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(rest)) {
    const empty =
      value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0) || (key === 'rotation' && value === 0)
    if (!empty) plain[key] = value
  }
  if (shape.type === 'pen' || shape.type === 'image') {
    delete plain['fill']
    delete plain['fontSize']
  }
  if (!isLinear(shape) || shape.route === 'straight') delete plain['route']
  return plain
}

/** An id for a new shape. */
export function freshId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(36).padStart(2, '0')).join('').slice(0, 12)
}

/** Board units with a precision that is still sharp at 400 %. */
export function rounded(value: number): number {
  return Math.round(value * 4) / 4
}

function number(value: unknown, otherwise: number, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return otherwise
  return Math.min(most, Math.max(least, value))
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T {
  return allowed.includes(value as T) ? (value as T) : otherwise
}

function colour(value: unknown, otherwise: string): string {
  if (typeof value !== 'string') return otherwise
  if (value === 'none' || Object.hasOwn(PALETTE, value) || /^#[0-9a-f]{6}$/i.test(value)) return value
  return otherwise
}

function text(value: unknown): string {
  if (value instanceof Y.Text) return value.toString().slice(0, MOST_TEXT)
  return typeof value === 'string' ? value.slice(0, MOST_TEXT) : ''
}

function image(value: unknown): string {
  const fits = typeof value === 'string' && value.length <= MOST_IMAGE && /^data:image\/(png|jpeg|gif|webp);base64,/.test(value)
  return fits ? value : ''
}

function points(value: unknown): number[][] {
  const list: unknown = value instanceof Y.Array ? value.toArray() : value
  if (!Array.isArray(list)) return []
  const read: number[][] = []
  for (const point of list.slice(0, MOST_POINTS) as unknown[]) {
    if (!Array.isArray(point) || point.length < 2) continue
    const [x, y, pressure] = point as unknown[]
    const at = [number(x, 0, -FARTHEST, FARTHEST), number(y, 0, -FARTHEST, FARTHEST)]
    read.push(pressure === undefined ? at : [...at, number(pressure, 0.5, 0, 1)])
  }
  return read
}

function groups(value: unknown): string[] {
  const list: unknown = value instanceof Y.Array ? value.toArray() : value
  if (!Array.isArray(list)) return []
  const named = list.filter((group): group is string => typeof group === 'string' && group !== '' && group.length <= 100)
  return [...new Set(named)].slice(0, MOST_GROUPS)
}

function binding(value: unknown): Binding | null {
  if (typeof value === 'string' && value !== '') return { id: value, ax: 0.5, ay: 0.5 }
  if (typeof value !== 'object' || value === null) return null
  const { id, ax, ay } = value as Partial<Binding>
  return typeof id === 'string' ? { id, ax: number(ax, 0.5, 0, 1), ay: number(ay, 0.5, 0, 1) } : null
}
