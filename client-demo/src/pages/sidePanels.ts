/** The place beside a document: one panel at a time, and the focus goes back to where it came from. */

import { h } from '../ui/dom'

export interface SidePanel {
  element: HTMLElement
  destroy(): void
}

export class SidePanels<Name extends string> {
  readonly layer = h('div', { class: 'side-layer' })
  private side: (SidePanel & { name: Name; from: Element | null }) | null = null

  /** `onChange` is called whenever another panel, or none, is open. */
  constructor(private readonly onChange: () => void) {}

  /** Which panel is open. */
  get now(): Name | null {
    return this.side?.name ?? null
  }

  open(name: Name, panel: SidePanel): void {
    this.close()
    this.side = { name, from: document.activeElement, ...panel }
    this.layer.append(panel.element)
    this.onChange()
  }

  close(): void {
    const { side } = this
    this.side = null
    const hadFocus = side?.element.contains(document.activeElement) === true
    side?.destroy()
    side?.element.remove()
    // To where it was when the panel was opened, for those who close it from within.
    if (hadFocus && side?.from instanceof HTMLElement) side.from.focus({ preventScroll: true })
    this.onChange()
  }
}
