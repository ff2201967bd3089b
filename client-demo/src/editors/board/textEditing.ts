/** Typing in a shape: a textarea over it, bound to its Y.Text, so that two people can type in the same note. */

import * as Y from 'yjs'
import { h } from '../../ui/dom'
import type { Camera } from './camera'
import { LINE_HEIGHT, textRoom, textSize } from './layout'
import { LABEL_WIDTH } from './linear'
import { FONT_SIZES, inkOf, isLinear, type Shape } from './shapes'
import { bindText } from './textBinding'

export interface TextEditing {
  readonly id: string
  /** Whether somebody put another text in the place of this one: what is typed would be nowhere. */
  readonly lost: boolean
  /** Put the textarea over the shape as it is now. */
  place(shape: Shape, dark: boolean): void
  end(): void
}

/**
 * Begin to edit the text of a shape.
 * @param onInput the text changed here.
 * @param onEnd called once, with whether the text is empty.
 */
export function editText(
  layer: HTMLElement,
  camera: Camera,
  shape: Shape,
  text: Y.Text,
  { onInput, onEnd }: { onInput: (text: string) => void; onEnd: (empty: boolean) => void },
): TextEditing {
  const area = h('textarea', { class: 'board-text', spellcheck: true, rows: 1, 'aria-label': 'Text of the shape' })
  area.value = text.toString()
  area.classList.toggle('on-line', isLinear(shape))
  layer.append(area)
  const unbind = bindText(area, text, () => onInput(area.value))

  let ended = false
  const end = (): void => {
    if (ended) return
    ended = true
    unbind()
    area.remove()
    onEnd(text.length === 0)
  }
  area.addEventListener('blur', end)
  area.addEventListener('pointerdown', (event) => event.stopPropagation())
  area.addEventListener('keydown', (event) => {
    event.stopPropagation()
    // While letters are composed, these keys are the keyboard's.
    if (event.isComposing) return
    if (event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey))) {
      event.preventDefault()
      end()
    }
  })

  const place = (shown: Shape, dark: boolean): void => {
    const size = FONT_SIZES[shown.fontSize]
    const free = shown.type === 'text'
    const room = free ? textSize(area.value || ' ', size) : textRoom(shown)
    // A free text grows with what is typed; one line more is never cut off.
    const line = isLinear(shown)
    const width = free ? room.w + size : line ? Math.min(LABEL_WIDTH * size, textSize(area.value, size).w + size / 2) : Math.max(size, room.w)
    const middle = camera.toScreen({ x: shown.x + shown.w / 2, y: shown.y + shown.h / 2 })
    area.style.font = `500 ${size}px / ${LINE_HEIGHT} var(--font)`
    area.style.width = `${width}px`
    area.style.height = '0'
    const height = Math.max(size * LINE_HEIGHT, area.scrollHeight)
    area.style.height = `${height}px`
    area.style.textAlign = free ? 'left' : 'center'
    area.style.color = inkOf(shown, dark)
    if (free) {
      const at = camera.toScreen(shown)
      area.style.transformOrigin = '0 0'
      area.style.transform = `translate(${at.x + 2 * camera.zoom}px, ${at.y}px) scale(${camera.zoom}) rotate(${shown.rotation}rad)`
    } else {
      area.style.transformOrigin = 'center'
      area.style.transform =
        `translate(${middle.x - width / 2}px, ${middle.y - height / 2}px) scale(${camera.zoom}) rotate(${shown.rotation}rad)`
    }
  }
  area.focus({ preventScroll: true })
  area.select()
  return {
    id: shape.id,
    get lost() {
      return text._item?.deleted === true
    },
    place,
    end,
  }
}
