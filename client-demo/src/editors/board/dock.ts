/** The tools at the bottom, and zoom and undo beside them. */

import { Maximize, Minus, Plus, Redo2, Undo2 } from 'lucide'
import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { READING_TOOLS, TOOLS, type Tool } from './toolbox'

/** One button per tool. */
export class Dock {
  readonly element = h('div', { class: 'board-dock floating', role: 'toolbar', 'aria-label': 'Tools' })
  private readonly buttons = new Map<Tool, HTMLButtonElement>()

  constructor(choose: (tool: Tool) => void) {
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
    )
  }

  show(tool: Tool): void {
    for (const [name, button] of this.buttons) button.setAttribute('aria-pressed', String(name === tool))
  }

  setReadOnly(readOnly: boolean): void {
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
}

/** Zoom and undo. */
export function zoomBar(actions: ZoomActions): { element: HTMLElement; show(zoom: number): void } {
  const percent = h('button', {
    class: 'button plain board-percent', type: 'button', title: 'Zoom to 100 %  Shift 0', onclick: () => actions.zoomTo(1),
  })
  const element = h(
    'div',
    { class: 'board-zoom floating' },
    button('Zoom out  -', icon(Minus), () => actions.zoomBy(1 / 1.25)),
    percent,
    button('Zoom in  +', icon(Plus), () => actions.zoomBy(1.25)),
    button('Show everything  Shift 1', icon(Maximize), () => actions.fitAll()),
    h('span', { class: 'board-zoom-line' }),
    button('Undo  Ctrl Z', icon(Undo2), () => actions.undo()),
    button('Redo  Ctrl Shift Z', icon(Redo2), () => actions.redo()),
  )
  return {
    element,
    show: (zoom) => {
      percent.textContent = `${Math.round(zoom * 100)} %`
    },
  }
}

function button(label: string, node: SVGElement, run: () => void): HTMLElement {
  return h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label, onclick: run }, node)
}
