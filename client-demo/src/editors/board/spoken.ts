/** What a screen reader hears of the board: which tool, and what is selected. */

import { h } from '../../ui/dom'
import type { Shape } from './shapes'
import type { Stage } from './stage'
import { TOOLS } from './toolbox'

const MOST_WORDS = 80
/** Whoever walks quickly from shape to shape hears the last of them. */
const PAUSE = 150

export class Spoken {
  readonly element = h('div', { class: 'board-spoken', role: 'status', 'aria-live': 'polite' })
  private said = ''
  private selections = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly stage: Stage) {}

  /** Look whether there is something to say; called in every frame. */
  note(): void {
    const { selections, tool } = this.stage
    const state = `${tool} ${selections}`
    if (state === this.said) return
    const chosen = this.said !== '' && !this.said.startsWith(`${tool} `)
    this.said = state
    const changed = selections !== this.selections
    this.selections = selections
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      const name = chosen ? `${TOOLS.find((entry) => entry.tool === tool)?.label ?? ''}. ` : ''
      this.element.textContent = `${name}${changed ? this.selected() : ''}`.trim()
    }, PAUSE)
  }

  /** Say something that cannot be seen from here. */
  say(words: string): void {
    clearTimeout(this.timer)
    this.element.textContent = words
  }

  destroy(): void {
    clearTimeout(this.timer)
  }

  private selected(): string {
    const { selected, shapes } = this.stage
    const [only] = selected
    if (only === undefined) return 'Nothing selected.'
    if (selected.length > 1) return `${selected.length} of ${shapes.length} selected${this.stage.groupSelected === null ? '' : ', a group'}.`
    return `${nameOf(only)}, ${shapes.indexOf(only) + 1} of ${shapes.length}, selected.`
  }
}

/** A shape in words. */
export function nameOf(shape: Shape): string {
  const type = `${shape.type.slice(0, 1).toUpperCase()}${shape.type.slice(1)}`
  const words = shape.text === '' ? '' : `: ${shape.text.slice(0, MOST_WORDS)}`
  return `${shape.locked ? 'Locked ' : ''}${type}${words}`
}
