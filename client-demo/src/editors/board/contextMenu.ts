/** What a right click, a long touch and the menu key offer: for the selection, or for the board. */

import { h } from '../../ui/dom'
import { openMenu, type MenuItem } from '../../ui/overlays'
import type { Edits } from './edits'
import type { Point } from './shapes'
import type { Stage } from './stage'
import type { Transfer } from './transfer'
import type { Viewing } from './viewing'

export interface ContextMenuParts {
  stage: Stage
  edits: Edits
  viewing: Viewing
  transfer: Transfer
  /** Give the keys back to the board. */
  focus(): void
  toggleMap(): void
  help(): void
}

export class ContextMenu {
  /** Where the menu hangs: a point of the board, which is nothing to anybody. */
  private readonly anchor = h('div', { class: 'board-menu-anchor', tabIndex: -1, 'aria-hidden': 'true' })

  constructor(private readonly parts: ContextMenuParts, layer: HTMLElement) {
    layer.append(this.anchor)
    this.anchor.addEventListener('focus', () => parts.focus())
  }

  /** Open it at a place in screen pixels. */
  open({ x, y }: Point): void {
    const { style } = this.anchor
    style.left = `${x}px`
    style.top = `${y}px`
    // A menu that is open somewhere else is no longer the one of this place.
    this.anchor.setAttribute('aria-expanded', 'false')
    const { stage } = this.parts
    openMenu(this.anchor, stage.selection.size > 0 ? this.ofSelection() : this.ofBoard())
  }

  private ofSelection(): (MenuItem | null)[] {
    const { edits, stage, transfer } = this.parts
    const { selected } = stage
    const look: (MenuItem | null)[] = [
      { label: 'Copy', hint: 'Ctrl C', run: () => transfer.copy() },
      { label: 'Export as PNG', run: () => void transfer.export('png') },
    ]
    if (stage.readOnly) return look
    const locked = selected.every((shape) => shape.locked)
    const lock: MenuItem = { label: locked ? 'Unlock' : 'Lock', hint: 'Ctrl L', run: () => edits.lock(!locked) }
    const order: MenuItem[] = [
      { label: 'Bring to front', hint: ']', run: () => edits.restack('top') },
      { label: 'Bring forward', hint: 'Ctrl ]', run: () => edits.restack('up') },
      { label: 'Send backward', hint: 'Ctrl [', run: () => edits.restack('down') },
      { label: 'Send to back', hint: '[', run: () => edits.restack('bottom') },
    ]
    if (locked) return [...look, null, ...order, null, lock]
    const group: MenuItem[] = []
    if (stage.groupSelected !== null) group.push({ label: 'Ungroup', hint: 'Ctrl Shift G', run: () => edits.ungroup() })
    else if (selected.length > 1) group.push({ label: 'Group', hint: 'Ctrl G', run: () => edits.group() })
    return [
      { label: 'Cut', hint: 'Ctrl X', run: () => transfer.cut() },
      ...look.slice(0, 1),
      ...this.paste(),
      { label: 'Duplicate', hint: 'Ctrl D', run: () => edits.duplicate() },
      null,
      ...order,
      null,
      ...group,
      lock,
      ...look.slice(1),
      null,
      { label: 'Delete', hint: 'Del', danger: true, run: () => edits.removeSelected() },
    ]
  }

  private ofBoard(): (MenuItem | null)[] {
    const { stage, toggleMap, help, viewing } = this.parts
    const all: MenuItem = {
      label: 'Select everything',
      hint: 'Ctrl A',
      run: () => stage.select(stage.shapes.filter((shape) => !shape.locked).map((shape) => shape.id)),
    }
    return [
      ...this.paste(),
      all,
      null,
      { label: 'Show everything', hint: 'Shift 1', run: () => viewing.fitAll() },
      { label: 'Zoom to 100 %', hint: 'Shift 0', run: () => viewing.zoomTo(1) },
      { label: 'Map', hint: 'M', run: toggleMap },
      null,
      { label: 'Keyboard shortcuts', hint: '?', run: help },
    ]
  }

  /** Only where the browser lets pages read the clipboard. */
  private paste(): MenuItem[] {
    const { stage, transfer } = this.parts
    return stage.readOnly || !transfer.canPaste ? [] : [{ label: 'Paste', hint: 'Ctrl V', run: () => void transfer.paste() }]
  }
}
