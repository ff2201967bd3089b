/** The properties of the selection, floating beside it; with a drawing tool, those of the next shape. */

import { ArrowDownToLine, ArrowUpToLine, Copy, Lock, LockOpen, Trash2 } from 'lucide'
import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { fillColour, PALETTE, strokeColour, type Box, type Look, type Shape } from './shapes'

export interface PanelActions {
  /** A property was chosen. `more` follows while a slider moves. */
  look(change: Partial<Look>, more: boolean): void
  restack(to: 'top' | 'bottom'): void
  lock(locked: boolean): void
  duplicate(): void
  remove(): void
}

/** What the panel shows: the look, which rows make sense, and whether there is a selection. */
export interface PanelState {
  look: Look
  rows: { stroke: boolean; fill: boolean; width: boolean; font: boolean }
  selected: boolean
  locked: boolean
}

/** What rows a set of shape types needs. */
export function rowsFor(types: Iterable<Shape['type']>): PanelState['rows'] {
  const rows = { stroke: false, fill: false, width: false, font: false }
  for (const type of types) {
    const box = ['rectangle', 'ellipse', 'diamond'].includes(type)
    rows.stroke ||= type !== 'note' && type !== 'image'
    rows.fill ||= box || type === 'note'
    rows.width ||= box || ['pen', 'arrow', 'line'].includes(type)
    rows.font ||= box || type === 'note' || type === 'text'
  }
  return rows
}

/** Make the panel. `show` with null hides it; `beside` is the selection in screen pixels. */
export function panel(
  actions: PanelActions,
): { element: HTMLElement; show(state: PanelState | null, dark: boolean): void; place(beside: Box | null, frame: { w: number; h: number }): void } {
  const element = h('aside', { class: 'board-panel floating', 'aria-label': 'Properties', hidden: true })
  let shown = ''

  const render = (state: PanelState, dark: boolean): void => {
    const { look, rows } = state
    fill(
      element,
      !state.locked && rows.stroke && row('Stroke', swatches(look.stroke, false, dark, (stroke) => actions.look({ stroke }, false))),
      !state.locked && rows.fill && row('Fill', swatches(look.fill, true, dark, (colour) => actions.look({ fill: colour }, false))),
      !state.locked &&
        rows.width &&
        row(
          'Line',
          h(
            'div',
            { class: 'row spread' },
            choices('Width', ['S', 'M', 'L'], look.width, (width) => actions.look({ width }, false)),
            choices('Dash', ['solid', 'dashed', 'dotted'], look.dash, (dash) => actions.look({ dash }, false), { solid: '—', dashed: '- -', dotted: '···' }),
          ),
        ),
      !state.locked && rows.font && row('Text', choices('Font size', ['S', 'M', 'L', 'XL'], look.fontSize, (fontSize) => actions.look({ fontSize }, false))),
      !state.locked && row('Opacity', slider(look.opacity, (opacity, more) => actions.look({ opacity }, more))),
      state.selected &&
        h(
          'div',
          { class: 'row spread board-panel-actions' },
          button('Bring to front  ]', icon(ArrowUpToLine), () => actions.restack('top')),
          button('Send to back  [', icon(ArrowDownToLine), () => actions.restack('bottom')),
          button('Duplicate  Ctrl D', icon(Copy), () => actions.duplicate()),
          button(state.locked ? 'Unlock  Ctrl L' : 'Lock  Ctrl L', icon(state.locked ? LockOpen : Lock), () => actions.lock(!state.locked)),
          !state.locked && button('Delete  Del', icon(Trash2), () => actions.remove()),
        ),
    )
  }

  return {
    element,
    show: (state, dark) => {
      element.hidden = state === null
      const key = JSON.stringify([state, dark])
      // Taking an element away under the pointer would end a slider's drag.
      if (state === null || key === shown || element.querySelector('input:active') !== null) return
      shown = key
      render(state, dark)
    },
    place: (beside, frame) => {
      if (element.hidden || matchMedia('(max-width: 640px)').matches) {
        element.style.left = element.style.top = ''
        return
      }
      const { offsetWidth: w, offsetHeight: tall } = element
      const gap = 24
      let left = 16
      let top = (frame.h - tall) / 2
      if (beside !== null) {
        const right = beside.x + beside.w + gap
        left = right + w <= frame.w - 12 ? right : beside.x - gap - w >= 12 ? beside.x - gap - w : frame.w - w - 12
        top = beside.y + beside.h / 2 - tall / 2
      }
      element.style.left = `${Math.round(Math.max(12, left))}px`
      element.style.top = `${Math.round(Math.max(12, Math.min(top, frame.h - tall - 76)))}px`
    },
  }
}

function row(label: string, content: Node): HTMLElement {
  return h('div', { class: 'board-panel-row' }, h('span', { class: 'small quiet' }, label), content)
}

function swatches(current: string, filled: boolean, dark: boolean, choose: (colour: string) => void): HTMLElement {
  const names = filled ? ['none', ...Object.keys(PALETTE)] : Object.keys(PALETTE)
  return h(
    'div',
    { class: 'swatches' },
    ...names.map((name) => {
      const swatch = h('button', {
        class: name === 'none' ? 'swatch none' : 'swatch',
        type: 'button',
        title: name === 'none' ? 'No fill' : name,
        'aria-label': name === 'none' ? 'No fill' : name,
        'aria-pressed': String(name === current),
        onclick: () => choose(name),
      })
      if (name !== 'none') {
        swatch.style.setProperty('--swatch', filled ? fillColour(name, dark) : strokeColour(name, dark))
        swatch.style.setProperty('--swatch-edge', strokeColour(name, dark))
      }
      return swatch
    }),
  )
}

function choices<T extends string>(label: string, values: T[], current: T, choose: (value: T) => void, words?: Record<T, string>): HTMLElement {
  return h(
    'div',
    { class: 'choices', role: 'group', 'aria-label': label },
    ...values.map((value) =>
      h(
        'button',
        { type: 'button', title: `${label}: ${value}`, 'aria-pressed': String(value === current), onclick: () => choose(value) },
        words?.[value] ?? value,
      ),
    ),
  )
}

function slider(current: number, choose: (value: number, more: boolean) => void): HTMLElement {
  const input = h('input', { type: 'range', min: '10', max: '100', step: '5', class: 'slider', 'aria-label': 'Opacity' })
  input.value = String(Math.round(current * 100))
  input.addEventListener('input', () => choose(Number(input.value) / 100, true))
  input.addEventListener('change', () => choose(Number(input.value) / 100, false))
  return input
}

function button(label: string, node: SVGElement, run: () => void): HTMLElement {
  return h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label, onclick: run }, node)
}
