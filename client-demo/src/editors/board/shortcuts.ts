/** What keys do. The help sheet in toolbox.ts says the same in words. */

import type { Edits } from './edits'
import type { Pointers } from './pointers'
import type { Stage } from './stage'
import { TOOLS, type Tool } from './toolbox'
import type { Viewing } from './viewing'
import type { Writing } from './writing'

const NUDGES: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

export interface ShortcutParts {
  stage: Stage
  edits: Edits
  pointers: Pointers
  viewing: Viewing
  writing: Writing
  chooseTool(tool: Tool): void
  undo(): void
  redo(): void
  help(): void
}

export class Shortcuts {
  /** @param root keys count while the focus is in it, or nowhere. */
  constructor(private readonly parts: ShortcutParts, private readonly root: HTMLElement) {}

  /** Begin to listen; ends with `signal`. */
  listen(signal: AbortSignal): void {
    window.addEventListener('keydown', (event) => this.onDown(event), { signal })
    window.addEventListener(
      'keyup',
      (event) => {
        if (event.key === ' ') this.parts.pointers.holdSpace(false)
        else this.parts.pointers.showCursor()
      },
      { signal },
    )
  }

  private onDown(event: KeyboardEvent): void {
    const target = event.target as Element
    if (target !== this.root && target !== document.body && !this.root.contains(target)) return
    if (target.matches('input, textarea, [contenteditable=true]')) return
    const handled = event.ctrlKey || event.metaKey ? this.command(event) : this.key(event)
    if (!handled) return
    event.preventDefault()
    event.stopPropagation()
  }

  private command(event: KeyboardEvent): boolean {
    const { stage, edits } = this.parts
    switch (event.key.toLowerCase()) {
      case 'z':
        if (event.shiftKey) this.parts.redo()
        else this.parts.undo()
        return true
      case 'y':
        this.parts.redo()
        return true
      case 'a':
        this.parts.chooseTool('select')
        stage.select(stage.shapes.filter((shape) => !shape.locked).map((shape) => shape.id))
        return true
      case 'd':
        edits.duplicate()
        return true
      case 'l':
        edits.lock(!stage.selected.every((shape) => shape.locked))
        return true
      default:
        return false
    }
  }

  private key(event: KeyboardEvent): boolean {
    const { edits, pointers, stage, viewing } = this.parts
    const nudge = NUDGES[event.key]
    if (nudge !== undefined) {
      this.nudge(nudge, event.shiftKey ? 10 : 1)
      return true
    }
    switch (event.key) {
      case ' ':
        pointers.holdSpace(true)
        return true
      case 'Escape':
        this.escape()
        return true
      case 'Delete':
      case 'Backspace':
        edits.removeSelected()
        return true
      case 'Enter': {
        const only = stage.selected[0]
        if (stage.selection.size === 1 && only !== undefined) this.parts.writing.begin(only.id)
        return true
      }
      case ']':
        edits.restack('top')
        return true
      case '[':
        edits.restack('bottom')
        return true
      case '+':
      case '=':
        viewing.zoomBy(1.25)
        return true
      case '-':
        viewing.zoomBy(1 / 1.25)
        return true
      case ')':
        viewing.zoomTo(1)
        return true
      case '!':
        viewing.fitAll()
        return true
      case '?':
        this.parts.help()
        return true
    }
    if (event.shiftKey && event.code === 'Digit0') viewing.zoomTo(1)
    else if (event.shiftKey && event.code === 'Digit1') viewing.fitAll()
    else {
      const found = TOOLS.find((entry) => entry.key === event.key.toUpperCase())
      if (found === undefined || event.altKey) return false
      this.parts.chooseTool(found.tool)
    }
    return true
  }

  private nudge([dx, dy]: readonly [number, number], step: number): void {
    const { edits, stage, viewing } = this.parts
    if (stage.selection.size === 0) stage.camera.pan(dx * 40 * step ** 0.5, dy * 40 * step ** 0.5)
    else edits.nudge(dx * step, dy * step)
    viewing.moved()
  }

  private escape(): void {
    const { pointers, stage, viewing } = this.parts
    if (pointers.gesture !== null) pointers.cancel()
    else if (viewing.following) viewing.takeOver()
    else if (stage.tool !== 'select') this.parts.chooseTool('select')
    else stage.select([])
  }
}
