/** A board, or a part of it, as a picture. */

import { grown, union } from './geometry'
import { FONT } from './layout'
import type { Lookup } from './linear'
import { paint, shownBounds } from './paint'
import { isPlaced, partsOf } from './parts'
import type { Box, Shape } from './shapes'

const MARGIN = 24
const LARGEST_SIDE = 8000

/** The shapes as an SVG document. Text is escaped; nothing in it runs. */
export function toSvg(shapes: Shape[], lookup: Lookup, dark: boolean): string {
  const box = frame(shapes, lookup)
  const body = shapes.map((shape) => group(shape, lookup, dark)).join('\n')
  const background = dark ? '#17181c' : '#ffffff'
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box.x} ${box.y} ${box.w} ${box.h}" width="${box.w}" height="${box.h}">\n` +
    `<rect x="${box.x}" y="${box.y}" width="${box.w}" height="${box.h}" fill="${background}"/>\n${body}\n</svg>\n`
  )
}

/** The shapes as a PNG, twice as fine as on the screen where that is not too large. */
export async function toPng(shapes: Shape[], lookup: Lookup, dark: boolean): Promise<Blob> {
  const box = frame(shapes, lookup)
  const scale = Math.min(2, LARGEST_SIDE / Math.max(box.w, box.h))
  const canvas = document.createElement('canvas')
  canvas.width = Math.ceil(box.w * scale)
  canvas.height = Math.ceil(box.h * scale)
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('no canvas')
  await Promise.all(
    shapes.filter((shape) => shape.src !== '').map(async (shape) => {
      const picture = new Image()
      picture.src = shape.src
      await picture.decode().catch(() => undefined)
    }),
  )
  context.fillStyle = dark ? '#17181c' : '#ffffff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.scale(scale, scale)
  context.translate(-box.x, -box.y)
  paint(context, shapes, { view: box, zoom: scale, dark, lookup, onPicture: () => undefined })
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('too large')) : resolve(blob)), 'image/png')
  })
}

function frame(shapes: Shape[], lookup: Lookup): Box {
  const box = union(shapes.map((shape) => shownBounds(shape, lookup))) ?? { x: 0, y: 0, w: 100, h: 100 }
  const { x, y, w, h } = grown(box, MARGIN)
  return { x: Math.floor(x), y: Math.floor(y), w: Math.ceil(w), h: Math.ceil(h) }
}

function group(shape: Shape, lookup: Lookup, dark: boolean): string {
  const inner = partsOf(shape, lookup, dark).map((part) => {
    if (part.kind === 'image') return `<image href="${escaped(part.src)}" width="${part.w}" height="${part.h}" preserveAspectRatio="none"/>`
    if (part.kind === 'text') {
      const anchor = part.align === 'center' ? 'middle' : 'start'
      const lines = part.lines.map(({ words, x, y }) => `<tspan x="${x}" y="${y}">${escaped(words)}</tspan>`).join('')
      return `<text font-family="${escaped(FONT)}" font-weight="500" font-size="${part.size}" fill="${part.colour}" text-anchor="${anchor}" xml:space="preserve">${lines}</text>`
    }
    const stroke =
      part.stroke === null
        ? ''
        : ` stroke="${part.stroke}" stroke-width="${part.width}" stroke-linecap="round" stroke-linejoin="round"${part.dash.length > 0 ? ` stroke-dasharray="${part.dash.join(' ')}"` : ''}`
    return `<path d="${part.d}" fill="${part.fill ?? 'none'}"${stroke}/>`
  })
  const turn = shape.rotation === 0 ? '' : ` rotate(${(shape.rotation * 180) / Math.PI} ${shape.w / 2} ${shape.h / 2})`
  const transform = isPlaced(shape) ? ` transform="translate(${shape.x} ${shape.y})${turn}"` : ''
  const opacity = shape.opacity === 1 ? '' : ` opacity="${shape.opacity}"`
  return `<g${transform}${opacity}>${inner.join('')}</g>`
}

function escaped(text: string): string {
  // XML has no place for control characters and halves of surrogate pairs, escaped or not.
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
