/** What lies over the shapes: selections, handles, guides. Drawn in screen pixels. */

import { boxAround, centre, corners, distance, distanceToSegment, grown, overlaps, rotate, union } from './geometry'
import { bendPoint, pathPoints } from './linear'
import { isLinear, type Box, type Point, type Shape } from './shapes'
import type { Stage } from './stage'

/** Something of the selection that can be grabbed. */
export type Handle =
  | { kind: 'resize'; hx: number; hy: number; at: Point; cursor: string; /** A side, all of it. */ side?: [Point, Point] }
  | { kind: 'rotate'; at: Point; cursor: string }
  | { kind: 'bend'; shape: Shape; at: Point; cursor: string }
  | { kind: 'end'; end: 'from' | 'to'; shape: Shape; at: Point; cursor: string }

const REACH = 9
const ROTATE_ABOVE = 24
/** Smaller selections have no room for handles on their sides. */
const ROOM_FOR_SIDES = 40

/** The handles of the selection, in screen pixels. */
export function handlesOf(stage: Stage): Handle[] {
  const selected = stage.selected.filter((shape) => !shape.locked)
  const { camera } = stage
  const only = selected.length === 1 ? selected[0] : undefined
  if (selected.length === 0) return []
  if (only !== undefined && isLinear(only)) {
    const points = pathPoints(only, stage.lookup)
    const [first, last] = [points[0], points[points.length - 1]]
    if (first === undefined || last === undefined) return []
    const bend = bendPoint(only, stage.lookup)
    return [
      ...(bend === null ? [] : [{ kind: 'bend' as const, shape: only, at: camera.toScreen(bend), cursor: 'grab' }]),
      { kind: 'end', end: 'from', shape: only, at: camera.toScreen(first), cursor: 'grab' },
      { kind: 'end', end: 'to', shape: only, at: camera.toScreen(last), cursor: 'grab' },
    ]
  }
  const frame = frameOf(stage, selected)
  if (frame === null) return []
  const middle = centre(frame)
  const at = (hx: number, hy: number, extra = 0): Point => {
    const corner = { x: middle.x + (hx * frame.w) / 2, y: middle.y + (hy * frame.h) / 2 - extra / camera.zoom }
    return camera.toScreen(rotate(corner, middle, frame.rotation))
  }
  const upright = selected.every((shape) => shape.type === 'frame')
  const handles: Handle[] = upright ? [] : [{ kind: 'rotate', at: at(0, -1, ROTATE_ABOVE), cursor: 'grab' }]
  if (selected.every((shape) => shape.type === 'text')) return handles
  const size = { w: frame.w * camera.zoom, h: frame.h * camera.zoom }
  for (const hx of [-1, 0, 1]) {
    for (const hy of [-1, 0, 1]) {
      if (hx === 0 && hy === 0) continue
      if (hx === 0 && size.w < ROOM_FOR_SIDES) continue
      if (hy === 0 && size.h < ROOM_FOR_SIDES) continue
      const side: [Point, Point] | undefined =
        hx === 0 ? [at(-1, hy), at(1, hy)] : hy === 0 ? [at(hx, -1), at(hx, 1)] : undefined
      handles.push({ kind: 'resize', hx, hy, at: at(hx, hy), cursor: cursorFor(hx, hy, frame.rotation), side })
    }
  }
  return handles
}

/** The handle under a screen point. Corners come before sides. */
export function handleAt(stage: Stage, screen: Point, coarse: boolean): Handle | null {
  const reach = coarse ? REACH * 2 : REACH
  const away = (handle: Handle): number =>
    handle.kind === 'resize' && handle.side !== undefined ? distanceToSegment(screen, ...handle.side) * 1.5 : distance(handle.at, screen)
  const near = handlesOf(stage).filter((handle) => away(handle) <= reach)
  near.sort((a, b) => rank(a) - rank(b) || distance(a.at, screen) - distance(b.at, screen))
  return near[0] ?? null
}

function rank(handle: Handle): number {
  return handle.kind === 'bend' || (handle.kind === 'resize' && (handle.hx === 0 || handle.hy === 0)) ? 1 : 0
}

function frameOf(stage: Stage, shapes: Shape[]): (Box & { rotation: number }) | null {
  const only = shapes.length === 1 ? shapes[0] : undefined
  if (only !== undefined) return only
  const box = union(shapes.map((shape) => stage.boundsOf(shape)))
  return box === null ? null : { ...box, rotation: 0 }
}

/** Paint the overlay. `others` are shapes selected by others, with their colours. */
export function paintOverlay(
  context: CanvasRenderingContext2D,
  stage: Stage,
  colours: { accent: string; background: string; guide: string },
  others: ReadonlyMap<string, string>,
  withHandles: boolean,
): void {
  const { camera } = stage
  context.setLineDash([])
  for (const [id, colour] of others) {
    const shape = stage.lookup(id)
    if (shape !== undefined && !stage.selection.has(id)) outlineShape(context, stage, shape, colour, 1.5, 3)
  }
  if (stage.target !== null) {
    const shape = stage.lookup(stage.target)
    if (shape !== undefined) outlineShape(context, stage, shape, colours.accent, 2, 4)
  }
  const selected = stage.selected
  outlineAll(context, stage, selected, colours.accent)
  if (selected.length > 1) {
    const { selectionBox: box } = stage
    if (box !== null) strokePolygon(context, corners({ ...box, rotation: 0 }).map((corner) => camera.toScreen(corner)), colours.accent, 1)
  }
  if (stage.inside !== null) outlineGroup(context, stage, stage.inside, colours.accent)
  if (withHandles && stage.marquee === null) paintHandles(context, stage, colours)
  context.strokeStyle = colours.guide
  context.lineWidth = 1
  for (const { x1, y1, x2, y2 } of stage.guides) {
    const [a, b] = [camera.toScreen({ x: x1, y: y1 }), camera.toScreen({ x: x2, y: y2 })]
    context.beginPath()
    context.moveTo(a.x, a.y)
    context.lineTo(b.x, b.y)
    context.stroke()
  }
  if (stage.marquee !== null) {
    const at = camera.toScreen(stage.marquee)
    const [w, h] = [stage.marquee.w * camera.zoom, stage.marquee.h * camera.zoom]
    context.fillStyle = colours.accent
    context.globalAlpha = 0.08
    context.fillRect(at.x, at.y, w, h)
    context.globalAlpha = 1
    context.strokeStyle = colours.accent
    context.strokeRect(at.x, at.y, w, h)
  }
}

/** The group that one has gone into. */
function outlineGroup(context: CanvasRenderingContext2D, stage: Stage, group: string, colour: string): void {
  const box = union(stage.shapes.filter((shape) => shape.groups.includes(group)).map((shape) => stage.boundsOf(shape)))
  if (box === null) return
  context.setLineDash([4, 4])
  const around = { ...grown(box, 6 / stage.camera.zoom), rotation: 0 }
  strokePolygon(context, corners(around).map((corner) => stage.camera.toScreen(corner)), colour, 1)
  context.setLineDash([])
}

function paintHandles(context: CanvasRenderingContext2D, stage: Stage, colours: { accent: string; background: string }): void {
  context.lineWidth = 1.5
  context.strokeStyle = colours.accent
  context.fillStyle = colours.background
  for (const handle of handlesOf(stage)) {
    // Sides are grabbed along the line; only corners are shown.
    if (handle.kind === 'resize' && (handle.hx === 0 || handle.hy === 0)) continue
    // Words can be taken as they are.
    if (handle.kind === 'bend' && handle.shape.text !== '') continue
    context.beginPath()
    if (handle.kind === 'resize') context.roundRect(handle.at.x - 4, handle.at.y - 4, 8, 8, 2)
    else context.arc(handle.at.x, handle.at.y, handle.kind === 'bend' ? 4 : 5, 0, 2 * Math.PI)
    context.fill()
    context.stroke()
  }
}

function outlineShape(
  context: CanvasRenderingContext2D,
  stage: Stage,
  shape: Shape,
  colour: string,
  width: number,
  away: number,
): void {
  const { camera } = stage
  if (isLinear(shape)) {
    const points = pathPoints(shape, stage.lookup).map((point) => camera.toScreen(point))
    strokePolygon(context, points, colour, width, false)
    return
  }
  const grow = away / camera.zoom
  const grown = { ...shape, x: shape.x - grow, y: shape.y - grow, w: shape.w + 2 * grow, h: shape.h + 2 * grow }
  context.setLineDash(shape.locked ? [4, 4] : [])
  strokePolygon(context, corners(grown).map((corner) => camera.toScreen(corner)), colour, width)
  context.setLineDash([])
}

/** The selection, as one path: it may be thousands. Locked shapes have dashes. */
function outlineAll(context: CanvasRenderingContext2D, stage: Stage, shapes: Shape[], colour: string): void {
  const view = stage.camera.view()
  context.beginPath()
  for (const shape of shapes) {
    if (shape.locked) continue
    const points = isLinear(shape) ? pathPoints(shape, stage.lookup) : corners(shape)
    if (!overlaps(boxAround(points), view)) continue
    // In a long path closePath looks at all that came before; going back to the first corner does not.
    const [first] = points
    if (!isLinear(shape) && first !== undefined) points.push(first)
    trace(context, points.map((point) => stage.camera.toScreen(point)))
  }
  context.strokeStyle = colour
  context.lineWidth = 1
  context.stroke()
  for (const shape of shapes) if (shape.locked) outlineShape(context, stage, shape, colour, 1, 0)
}

function trace(context: CanvasRenderingContext2D, points: Point[]): void {
  points.forEach(({ x, y }, i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)))
}

function strokePolygon(context: CanvasRenderingContext2D, points: Point[], colour: string, width: number, close = true): void {
  context.beginPath()
  trace(context, points)
  if (close) context.closePath()
  context.strokeStyle = colour
  context.lineWidth = width
  context.stroke()
}

function cursorFor(hx: number, hy: number, rotation: number): string {
  const names = ['ew-resize', 'nwse-resize', 'ns-resize', 'nesw-resize']
  const angle = Math.atan2(hy, hx) + rotation
  const eighth = Math.round(angle / (Math.PI / 4))
  return names[((eighth % 4) + 4) % 4] ?? 'move'
}
