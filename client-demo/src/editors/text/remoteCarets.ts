/** Carets and selections of others, drawn over the text: nothing of theirs stands in the line that one composes in. */

import type { EditorView } from 'prosemirror-view'
import type { Awareness } from 'y-protocols/awareness'

import { h, oncePerFrame } from '../../ui/dom'
import { inkOn } from '../../ui/people'
import { peersOf, type Peer } from '../../ui/presence'
import type { Place } from '../places'
import { placeIn } from './places'

/** Selections longer than this are tinted up to here; more boxes than a screen shows help nobody. */
const MOST_BOXES = 400
const FLAG_HEIGHT = 16

interface Drawn {
  caret: HTMLElement
  flag: HTMLElement
  tint: HTMLElement
  told: string
}

type Box = Pick<DOMRect, 'left' | 'right' | 'top' | 'bottom'>

/** Keep the carets of everybody in `awareness` drawn on `page`; returns how to draw them anew, and how to stop. */
export function remoteCarets(view: EditorView, page: HTMLElement, awareness: Awareness): { soon(): void; destroy(): void } {
  const layer = h('div', { class: 'carets', 'aria-hidden': 'true' })
  page.append(layer)
  const drawn = new Map<number, Drawn>()

  const draw = (): void => {
    if (view.isDestroyed) return
    const here = new Set<number>()
    const origin = page.getBoundingClientRect()
    for (const peer of peersOf(awareness)) {
      const place = placeIn(view.state, peer)
      if (place === null) continue
      here.add(peer.client)
      drawPeer(peer, place, origin)
    }
    for (const [client, { caret, tint }] of drawn) {
      if (here.has(client)) continue
      caret.remove()
      tint.remove()
      drawn.delete(client)
    }
  }

  const drawPeer = (peer: Peer, place: Place, origin: DOMRect): void => {
    let entry = drawn.get(peer.client)
    if (entry === undefined) {
      const flag = h('span', { class: 'caret-flag' })
      const caret = h('span', { class: 'overlay-caret' }, flag)
      const tint = h('div', { class: 'tint' })
      entry = { caret, flag, tint, told: '' }
      drawn.set(peer.client, entry)
      layer.append(tint, caret)
    }
    const { caret, flag, tint } = entry
    for (const part of [caret, tint]) part.style.setProperty('--person', peer.color)
    caret.style.setProperty('--ink', inkOn(peer.color))
    if (flag.textContent !== peer.name) flag.textContent = peer.name
    const at = caretBox(view, place.head)
    caret.hidden = at === null
    if (at !== null) {
      caret.style.transform = `translate(${at.left - origin.left}px, ${at.top - origin.top}px)`
      caret.style.height = `${at.bottom - at.top}px`
      const side = freeSide(view, at, flag.offsetWidth, origin)
      const margin = origin.right - gutter(page) + 4
      caret.style.setProperty('--to-margin', `${margin - at.left}px`)
      caret.dataset['flag'] = side === 'margin' && margin + flag.offsetWidth > innerWidth ? 'none' : side
    }
    const told = JSON.stringify(peer.state['cursor'])
    if (told !== entry.told) {
      entry.told = told
      // Beginning the animation anew brings the flag back for another two seconds.
      flag.getAnimations().forEach((animation) => animation.cancel())
      flag.style.animation = 'none'
      void flag.offsetWidth
      flag.style.animation = ''
    }
    const boxes = boxesOf(view, Math.min(place.anchor, place.head), Math.max(place.anchor, place.head))
    tint.replaceChildren(
      ...boxes.map((box) => {
        const part = h('span', { class: 'tint-box' })
        part.style.cssText = `left:${box.left - origin.left}px;top:${box.top - origin.top}px;width:${box.width}px;height:${box.height}px`
        return part
      }),
    )
  }

  const soon = oncePerFrame(draw)
  const resize = new ResizeObserver(soon)
  resize.observe(view.dom)
  awareness.on('change', soon)
  soon()
  return {
    soon,
    destroy: () => {
      awareness.off('change', soon)
      resize.disconnect()
      layer.remove()
    },
  }
}

function gutter(page: HTMLElement): number {
  return parseFloat(getComputedStyle(page.firstElementChild ?? page).paddingRight) || 0
}

function caretBox(view: EditorView, at: number): Box | null {
  try {
    return view.coordsAtPos(at)
  } catch {
    return null
  }
}

/** The side of a caret where its flag covers no words: after the end of a line, over or under it, else in the margin. */
function freeSide(view: EditorView, caret: Box, width: number, page: DOMRect): 'after' | 'above' | 'below' | 'margin' {
  const words = wordsAround(view, caret)
  const middle = (caret.top + caret.bottom - FLAG_HEIGHT) / 2
  const sides = {
    after: box(caret.left + 4, middle, width),
    above: box(caret.left, caret.top - FLAG_HEIGHT, width),
    below: box(caret.left, caret.bottom, width),
  }
  for (const [side, area] of Object.entries(sides)) {
    if (area.left < page.left || area.right > page.right) continue
    if (!words.some((word) => overlap(word, area))) return side as keyof typeof sides
  }
  return 'margin'
}

function box(left: number, top: number, width: number): Box {
  return { left, top, right: left + width, bottom: top + FLAG_HEIGHT }
}

function overlap(one: Box, other: Box): boolean {
  return one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1
}

/** Where words stand in the block of a caret and those beside it. */
function wordsAround(view: EditorView, { top, bottom, left }: Box): Box[] {
  const at = view.posAtCoords({ left, top: (top + bottom) / 2 })
  if (at === null) return []
  const own = view.state.doc.resolve(at.pos).index(0)
  const words: Box[] = []
  for (const index of [own - 1, own, own + 1]) {
    const block = view.dom.children[index]
    if (block === undefined) continue
    const range = document.createRange()
    range.selectNodeContents(block)
    for (const line of textBoxes(range)) {
      if (line.bottom > top - 2 * FLAG_HEIGHT && line.top < bottom + 2 * FLAG_HEIGHT) words.push(line)
    }
  }
  return words
}

function boxesOf(view: EditorView, from: number, to: number): DOMRect[] {
  if (from >= to) return []
  try {
    const [start, end] = [view.domAtPos(from, 1), view.domAtPos(to, -1)]
    const range = document.createRange()
    range.setStart(start.node, start.offset)
    range.setEnd(end.node, end.offset)
    const boxes: DOMRect[] = []
    for (const box of textBoxes(range)) {
      boxes.push(box)
      if (boxes.length === MOST_BOXES) break
    }
    return boxes
  } catch {
    return []
  }
}

/** A box per line of each text in the range: elements answer with boxes of their own, which would be tinted twice. */
function* textBoxes(range: Range): Generator<DOMRect> {
  const root = range.commonAncestorContainer
  if (root.nodeType === Node.TEXT_NODE) {
    yield* range.getClientRects()
    return
  }
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  const part = document.createRange()
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (!range.intersectsNode(node)) continue
    part.setStart(node, node === range.startContainer ? range.startOffset : 0)
    part.setEnd(node, node === range.endContainer ? range.endOffset : (node.textContent?.length ?? 0))
    for (const box of part.getClientRects()) if (box.width > 0) yield box
  }
}
