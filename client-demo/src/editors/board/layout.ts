/** How words are broken into lines, and how much room they need in a shape. */

import { FONT_SIZES, holdsText, isLinear, TEXT_PADDING, type Shape } from './shapes'

export const FONT = "'Inter Variable', system-ui, sans-serif"
export const LINE_HEIGHT = 1.3

let measuring: CanvasRenderingContext2D | null = null
const layouts = new Map<string, string[]>()
const MOST_LAYOUTS = 4000

/** Break text into lines that fit; a width of Infinity breaks at line ends only. */
export function layout(text: string, size: number, width: number): string[] {
  const key = `${size}|${width}|${text}`
  const known = layouts.get(key)
  if (known !== undefined) return known
  if (layouts.size > MOST_LAYOUTS) layouts.clear()
  const lines: string[] = []
  for (const paragraph of text.split('\n')) lines.push(...wrap(paragraph, size, width))
  layouts.set(key, lines)
  return lines
}

/** Fonts arrive late; what was measured before is wrong then. */
export function forgetLayouts(): void {
  layouts.clear()
}

/** How wide a line is. */
export function measure(words: string, size: number): number {
  // Without a screen, as in a script, about as wide as letters are.
  if (typeof document === 'undefined') return words.length * size * 0.55
  measuring ??= document.createElement('canvas').getContext('2d')
  if (measuring === null) return words.length * size * 0.55
  measuring.font = `500 ${size}px ${FONT}`
  return measuring.measureText(words).width
}

/** The size that a free text takes. */
export function textSize(text: string, size: number): { w: number; h: number } {
  const lines = layout(text, size, Infinity)
  const widest = lines.reduce((most, line) => Math.max(most, measure(line, size)), 0)
  return { w: Math.ceil(Math.max(widest, size * 0.6)) + 4, h: Math.ceil(lines.length * size * LINE_HEIGHT) }
}

function wrap(paragraph: string, size: number, width: number): string[] {
  if (width === Infinity || measure(paragraph, size) <= width) return [paragraph]
  const lines: string[] = []
  let line = ''
  for (const word of paragraph.split(/(?<=\s)/)) {
    if (line !== '' && measure((line + word).trimEnd(), size) > width) {
      lines.push(line.trimEnd())
      line = ''
    }
    line += word
    for (let cut = cutAt(line, size, width); cut < line.length; cut = cutAt(line, size, width)) {
      lines.push(line.slice(0, cut))
      line = line.slice(cut)
    }
  }
  lines.push(line.trimEnd())
  return lines
}

/** How much of the beginning of a word fits; at least one character. Looks no farther than about twice that. */
function cutAt(word: string, size: number, width: number): number {
  let most = Math.max(2, Math.ceil(width / size))
  while (most < word.length && measure(word.slice(0, most), size) <= width) most *= 2
  if (most >= word.length) {
    if (measure(word.trimEnd(), size) <= width) return word.length
    most = word.length
  }
  let least = 1
  while (most - least > 1) {
    const middle = (least + most) >> 1
    if (measure(word.slice(0, middle), size) <= width) least = middle
    else most = middle
  }
  // A pair of surrogates is one character, and goes to the next line where it does not fit.
  if (!/[\uD800-\uDBFF]/.test(word.charAt(least - 1))) return least
  return least > 1 ? least - 1 : 2
}

// -- room in shapes ---------------------------------------------------------------------------------

/** The share of a shape's width and height that a box within it can have, and what keeps words off its edge. */
const ROOM: Partial<Record<Shape['type'], { share: number; padding: number }>> = {
  ellipse: { share: Math.SQRT1_2, padding: 4 },
  diamond: { share: 0.5, padding: 4 },
}
const BOX = { share: 1, padding: TEXT_PADDING }
/** No letter is wider than this share of its size, a few signs aside. */
const WIDEST = 1.4
/** A word as long as so many times its size is not broken; the shape grows wider for it. */
const LONGEST_WORD = 7

/** The part of a shape that text may fill. */
export function textRoom(shape: Pick<Shape, 'type' | 'w' | 'h'>): { w: number; h: number } {
  const { share, padding } = ROOM[shape.type] ?? BOX
  return { w: shape.w * share - 2 * padding, h: shape.h * share - 2 * padding }
}

/** The least size in which a shape of this width holds its words. */
export function leastSize(shape: Shape, width: number): { w: number; h: number } {
  // The words of an arrow lie on it, however short it is, and the name of a frame above it.
  if (shape.text === '' || !holdsText(shape) || isLinear(shape) || shape.type === 'frame') return { w: 0, h: 0 }
  const size = FONT_SIZES[shape.fontSize]
  if (shape.type === 'text') return textSize(shape.text, size)
  const { share, padding } = ROOM[shape.type] ?? BOX
  const roomy = width * share - 2 * padding >= LONGEST_WORD * size
  const w = roomy ? 0 : (longestWord(shape.text, size) + 2 * padding) / share
  const room = Math.max(width, w) * share - 2 * padding
  const fits = Math.floor(((shape.made?.h ?? shape.h) * share - 2 * padding) / (size * LINE_HEIGHT))
  if (mostLines(shape.text, size, room) <= fits) return { w, h: 0 }
  return { w, h: (layout(shape.text, size, room).length * size * LINE_HEIGHT + 2 * padding) / share }
}

/** The width of the longest word, or of what is broken last. */
function longestWord(text: string, size: number): number {
  let widest = size * WIDEST
  for (const word of text.split(/\s+/)) {
    if (word.length * size * WIDEST > widest) widest = Math.max(widest, Math.min(measure(word, size) + 1, LONGEST_WORD * size))
  }
  return widest
}

/** At most so many lines, without measuring: a board has thousands of short texts. */
function mostLines(text: string, size: number, room: number): number {
  let lines = 0
  // A line is at least half full where no word is longer than it; each letter is one size wide at most.
  for (const paragraph of text.split('\n')) lines += Math.max(1, Math.ceil((2 * paragraph.length * size * WIDEST) / room))
  return lines
}

/**
 * A shape as it is shown: as large as somebody made it, and larger where its words need that. So it is for everybody,
 * whoever wrote the words and whatever they are; the document keeps the size that it was made with.
 */
export function fitted(shape: Shape): Shape {
  const own = asMade(shape)
  const least = leastSize(own, own.w)
  if (own.type === 'text') return own.text === '' ? own : { ...own, ...least }
  if (least.w <= own.w && least.h <= own.h) return own
  const [w, h] = [Math.max(own.w, least.w), Math.max(own.h, least.h)]
  const made = { w: own.w, h: own.h }
  return { ...own, w, h, made }
}

/** The size that somebody gave a shape. */
export function asMade(shape: Shape): Shape {
  return shape.made === null ? shape : { ...shape, ...shape.made, made: null }
}
