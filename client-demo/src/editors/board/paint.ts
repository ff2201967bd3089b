/** Shapes onto a canvas. */

import { boundsOf, boxAround, grown, overlaps, union } from './geometry'
import { labelOf, pathPoints, type Lookup } from './linear'
import { FONT } from './layout'
import { isPlaced, partsOf, type Part } from './parts'
import { FONT_SIZES, FRAME_NAME, isLinear, STROKE_WIDTHS, type Box, type Shape } from './shapes'

interface Painted {
  shape: Shape
  dark: boolean
  parts: Part[]
  paths: (Path2D | null)[]
}

/** By id: a shape that is dragged is a new object in every frame, and looks the same. */
const painted = new Map<string, Painted>()
const MOST_PAINTED = 20_000
/** What of a shape decides how it looks, its place and rotation aside. */
const LOOKS = ['type', 'w', 'h', 'points', 'text', 'stroke', 'fill', 'width', 'dash', 'fontSize', 'src', 'route', 'bend'] as const
const pictures = new Map<string, HTMLImageElement>()

/** Pictures load on their own time; whoever paints wants to know when to do it again. */
export type OnPicture = () => void

/** Where a shape is drawn, arrows that stick included. */
export function shownBounds(shape: Shape, lookup: Lookup): Box {
  if (isLinear(shape)) {
    const path = pathPoints(shape, lookup)
    const box = grown(boxAround(path), STROKE_WIDTHS[shape.width] * 3)
    const label = labelOf(shape, path)
    return label === null ? box : (union([box, label.box]) ?? box)
  }
  if (shape.type === 'frame') {
    const { x, y, w, h } = grown(shape, 1)
    return { x, y: y - FRAME_NAME, w: Math.max(w, 4 * FONT_SIZES.S), h: h + FRAME_NAME }
  }
  return grown(boundsOf(shape), shape.type === 'text' ? 0 : STROKE_WIDTHS[shape.width])
}

/** Paint those of `shapes` that are in `view`. The context is in board units. */
export function paint(
  context: CanvasRenderingContext2D,
  shapes: Iterable<Shape>,
  options: {
    view: Box
    zoom: number
    dark: boolean
    lookup: Lookup
    onPicture: OnPicture
    /** Where shapes are, if that has been found out already. */
    places?: ReadonlyMap<string, Box>
  },
): void {
  for (const shape of shapes) {
    const place = options.places?.get(shape.id) ?? shownBounds(shape, options.lookup)
    if (!overlaps(place, options.view)) continue
    paintShape(context, shape, options)
  }
}

function paintShape(
  context: CanvasRenderingContext2D,
  shape: Shape,
  { view, zoom, dark, lookup, onPicture }: { view: Box; zoom: number; dark: boolean; lookup: Lookup; onPicture: OnPicture },
): void {
  const { parts, paths } = prepare(shape, lookup, dark)
  context.save()
  if (isPlaced(shape)) {
    context.translate(shape.x, shape.y)
    if (shape.rotation !== 0) {
      context.translate(shape.w / 2, shape.h / 2)
      context.rotate(shape.rotation)
      context.translate(-shape.w / 2, -shape.h / 2)
    }
  }
  context.globalAlpha = shape.opacity
  parts.forEach((part, i) => {
    const path = paths[i]
    if (part.kind === 'path' && path) {
      if (part.fill !== null) {
        context.fillStyle = part.fill
        context.fill(path)
      }
      if (part.stroke !== null) {
        context.strokeStyle = part.stroke
        context.lineWidth = part.width
        context.lineCap = context.lineJoin = 'round'
        context.setLineDash(part.dash)
        context.stroke(path)
      }
    } else if (part.kind === 'text') {
      // Nobody reads letters of two pixels; a board seen from far away has thousands of them.
      if (FONT_SIZES[shape.fontSize] * zoom < 3) return
      context.font = `500 ${part.size}px ${FONT}`
      context.fillStyle = part.colour
      context.textAlign = part.align
      // A text of thousands of lines is seen a screen at a time.
      const [top, bottom] = shape.rotation === 0 && isPlaced(shape) ? [view.y - shape.y - part.size, view.y + view.h - shape.y + 2 * part.size] : [-Infinity, Infinity]
      for (const { words, x, y } of part.lines) if (y >= top && y <= bottom) context.fillText(words, x, y)
    } else if (part.kind === 'image') {
      const picture = pictureOf(part.src, onPicture)
      if (picture.complete && picture.naturalWidth > 0) context.drawImage(picture, 0, 0, part.w, part.h)
    }
  })
  context.restore()
}

function prepare(shape: Shape, lookup: Lookup, dark: boolean): Painted {
  const known = painted.get(shape.id)
  if (known !== undefined && known.dark === dark && known.shape !== shape && looksLike(known.shape, shape)) known.shape = shape
  if (known !== undefined && known.dark === dark && known.shape === shape) return known
  const parts = partsOf(shape, lookup, dark)
  const fresh = { shape, dark, parts, paths: parts.map((part) => (part.kind === 'path' ? new Path2D(part.d) : null)) }
  // An arrow that sticks looks different when something else moves: it is made anew every time.
  if (shape.from !== null || shape.to !== null) return fresh
  if (painted.size >= MOST_PAINTED) painted.clear()
  painted.set(shape.id, fresh)
  return fresh
}

function looksLike(a: Shape, b: Shape): boolean {
  // The parts of a line lie where it lies.
  return LOOKS.every((key) => a[key] === b[key]) && (isPlaced(a) || (a.x === b.x && a.y === b.y && b.from === null && b.to === null))
}

function pictureOf(src: string, onPicture: OnPicture): HTMLImageElement {
  let picture = pictures.get(src)
  if (picture === undefined) {
    picture = new Image()
    picture.addEventListener('load', onPicture)
    picture.src = src
    pictures.set(src, picture)
  }
  return picture
}

/** Forget what was prepared with fonts that were not there yet. */
export function forgetPainted(): void {
  painted.clear()
}
