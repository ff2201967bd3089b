/** What a shape looks like, as paths, text and pictures: one description for the canvas and for SVG. */

import { getStroke } from 'perfect-freehand'

import { layout, LINE_HEIGHT, textRoom } from './layout'
import { labelOf, pathPoints, type Lookup } from './linear'
import { along, lengthOf, outsideOf } from './routes'
import {
  FONT_SIZES, FRAME_NAME, fillColour, inkOf, isLinear, paperColour, strokeColour, STROKE_WIDTHS,
  type Point, type Shape,
} from './shapes'

export type Part =
  | { kind: 'path'; d: string; fill: string | null; stroke: string | null; width: number; dash: number[] }
  | { kind: 'text'; lines: { words: string; x: number; y: number }[]; size: number; colour: string; align: 'left' | 'center' }
  | { kind: 'image'; src: string; w: number; h: number }

/** The parts of a shape, relative to its x, y and before its rotation. */
export function partsOf(shape: Shape, lookup: Lookup, dark: boolean): Part[] {
  const stroke = strokeColour(shape.stroke, dark)
  const width = STROKE_WIDTHS[shape.width]
  const fill = shape.fill === 'none' ? null : fillColour(shape.fill, dark)
  const dash = shape.dash === 'dashed' ? [width * 3, width * 2.4] : shape.dash === 'dotted' ? [0.1, width * 2] : []
  const box = (d: string): Part => ({ kind: 'path', d, fill, stroke: shape.stroke === 'none' ? null : stroke, width, dash })
  const { w, h } = shape
  switch (shape.type) {
    case 'pen':
      return [{ kind: 'path', d: penPath(shape.points, width), fill: stroke, stroke: null, width: 0, dash: [] }]
    case 'rectangle':
      return [box(roundedBox(w, h, Math.min(8, w / 4, h / 4))), ...textParts(shape, dark)]
    case 'ellipse':
      return [box(ellipse(w, h)), ...textParts(shape, dark)]
    case 'diamond':
      return [box(`M${w / 2} 0L${w} ${h / 2}L${w / 2} ${h}L0 ${h / 2}Z`), ...textParts(shape, dark)]
    case 'note':
      return [
        {
          kind: 'path',
          d: roundedBox(w, h, 4),
          fill: paperColour(shape.fill, dark),
          stroke: strokeColour(shape.fill === 'none' ? 'yellow' : shape.fill, false) + '55',
          width: 1,
          dash: [],
        },
        ...textParts(shape, dark),
      ]
    case 'text':
      return textParts(shape, dark)
    case 'frame':
      return [
        { kind: 'path', d: roundedBox(w, h, 4), fill: fill ?? (dark ? '#1e2025' : '#ffffff'), stroke: strokeColour('grey', dark) + '99', width: 1, dash: [] },
        ...frameName(shape, dark),
      ]
    case 'image':
      return shape.src === ''
        ? [{ kind: 'path', d: roundedBox(w, h, 4), fill: fillColour('grey', dark), stroke: null, width: 0, dash: [] }]
        : [{ kind: 'image', src: shape.src, w, h }]
    case 'arrow':
    case 'line':
      return linearParts(shape, pathPoints(shape, lookup), stroke, width, dash, dark)
  }
}

/** Whether x, y and rotation place the parts; those of arrows are placed by their points. */
export function isPlaced(shape: Shape): boolean {
  return !isLinear(shape)
}

function linearParts(shape: Shape, path: Point[], stroke: string, width: number, dash: number[], dark: boolean): Part[] {
  const label = labelOf(shape, path)
  const pieces = label === null ? [path] : outsideOf(path, label.box)
  const d = pieces.map((points) => points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${short(x)} ${short(y)}`).join('')).join('')
  const parts: Part[] = [{ kind: 'path', d, fill: null, stroke, width, dash }]
  const end = path[path.length - 1]
  if (shape.type === 'arrow' && end !== undefined && path.length > 1) {
    const whole = lengthOf(path)
    const length = Math.min(10 + width * 3, whole * 0.6)
    // The head points where the last of the way goes, also on a curve of many short lines.
    const before = along(path, whole - length)
    const angle = Math.atan2(end.y - before.y, end.x - before.x)
    const wing = (turn: number): string =>
      `${short(end.x - length * Math.cos(angle + turn))} ${short(end.y - length * Math.sin(angle + turn))}`
    parts.push({ kind: 'path', d: `M${wing(0.45)}L${short(end.x)} ${short(end.y)}L${wing(-0.45)}`, fill: null, stroke, width, dash: [] })
  }
  if (label !== null) {
    const size = FONT_SIZES[shape.fontSize]
    const { box } = label
    const lines = label.lines.map((words, i) => ({ words, x: box.x + box.w / 2, y: box.y + i * size * LINE_HEIGHT + size * 0.98 }))
    parts.push({ kind: 'text', lines, size, colour: inkOf(shape, dark), align: 'center' })
  }
  return parts
}

// -- pen --------------------------------------------------------------------------------------------

const penPaths = new WeakMap<number[][], { width: number; d: string }>()

/** The outline of a pen stroke. Strokes are the most costly of all shapes, and rarely change. */
export function penPath(points: number[][], width: number): string {
  const known = penPaths.get(points)
  if (known?.width === width) return known.d
  const first = points[0]
  const pressed = first !== undefined && first.length > 2
  const outline = getStroke(points, {
    size: width * 2,
    thinning: 0.55,
    smoothing: 0.6,
    streamline: 0.35,
    simulatePressure: !pressed,
    last: true,
  })
  const d = smooth(outline)
  penPaths.set(points, { width, d })
  return d
}

function smooth(points: number[][]): string {
  const first = points[0]
  if (first === undefined) return ''
  if (points.length < 4) return `${points.map(([x = 0, y = 0], i) => `${i === 0 ? 'M' : 'L'}${short(x)} ${short(y)}`).join('')}Z`
  let d = `M${short(first[0] ?? 0)} ${short(first[1] ?? 0)}Q`
  for (let i = 0; i < points.length; i++) {
    const [x = 0, y = 0] = points[i] ?? []
    const [nx = 0, ny = 0] = points[(i + 1) % points.length] ?? []
    d += `${short(x)} ${short(y)} ${short((x + nx) / 2)} ${short((y + ny) / 2)} `
  }
  return `${d}Z`
}

// -- text -------------------------------------------------------------------------------------------

/** The name of a frame, above it; as much of it as the frame is wide. */
function frameName(shape: Shape, dark: boolean): Part[] {
  const size = FONT_SIZES.S
  const [words = ''] = layout(shape.text.replaceAll('\n', ' '), size, Math.max(shape.w, size * 4))
  return words === '' ? [] : [{ kind: 'text', lines: [{ words, x: 0, y: size * 0.98 - FRAME_NAME }], size, colour: inkOf(shape, dark), align: 'left' }]
}

/** Text inside a shape: notes and free text from the left, everything else in the middle. */
function textParts(shape: Shape, dark: boolean): Part[] {
  if (shape.text === '') return []
  const size = FONT_SIZES[shape.fontSize]
  const step = size * LINE_HEIGHT
  if (shape.type === 'text') {
    const lines = layout(shape.text, size, Infinity).map((words, i) => ({ words, x: 2, y: i * step + size * 0.98 }))
    return [{ kind: 'text', lines, size, colour: inkOf(shape, dark), align: 'left' }]
  }
  const room = textRoom(shape)
  const words = layout(shape.text, size, Math.max(size, room.w))
  const top = shape.h / 2 - (words.length * step) / 2
  const lines = words.map((line, i) => ({ words: line, x: shape.w / 2, y: top + i * step + size * 0.98 }))
  return [{ kind: 'text', lines, size, colour: inkOf(shape, dark), align: 'center' }]
}

// -- paths ------------------------------------------------------------------------------------------

function roundedBox(w: number, h: number, r: number): string {
  return `M${r} 0H${w - r}A${r} ${r} 0 0 1 ${w} ${r}V${h - r}A${r} ${r} 0 0 1 ${w - r} ${h}H${r}A${r} ${r} 0 0 1 0 ${h - r}V${r}A${r} ${r} 0 0 1 ${r} 0Z`
}

function ellipse(w: number, h: number): string {
  const [rx, ry] = [w / 2, h / 2]
  return `M0 ${ry}A${rx} ${ry} 0 0 1 ${w} ${ry}A${rx} ${ry} 0 0 1 0 ${ry}Z`
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}
