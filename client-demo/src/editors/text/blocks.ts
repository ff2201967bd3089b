/** Blocks that need more than an element: check boxes, and pictures whose width is pulled. */

import type { Node } from 'prosemirror-model'
import type { EditorView, NodeViewConstructor } from 'prosemirror-view'

import { h } from '../../ui/dom'
import { safeHref, safePicture } from './safety'

const NARROWEST = 48

export const NODE_VIEWS: Record<string, NodeViewConstructor> = {
  taskItem: (node, view, getPos) => {
    const box = h('input', { type: 'checkbox', 'aria-label': 'Done' })
    const content = h('div', {})
    const dom = h('li', { 'data-type': 'taskItem' }, h('label', { contentEditable: 'false' }, box), content)
    const show = ({ attrs }: Node): void => {
      box.checked = attrs['checked'] === true
      dom.dataset['checked'] = String(box.checked)
    }
    box.addEventListener('change', () => {
      const at = getPos()
      if (view.editable && at !== undefined) view.dispatch(view.state.tr.setNodeAttribute(at, 'checked', box.checked))
      else box.checked = dom.dataset['checked'] === 'true'
    })
    // A press on the box is no reason to lose the place in the text.
    box.addEventListener('pointerdown', (event) => event.preventDefault())
    show(node)
    return {
      dom,
      contentDOM: content,
      update: (next) => {
        if (next.type !== node.type) return false
        show(next)
        return true
      },
      ignoreMutation: (mutation) => !content.contains(mutation.target),
      stopEvent: (event) => event.target === box,
    }
  },
  image: (node, view, getPos) => picture(node, view, getPos),
}

function picture(first: Node, view: EditorView, getPos: () => number | undefined): ReturnType<NodeViewConstructor> {
  const image = h('img', { draggable: false })
  const grips = (['start', 'end'] as const).map((side) => h('span', { class: `picture-grip ${side}`, 'data-side': side, 'aria-hidden': 'true' }))
  const elsewhere = h('span', { class: 'unknown' })
  const frame = h('div', { class: 'picture-frame' }, image, ...grips)
  const dom = h('figure', { class: 'picture', contentEditable: 'false' }, frame)
  let node = first

  const show = (): void => {
    const { src, alt, width } = node.attrs as Record<string, unknown>
    const shown = safePicture(src)
    const words = typeof alt === 'string' ? alt : ''
    if (shown === null) {
      // A page may not load pictures from elsewhere; a link to one is better than a broken frame.
      const href = safeHref(src)
      elsewhere.replaceChildren(href === null ? words || 'A picture that cannot be shown' : h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, words || href.slice(0, 200)))
      dom.replaceChildren(elsewhere)
      return
    }
    if (image.src !== shown) image.src = shown
    image.alt = words
    frame.style.width = typeof width === 'number' && width > 0 ? `${width}px` : ''
    dom.replaceChildren(frame)
  }

  const resize = (width: number | null): void => {
    const at = getPos()
    if (view.editable && at !== undefined) view.dispatch(view.state.tr.setNodeAttribute(at, 'width', width))
  }
  for (const grip of grips) {
    grip.addEventListener('pointerdown', (event) => {
      if (!view.editable || event.button !== 0) return
      event.preventDefault()
      grip.setPointerCapture(event.pointerId)
      const [begin, width] = [event.clientX, frame.offsetWidth]
      const pulls = (grip.dataset['side'] === 'end') === (getComputedStyle(dom).direction === 'ltr') ? 1 : -1
      const limit = dom.clientWidth
      const widthAt = (x: number): number => Math.round(Math.min(limit, Math.max(NARROWEST, width + pulls * (x - begin))))
      const onMove = (move: PointerEvent): void => {
        frame.style.width = `${widthAt(move.clientX)}px`
      }
      const onEnd = (end: PointerEvent): void => {
        grip.removeEventListener('pointermove', onMove)
        if (end.type === 'pointercancel' || end.clientX === begin) show()
        else resize(widthAt(end.clientX))
      }
      grip.addEventListener('pointermove', onMove)
      grip.addEventListener('pointerup', onEnd, { once: true })
      grip.addEventListener('pointercancel', onEnd, { once: true })
    })
    grip.addEventListener('dblclick', () => resize(null))
  }
  show()
  return {
    dom,
    update: (next) => {
      if (next.type !== node.type) return false
      node = next
      show()
      return true
    },
    selectNode: () => dom.classList.add('selected'),
    deselectNode: () => dom.classList.remove('selected'),
    ignoreMutation: () => true,
    stopEvent: (event) => (event.target as Element).classList.contains('picture-grip'),
  }
}
