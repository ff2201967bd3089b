/** What keys do. The help sheet in toolbox.ts says the same in words. */

import type { Align } from './arrange'
import type { Edits } from './edits'
import { unitsOf } from './groups'
import type { Pointers } from './pointers'
import type { Shape } from './shapes'
import type { Stage } from './stage'
import { TOOLS, type Tool } from './toolbox'
import type { Tools } from './tools'
import type { Viewing } from './viewing'
import type { Writing } from './writing'

const NUDGES: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** With Alt, as in Figma and tldraw. */
const ALIGNS: Record<string, Align> = { KeyA: 'left', KeyH: 'centre', KeyD: 'right', KeyW: 'top', KeyV: 'middle', KeyS: 'bottom' }

/** Keys that belong to a button or a slider while it has the focus. */
const CONTROL_KEYS = new Set([' ', 'Enter', 'Tab', 'Home', 'End', ...Object.keys(NUDGES)])

export interface ShortcutParts {
  stage: Stage
  edits: Edits
  pointers: Pointers
  tools: Tools
  viewing: Viewing
  writing: Writing
  chooseTool(tool: Tool): void
  /** Put the focus into the properties, if there are any. */
  toPanel(): void
  undo(): void
  redo(): void
  /** Open the menu of the selection, or of the board. */
  openMenu(): void
  toggleMap(): void
  /** Keep the tool after drawing, or do so no more. */
  toggleLock(): void
  help(): void
}

export class Shortcuts {
  /** @param within keys count while the focus is in it, or nowhere. */
  constructor(
    private readonly parts: ShortcutParts,
    private readonly root: HTMLElement,
    private readonly within: HTMLElement,
  ) {}

  /** Begin to listen; ends with `signal`. */
  listen(signal: AbortSignal): void {
    window.addEventListener('keydown', (event) => this.onDown(event), { signal })
    window.addEventListener(
      'keyup',
      (event) => {
        this.root.classList.toggle('reached', event.key === 'Tab' && event.target === this.root && this.parts.stage.selection.size === 0)
        if (event.key === ' ') this.parts.pointers.holdSpace(false)
        else this.parts.pointers.showCursor()
      },
      { signal },
    )
    // A key that is let go elsewhere is never heard of.
    window.addEventListener('blur', () => this.parts.pointers.holdSpace(false), { signal })
  }

  private onDown(event: KeyboardEvent): void {
    const target = event.target as Element
    if (target !== document.body && !this.within.contains(target)) return
    if (target.matches('input:not([type=range]), textarea, [contenteditable=true]')) return
    const onControl = target !== this.root && target !== document.body
    const command = event.ctrlKey || event.metaKey
    // Back to the board, on which everything is as it was; the next Escape is the board's.
    if (onControl && event.key === 'Escape') this.root.focus({ preventScroll: true })
    else if (onControl && CONTROL_KEYS.has(event.key)) return
    else if (!(command ? this.command(event) : this.key(event))) return
    event.preventDefault()
    event.stopPropagation()
  }

  private command(event: KeyboardEvent): boolean {
    const { stage, edits } = this.parts
    if (event.code === 'BracketRight' || event.code === 'BracketLeft') {
      edits.restack(event.code === 'BracketRight' ? 'up' : 'down')
      return true
    }
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
      case 'enter':
        this.parts.toPanel()
        return true
      case 'g':
        if (event.shiftKey) edits.ungroup()
        else edits.group()
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
    if (event.altKey && this.arrange(event)) return true
    const nudge = NUDGES[event.key]
    if (nudge !== undefined) {
      this.nudge(nudge, event.shiftKey ? 10 : 1)
      return true
    }
    switch (event.key) {
      case 'ContextMenu':
        this.parts.openMenu()
        return true
      case 'F10':
        if (event.shiftKey) this.parts.openMenu()
        return event.shiftKey
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
      case 'Enter':
        this.enter()
        return true
      case 'Tab':
        return stage.tool === 'select' && stage.selection.size > 0 && this.walk(event.shiftKey ? -1 : 1)
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
      case 'q':
      case 'Q':
        this.parts.toggleLock()
        return true
      case 'm':
      case 'M':
        this.parts.toggleMap()
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

  /** By the place of the key: with Alt some keyboards write other letters. */
  private arrange({ code, shiftKey }: KeyboardEvent): boolean {
    const { edits } = this.parts
    const how = ALIGNS[code]
    if (shiftKey && (code === 'KeyH' || code === 'KeyV')) edits.distribute(code === 'KeyH' ? 'x' : 'y')
    else if (!shiftKey && how !== undefined) edits.align(how)
    else return false
    return true
  }

  /** Put down what the tool makes, write in the selected shape, or take the first shape into the hand. */
  private enter(): void {
    const { stage, tools, writing } = this.parts
    const [only] = stage.selection
    const group = stage.groupSelected
    if (stage.tool !== 'select') tools.putDown()
    else if (group !== null) this.take(inReadingOrder(stage.selected)[0], group)
    else if (stage.selection.size === 1 && only !== undefined) writing.begin(only)
    else if (stage.selection.size === 0) {
      this.take(inReadingOrder(stage.shapes)[0], null)
    }
  }

  /** Select the shape after or before the selected one, as one reads; past the ends the focus goes on to the buttons. */
  private walk(by: 1 | -1): boolean {
    const { stage } = this.parts
    const { inside } = stage
    const around = inside === null ? stage.shapes : stage.shapes.filter((shape) => shape.groups.includes(inside))
    const order = unitsOf(inReadingOrder(around), inside)
    const at = order.findIndex((unit) => unit.some((shape) => stage.selection.has(shape.id)))
    const next = order[at + by]?.[0]
    if (next === undefined) return false
    this.take(next, inside)
    return true
  }

  /** Select a shape, or the group that it stands for, and show it. */
  private take(shape: Shape | undefined, inside: string | null): void {
    const { stage, viewing } = this.parts
    if (shape === undefined) return
    stage.selectWhole([shape.id], inside)
    if (stage.selectionBox !== null) viewing.show(stage.selectionBox)
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
    else if (stage.inside !== null) this.leaveGroup(stage.inside)
    else stage.select([])
  }

  /** Back to the group that one has gone into, as one. */
  private leaveGroup(group: string): void {
    const { stage } = this.parts
    const shape = stage.selected.find((member) => member.groups.includes(group))
    if (shape !== undefined) stage.selectWhole([shape.id], shape.groups[shape.groups.indexOf(group) + 1] ?? null)
  }
}

function inReadingOrder(shapes: Shape[]): Shape[] {
  return [...shapes].sort((a, b) => a.y - b.y || a.x - b.x)
}
