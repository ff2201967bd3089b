/** The tools at the bottom, and zoom and undo beside them. */

import { Keyboard, LockKeyhole, Map as MapIcon, Maximize, Minus, Plus, Redo2, Undo2 } from 'lucide'
import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { arrowKeys } from '../arrowKeys'
import { READING_TOOLS, TOOLS, type Tool } from './toolbox'

/** One button per tool. */
export class Dock {
  readonly element = h('div', { class: 'board-dock floating', role: 'toolbar', 'aria-label': 'Tools' })
  private readonly buttons = new Map<Tool, HTMLButtonElement>()
  private readonly lock: HTMLButtonElement

  constructor(choose: (tool: Tool) => void, toggleLock: () => void) {
    this.lock = h(
      'button',
      { class: 'button plain board-tool', type: 'button', title: 'Keep the tool after drawing  Q', 'aria-label': 'Keep the tool after drawing', 'aria-pressed': 'false', 'data-tool': 'lock', tabIndex: -1, onclick: toggleLock },
      icon(LockKeyhole),
    )
    fill(
      this.element,
      ...TOOLS.map(({ tool, label, key, icon: node }) => {
        const button = h(
          'button',
          { class: 'button plain board-tool', type: 'button', title: `${label}  ${key}`, 'aria-label': label, 'data-tool': tool, onclick: () => choose(tool) },
          icon(node, 20),
        )
        this.buttons.set(tool, button)
        return button
      }),
      this.lock,
    )
    // Tab comes to the tool that is in use; arrow keys go from there to the others.
    arrowKeys(this.element)
  }

  show(tool: Tool): void {
    for (const [name, button] of this.buttons) {
      button.setAttribute('aria-pressed', String(name === tool))
      button.tabIndex = name === tool ? 0 : -1
    }
  }

  showLock(locked: boolean): void {
    this.lock.setAttribute('aria-pressed', String(locked))
  }

  setReadOnly(readOnly: boolean): void {
    this.lock.hidden = readOnly
    for (const [tool, button] of this.buttons) button.hidden = readOnly && !READING_TOOLS.has(tool)
    this.element.classList.toggle('reading', readOnly)
  }
}

export interface ZoomActions {
  zoomBy(factor: number): void
  zoomTo(zoom: number): void
  fitAll(): void
  undo(): void
  redo(): void
  toggleMap(): void
  help(): void
}

/** Zoom and undo. */
export function zoomBar(actions: ZoomActions): { element: HTMLElement; show(zoom: number): void; setReadOnly(readOnly: boolean): void } {
  const percent = h('button', {
    class: 'button plain board-percent', type: 'button', title: 'Zoom to 100 %  Shift 0', onclick: () => actions.zoomTo(1),
  })
  const changing = [
    h('span', { class: 'board-zoom-line' }),
    button('Undo  Ctrl Z', icon(Undo2), () => actions.undo()),
    button('Redo  Ctrl Shift Z', icon(Redo2), () => actions.redo()),
  ]
  const element = h(
    'div',
    { class: 'board-zoom floating', role: 'group', 'aria-label': 'Zoom and undo' },
    button('Zoom out  -', icon(Minus), () => actions.zoomBy(1 / 1.25), 'roomy'),
    percent,
    button('Zoom in  +', icon(Plus), () => actions.zoomBy(1.25), 'roomy'),
    button('Show everything  Shift 1', icon(Maximize), () => actions.fitAll()),
    ...changing,
    h('span', { class: 'board-zoom-line roomy' }),
    button('Map  M', icon(MapIcon), () => actions.toggleMap(), 'roomy'),
    button('Keyboard shortcuts  ?', icon(Keyboard), () => actions.help(), 'roomy'),
  )
  return {
    element,
    show: (zoom) => {
      percent.textContent = `${Math.round(zoom * 100)} %`
    },
    setReadOnly: (readOnly) => {
      for (const part of changing) part.hidden = readOnly
    },
  }
}

function button(label: string, node: SVGElement, run: () => void, extra = ''): HTMLElement {
  return h('button', { class: `button plain square ${extra}`, type: 'button', title: label, 'aria-label': label, onclick: run }, node)
}
