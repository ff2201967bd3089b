/** Rows and columns of a table: a bar over the table that the caret is in. */

import { BetweenHorizontalEnd, BetweenHorizontalStart, BetweenVerticalEnd, BetweenVerticalStart, Heading, MoreHorizontal, TableCellsMerge, TableCellsSplit, Trash2, type IconNode } from 'lucide'
import { Plugin, TextSelection, type Command } from 'prosemirror-state'
import {
  addColumnAfter, addColumnBefore, addRowAfter, addRowBefore, CellSelection, deleteColumn, deleteRow, deleteTable, mergeCells, splitCell,
  tableEditing, toggleHeaderColumn, toggleHeaderRow,
} from 'prosemirror-tables'
import type { EditorView } from 'prosemirror-view'

import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { openMenu } from '../../ui/overlays'
import { arrowKeys } from '../arrowKeys'
import { cameFromDocument } from './sync'
import { ancestor } from './tools'

/** Editing of tables; what is crooked is put right only by hands at this screen, never by everybody at once. */
export function tables(): Plugin {
  const plugin = tableEditing()
  const { appendTransaction } = plugin.spec
  plugin.spec.appendTransaction = function (transactions, before, after) {
    if (!transactions.some((tr) => (tr.docChanged || tr.selectionSet) && !cameFromDocument(tr))) return null
    return appendTransaction?.call(plugin, transactions, before, after)
  }
  return plugin
}

const IN_BAR: [string, IconNode, Command][] = [
  ['Row above', BetweenHorizontalStart, addRowBefore],
  ['Row below', BetweenHorizontalEnd, addRowAfter],
  ['Column before', BetweenVerticalStart, addColumnBefore],
  ['Column after', BetweenVerticalEnd, addColumnAfter],
]
const IN_MENU: ([string, IconNode | null, Command] | null)[] = [
  ['Heading row', Heading, toggleHeaderRow],
  ['Heading column', Heading, toggleHeaderColumn],
  ['Merge cells', TableCellsMerge, mergeCells],
  ['Split cell', TableCellsSplit, splitCell],
  null,
  ['Delete row', null, deleteRow],
  ['Delete column', null, deleteColumn],
]

/** Put the bar onto a page; returns what the editor calls. */
export function tableBar(view: EditorView, page: HTMLElement): { update(): void; element: HTMLElement; destroy(): void } {
  const run = (command: Command) => (): void => {
    command(view.state, view.dispatch, view)
    view.focus()
  }
  const more = button('Table', MoreHorizontal, () => {
    const items = IN_MENU.filter((entry) => entry === null || entry[2](view.state))
    openMenu(more, items.map((entry) => (entry === null ? null : { label: entry[0], run: run(entry[2]) })))
  })
  const element = h('div', { class: 'table-bar floating row', role: 'toolbar', 'aria-label': 'Table', hidden: true })
  fill(
    element,
    ...IN_BAR.map(([label, node, command]) => button(label, node, run(command))),
    button('Delete table', Trash2, run(deleteTable)),
    more,
  )
  element.querySelectorAll('button').forEach((one, index) => (one.tabIndex = index === 0 ? 0 : -1))
  arrowKeys(element)
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') view.focus()
  })
  page.append(element)

  const update = (): void => {
    const { selection } = view.state
    const found = ancestor(selection.$from, 'table')
    const busy = element.contains(document.activeElement) || more.getAttribute('aria-expanded') === 'true'
    element.hidden = found === null || !view.editable || !(view.hasFocus() || busy) || (!selection.empty && !(selection instanceof CellSelection))
    if (found === null || element.hidden) return
    const dom = view.nodeDOM(selection.$from.before(found.depth))
    if (!(dom instanceof HTMLElement)) return
    const [table, frame] = [dom.getBoundingClientRect(), page.getBoundingClientRect()]
    element.style.top = `${table.top - frame.top - element.offsetHeight - 6}px`
    element.style.left = `${Math.max(8, Math.min(table.left - frame.left, page.clientWidth - element.offsetWidth - 8))}px`
  }
  return { update, element, destroy: () => element.remove() }
}

/** The caret behind a table where nothing is behind it. */
export const behindTable: Command = (state, dispatch) => {
  const found = ancestor(state.selection.$from, 'table')
  const paragraph = state.schema.nodes['paragraph']
  if (found === null || paragraph === undefined) return false
  const end = state.selection.$from.after(found.depth)
  if (end < state.doc.content.size) return false
  const tr = state.tr.insert(end, paragraph.create())
  dispatch?.(tr.setSelection(TextSelection.create(tr.doc, end + 1)).scrollIntoView())
  return true
}

function button(label: string, node: IconNode, run: () => void): HTMLButtonElement {
  const made = h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label }, icon(node))
  made.addEventListener('pointerdown', (event) => event.preventDefault())
  made.addEventListener('click', run)
  return made
}
