/** The properties of the selection, or of the next shape, in a column beside the board; on a phone a sheet above the tools. */

import {
  AlignCenterHorizontal, AlignCenterVertical, AlignEndHorizontal, AlignEndVertical, AlignHorizontalSpaceBetween, AlignStartHorizontal,
  AlignStartVertical, AlignVerticalSpaceBetween, ArrowDownToLine, ArrowUpToLine, Copy, Group, Lock, LockOpen, Trash2, Ungroup,
  type IconNode,
} from 'lucide'
import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import type { Align } from './arrange'
import { fillColour, PALETTE, strokeColour, type Look, type Shape } from './shapes'
import type { Restack } from './store'

export interface PanelActions {
  /** A property was chosen. `more` follows while a slider moves. */
  look(change: Partial<Look>, more: boolean): void
  restack(to: Restack): void
  lock(locked: boolean): void
  duplicate(): void
  align(how: Align): void
  distribute(axis: 'x' | 'y'): void
  group(): void
  ungroup(): void
  remove(): void
}

/** A look; null where shapes differ. */
type CommonLook = { [Key in keyof Look]: Look[Key] | null }

/** What the panel shows: the look, which rows make sense, and whether there is a selection. */
export interface PanelState {
  look: CommonLook
  rows: { stroke: boolean; fill: boolean; width: boolean; route: boolean; font: boolean }
  /** What is selected, or what comes next, in words. */
  title: string
  selected: boolean
  locked: boolean
  /** Neither a selection nor a tool that draws: nothing that a phone has room for. */
  idle: boolean
  /** How many things there are to align. */
  units: number
  /** Whether the selection can be made a group, is one, or neither. */
  grouping: 'loose' | 'group' | null
}

/** What rows a set of shape types needs. */
export function rowsFor(types: Iterable<Shape['type']>): PanelState['rows'] {
  const rows = { stroke: false, fill: false, width: false, route: false, font: false }
  for (const type of types) {
    const box = ['rectangle', 'ellipse', 'diamond'].includes(type)
    rows.stroke ||= !['note', 'image', 'frame'].includes(type)
    rows.fill ||= box || type === 'note' || type === 'frame'
    rows.width ||= box || ['pen', 'arrow', 'line'].includes(type)
    rows.route ||= type === 'arrow' || type === 'line'
    rows.font ||= !['pen', 'image', 'frame'].includes(type)
  }
  return rows
}

const ROW_OF: Partial<Record<keyof Look, keyof PanelState['rows']>> = { stroke: 'stroke', fill: 'fill', width: 'width', dash: 'width', route: 'route', fontSize: 'font' }

/** What shapes have in common: of each property, what those say that show it. */
export function commonLook(shapes: Shape[], otherwise: Look): CommonLook {
  const look: CommonLook = { ...otherwise }
  for (const key of Object.keys(look) as (keyof Look)[]) {
    const row = ROW_OF[key]
    const values = new Set(shapes.filter((shape) => row === undefined || rowsFor([shape.type])[row]).map((shape) => shape[key]))
    if (values.size > 0) Object.assign(look, { [key]: values.size === 1 ? [...values][0] : null })
  }
  return look
}

export interface Panel {
  element: HTMLElement
  /** With null it is not there; while hands are `busy` it stays as it is. */
  show(state: PanelState | null, dark: boolean, busy: boolean): void
  focus(): void
}

export function panel(actions: PanelActions): Panel {
  const element = h('aside', { class: 'board-panel', 'aria-label': 'Properties', hidden: true })
  let shown = ''

  const render = (state: PanelState, dark: boolean): void => {
    const { look, rows } = state
    // Whoever chose by keyboard goes on from there, though every button is a new one.
    const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute('data-name') : null
    fill(
      element,
      h('h2', { class: 'board-panel-title' }, state.title),
      !state.locked && rows.stroke && row('Stroke', swatches('Stroke', look.stroke, dark, (stroke) => actions.look({ stroke }, false))),
      !state.locked && rows.fill && row('Fill', swatches('Fill', look.fill, dark, (colour) => actions.look({ fill: colour }, false))),
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
      !state.locked &&
        rows.route &&
        row(
          'Route',
          choices('Route', ['straight', 'curved', 'elbow'], look.route, (route) => actions.look({ route }, false), { straight: 'Straight', curved: 'Curved', elbow: 'Elbow' }),
        ),
      !state.locked && rows.font && row('Text', choices('Font size', ['S', 'M', 'L', 'XL'], look.fontSize, (fontSize) => actions.look({ fontSize }, false))),
      !state.locked && row('Opacity', slider(look.opacity, (opacity, more) => actions.look({ opacity }, more))),
      (state.units > 1 || state.grouping !== null) && row('Arrange', arranging(actions, state)),
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
      !state.locked && lookToggle(element, state, dark),
    )
    if (typeof focused === 'string') element.querySelector<HTMLElement>(`[data-name=${JSON.stringify(focused)}]`)?.focus()
  }

  return {
    element,
    show: (state, dark, busy) => {
      element.hidden = state === null
      element.classList.toggle('busy', busy)
      if (state === null || busy) return
      element.classList.toggle('idle', state.idle)
      if (state.idle) element.classList.remove('open')
      const key = JSON.stringify([state, dark])
      // Taking an element away under the pointer would end a slider's drag.
      if (key === shown || element.querySelector('input:active') !== null) return
      shown = key
      render(state, dark)
    },
    focus: () => [...element.querySelectorAll('button')].find((control) => control.checkVisibility())?.focus(),
  }
}

function row(label: string, content: Node): HTMLElement {
  return h('div', { class: 'board-panel-row' }, h('span', { class: 'small quiet' }, label), content)
}

function swatches(label: 'Stroke' | 'Fill', current: string | null, dark: boolean, choose: (colour: string) => void): HTMLElement {
  const filled = label === 'Fill'
  const names = filled ? ['none', ...Object.keys(PALETTE)] : Object.keys(PALETTE)
  return h(
    'div',
    { class: 'swatches', role: 'group', 'aria-label': label },
    ...names.map((name) => {
      const swatch = h('button', {
        class: name === 'none' ? 'swatch none' : 'swatch',
        type: 'button',
        'data-name': `${label} ${name}`,
        title: name === 'none' ? 'No fill' : name,
        'aria-label': name === 'none' ? 'No fill' : `${label} ${name}`,
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

function choices<T extends string>(label: string, values: T[], current: T | null, choose: (value: T) => void, words?: Record<T, string>): HTMLElement {
  return h(
    'div',
    { class: 'choices', role: 'group', 'aria-label': label },
    ...values.map((value) =>
      h(
        'button',
        { type: 'button', title: `${label}: ${value}`, 'aria-label': `${label} ${value}`, 'data-name': `${label} ${value}`, 'aria-pressed': String(value === current), onclick: () => choose(value) },
        words?.[value] ?? value,
      ),
    ),
  )
}

function arranging(actions: PanelActions, { units, grouping }: PanelState): HTMLElement {
  const one = (child: HTMLElement): HTMLElement => h('div', { class: 'board-arrange' }, child)
  const group = button('Group  Ctrl G', icon(Group), () => actions.group())
  if (grouping === 'group') return one(button('Ungroup  Ctrl Shift G', icon(Ungroup), () => actions.ungroup()))
  if (units < 2) return one(group)
  const align = (how: Align, words: string, node: IconNode, key: string): HTMLElement =>
    button(`${words}  Alt ${key}`, icon(node), () => actions.align(how))
  return h(
    'div',
    { class: 'board-arrange', role: 'group', 'aria-label': 'Arrange' },
    align('left', 'Align left', AlignStartVertical, 'A'),
    align('centre', 'Align centre', AlignCenterVertical, 'H'),
    align('right', 'Align right', AlignEndVertical, 'D'),
    units > 2 ? button('Distribute across  Alt Shift H', icon(AlignHorizontalSpaceBetween), () => actions.distribute('x')) : h('span'),
    group,
    align('top', 'Align top', AlignStartHorizontal, 'W'),
    align('middle', 'Align middle', AlignCenterHorizontal, 'V'),
    align('bottom', 'Align bottom', AlignEndHorizontal, 'S'),
    units > 2 && button('Distribute down  Alt Shift V', icon(AlignVerticalSpaceBetween), () => actions.distribute('y')),
  )
}

function slider(current: number | null, choose: (value: number, more: boolean) => void): HTMLElement {
  const input = h('input', { type: 'range', min: '10', max: '100', step: '5', class: 'slider', 'aria-label': 'Opacity', 'data-name': 'Opacity' })
  input.value = String(Math.round((current ?? 1) * 100))
  input.addEventListener('input', () => choose(Number(input.value) / 100, true))
  input.addEventListener('change', () => choose(Number(input.value) / 100, false))
  return input
}

/** On a phone the rows open above this button; elsewhere they are there, and it is not. */
function lookToggle(element: HTMLElement, { look, rows }: PanelState, dark: boolean): HTMLElement {
  const toggle = h(
    'button',
    {
      class: 'button plain square board-look', type: 'button', 'aria-label': 'Colours and lines', 'data-name': 'look',
      'aria-expanded': String(element.classList.contains('open')),
      onclick: () => toggle.setAttribute('aria-expanded', String(element.classList.toggle('open'))),
    },
    h('span', { class: 'board-look-dot' }),
  )
  const inside = rows.fill && look.fill !== null && look.fill !== 'none' ? fillColour(look.fill, dark) : null
  const edge = rows.stroke && look.stroke !== null ? strokeColour(look.stroke, dark) : inside
  toggle.style.setProperty('--swatch', inside ?? 'transparent')
  toggle.style.setProperty('--swatch-edge', edge ?? 'var(--line-strong)')
  return toggle
}

function button(label: string, node: SVGElement, run: () => void): HTMLElement {
  return h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label, 'data-name': label, onclick: run }, node)
}
