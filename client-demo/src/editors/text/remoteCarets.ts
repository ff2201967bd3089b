/** Carets and selections of others, drawn over Quill. */

import type Quill from 'quill/core'
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'

import { h, oncePerFrame } from '../../ui/dom'
import { inkOn } from '../../ui/people'
import { peersOf, type Peer } from '../../ui/presence'
import { placeOf, type Place } from '../places'

/** Selections longer than this are tinted up to here; more boxes than a screen shows help nobody. */
const MOST_BOXES = 400

interface Drawn {
  caret: HTMLElement
  flag: HTMLElement
  tint: HTMLElement
  place: string
}

/** Keep the carets of everybody in `awareness` drawn; returns how to stop. */
export function remoteCarets(quill: Quill, text: Y.Text, awareness: Awareness): () => void {
  const layer = h('div', { class: 'carets', 'aria-hidden': 'true' })
  quill.container.append(layer)
  const drawn = new Map<number, Drawn>()

  const draw = (): void => {
    const here = new Set<number>()
    const origin = quill.container.getBoundingClientRect()
    for (const peer of peersOf(awareness)) {
      const place = placeOf(peer, text)
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
      entry = { caret, flag, tint, place: '' }
      drawn.set(peer.client, entry)
      layer.append(tint, caret)
    }
    const { caret, flag, tint } = entry
    caret.style.setProperty('--person', peer.color)
    caret.style.setProperty('--ink', inkOn(peer.color))
    tint.style.setProperty('--person', peer.color)
    if (flag.textContent !== peer.name) flag.textContent = peer.name
    const length = quill.getLength()
    const head = Math.min(place.head, length - 1)
    const at = quill.getBounds(head)
    if (at !== null) {
      caret.style.transform = `translate(${at.left}px, ${at.top}px)`
      caret.style.height = `${at.height}px`
      caret.classList.toggle('low', at.top < 20)
      caret.classList.toggle('left', at.left + flag.offsetWidth > origin.width)
    }
    const told = JSON.stringify(peer.state['cursor'])
    if (told !== entry.place) {
      entry.place = told
      // Beginning the animation anew brings the flag back for another two seconds.
      flag.getAnimations().forEach((animation) => animation.cancel())
      flag.style.animation = 'none'
      void flag.offsetWidth
      flag.style.animation = ''
    }
    const boxes = boxesOf(quill, Math.min(place.anchor, head), Math.max(place.anchor, head))
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
  resize.observe(quill.root)
  awareness.on('change', soon)
  quill.on('text-change', soon)
  soon()
  return () => {
    awareness.off('change', soon)
    quill.off('text-change', soon)
    resize.disconnect()
    layer.remove()
  }
}

function boxesOf(quill: Quill, from: number, to: number): DOMRect[] {
  if (from >= to) return []
  const [start, startOffset] = quill.getLeaf(from)
  const [end, endOffset] = quill.getLeaf(to)
  if (start === null || end === null) return []
  const range = document.createRange()
  try {
    range.setStart(start.domNode, Math.min(startOffset, lengthOf(start.domNode)))
    range.setEnd(end.domNode, Math.min(endOffset, lengthOf(end.domNode)))
  } catch {
    return []
  }
  return [...textBoxes(range)].slice(0, MOST_BOXES)
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
    part.setEnd(node, node === range.endContainer ? range.endOffset : lengthOf(node))
    for (const box of part.getClientRects()) if (box.width > 0) yield box
  }
}

function lengthOf(node: Node): number {
  return node.nodeType === Node.TEXT_NODE ? (node.textContent?.length ?? 0) : node.childNodes.length
}
