/** The properties of the selection, floating beside it; with a drawing tool, those of the next shape. */

import { ArrowDownToLine, ArrowUpToLine, Copy, Group, Lock, LockOpen, Trash2, Ungroup } from 'lucide'
import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { overlaps } from './geometry'
import { fillColour, PALETTE, strokeColour, type Box, type Look, type Point, type Shape } from './shapes'
import type { Restack } from './store'

/** What it keeps away from the selection, the window and the tools below. */
const GAP = 24
const EDGE = 12
const ABOVE_DOCK = 76
const ABOVE_ZOOM = 126
/** Widths of the board as in board.css: zoom lies above the tools; the panel lies there, too. */
const MEDIUM = 1120
const NARROW = 640

export interface PanelActions {
  /** A property was chosen. `more` follows while a slider moves. */
  look(change: Partial<Look>, more: boolean): void
  restack(to: Restack): void
  lock(locked: boolean): void
  duplicate(): void
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
  selected: boolean
  locked: boolean
  /** Whether the selection can be made a group, is one, or neither. */
  grouping: 'loose' | 'group' | null
}

/** What rows a set of shape types needs. */
export function rowsFor(types: Iterable<Shape['type']>): PanelState['rows'] {
  const rows = { stroke: false, fill: false, width: false, route: false, font: false }
  for (const type of types) {
    const box = ['rectangle', 'ellipse', 'diamond'].includes(type)
    rows.stroke ||= type !== 'note' && type !== 'image'
    rows.fill ||= box || type === 'note'
    rows.width ||= box || ['pen', 'arrow', 'line'].includes(type)
    rows.route ||= type === 'arrow' || type === 'line'
    rows.font ||= type !== 'pen' && type !== 'image'
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

/** Make the panel. `show` with null hides it; `beside` is the selection in screen pixels. */
export function panel(
  actions: PanelActions,
): { element: HTMLElement; show(state: PanelState | null, dark: boolean): void; focus(): void; place(beside: Box | null, frame: { w: number; h: number }, others: () => Box[]): void } {
  const element = h('aside', { class: 'board-panel floating', 'aria-label': 'Properties', hidden: true })
  let shown = ''
  let placed = ''

  const render = (state: PanelState, dark: boolean): void => {
    const { look, rows } = state
    // Whoever chose by keyboard goes on from there, though every button is a new one.
    const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute('data-name') : null
    fill(
      element,
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
      state.selected &&
        h(
          'div',
          { class: 'row spread board-panel-actions' },
          button('Bring to front  ]', icon(ArrowUpToLine), () => actions.restack('top')),
          button('Send to back  [', icon(ArrowDownToLine), () => actions.restack('bottom')),
          state.grouping === 'loose' && button('Group  Ctrl G', icon(Group), () => actions.group()),
          state.grouping === 'group' && button('Ungroup  Ctrl Shift G', icon(Ungroup), () => actions.ungroup()),
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
    show: (state, dark) => {
      if (element.hidden !== (state === null)) {
        element.hidden = state === null
        element.classList.remove('open')
      }
      const key = JSON.stringify([state, dark])
      // Taking an element away under the pointer would end a slider's drag.
      if (state === null || key === shown || element.querySelector('input:active') !== null) return
      shown = key
      render(state, dark)
    },
    focus: () => {
      if (!element.hidden) [...element.querySelectorAll('button')].find((control) => control.checkVisibility())?.focus()
    },
    place: (beside, frame, others) => {
      if (element.hidden) return
      // Measuring costs; most frames change nothing here.
      const key = JSON.stringify([beside, frame, shown])
      if (key === placed) return
      placed = key
      if (frame.w <= NARROW) {
        element.style.left = element.style.top = ''
        return
      }
      const { x, y } = placeFor({ w: element.offsetWidth, h: element.offsetHeight }, beside, frame, others)
      element.style.left = `${Math.round(x)}px`
      element.style.top = `${Math.round(y)}px`
    },
  }
}

/** Beside the selection, where it covers the fewest other things; without one, at the left. */
function placeFor(size: { w: number; h: number }, beside: Box | null, frame: { w: number; h: number }, others: () => Box[]): Point {
  const most = { x: frame.w - size.w - EDGE, y: frame.h - size.h - (frame.w <= MEDIUM ? ABOVE_ZOOM : ABOVE_DOCK) }
  const inFrame = ({ x, y }: Point): Point => ({ x: Math.max(EDGE, Math.min(x, most.x)), y: Math.max(EDGE, Math.min(y, most.y)) })
  if (beside === null) return inFrame({ x: 16, y: (frame.h - size.h) / 2 })
  const middle = { x: beside.x + beside.w / 2 - size.w / 2, y: beside.y + beside.h / 2 - size.h / 2 }
  const places = [
    { x: beside.x + beside.w + GAP, y: middle.y },
    { x: beside.x - GAP - size.w, y: middle.y },
    { x: middle.x, y: beside.y + beside.h + GAP },
    { x: middle.x, y: beside.y - 2 * GAP - size.h },
  ].map(inFrame)
  const around = others()
  const covered = (at: Point): number => {
    const box = { ...at, ...size }
    return (overlaps(box, beside) ? 1000 : 0) + around.filter((other) => overlaps(box, other)).length
  }
  const costs = places.map(covered)
  return places[costs.indexOf(Math.min(...costs))] as Point
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
