/** Keys of the text editor. Tab indents in lists and code and goes on in tables; elsewhere it moves on, as on every page. */

import { baseKeymap, chainCommands, exitCode, joinBackward, toggleMark } from 'prosemirror-commands'
import { undoInputRule } from 'prosemirror-inputrules'
import { keymap } from 'prosemirror-keymap'
import type { MarkType, NodeType, Schema } from 'prosemirror-model'
import { liftListItem, sinkListItem, splitListItem } from 'prosemirror-schema-list'
import { TextSelection, type Command, type Plugin } from 'prosemirror-state'
import { addRowAfter, goToNextCell, isInTable } from 'prosemirror-tables'

import { ancestor, BLOCKS, PLAIN } from './tools'
import { linkBeforeCaret } from './typing'
import type { Steps } from './undo'

/** What Tab puts into code. */
const INDENT = '  '

/** The keys; `steps` are of one's own edits. */
export function keys(schema: Schema, steps: Steps): Plugin[] {
  const mark = (name: string): Command => toggleMark(schema.marks[name] as MarkType, null, { removeWhenPresent: false })
  const [item, task] = [schema.nodes['listItem'] as NodeType, schema.nodes['taskItem'] as NodeType]
  const tool = (label: string): Command => BLOCKS.find((one) => one.label === label)?.run ?? (() => false)
  const undoing: Command = (_state, dispatch) => (dispatch === undefined ? steps.can('undo') : (steps.undo(), true))
  const redoing: Command = (_state, dispatch) => (dispatch === undefined ? steps.can('redo') : (steps.redo(), true))
  const bindings: Record<string, Command> = {
    'Mod-z': undoing,
    'Mod-y': redoing,
    'Mod-Shift-z': redoing,
    'Mod-b': mark('bold'),
    'Mod-i': mark('italic'),
    'Mod-u': mark('underline'),
    'Mod-e': mark('code'),
    'Mod-Shift-x': mark('strike'),
    'Mod-Alt-0': PLAIN.run,
    'Mod-Shift-7': tool('Numbered list'),
    'Mod-Shift-8': tool('Bulleted list'),
    'Mod-Shift-9': tool('Check list'),
    'Mod-Enter': chainCommands(toggleTask, exitCode),
    'Shift-Enter': chainCommands(exitOrBreakInCode, hardBreak),
    Enter: chainCommands(linkFirst, splitListItem(task, { checked: false }), splitListItem(item)),
    Backspace: chainCommands(undoInputRule, plainAtStart, joinItem),
    Tab: chainCommands(sinkListItem(item), sinkListItem(task), stayInList, indentCode, nextCell),
    'Shift-Tab': chainCommands(outdentItem, outdentCode, goToNextCell(-1)),
  }
  for (const level of [1, 2, 3, 4]) bindings[`Mod-Alt-${level}`] = tool(`Heading ${level}`)
  return [keymap(bindings), keymap(baseKeymap)]
}

/** An address that ends with Enter becomes a link, then the line is split as always. */
const linkFirst: Command = (state, dispatch) => {
  const tr = linkBeforeCaret(state)
  if (tr !== null) dispatch?.(tr)
  return false
}

const toggleTask: Command = (state, dispatch) => {
  const { $from } = state.selection
  const task = ancestor($from, 'taskItem')
  if (task === null) return false
  dispatch?.(state.tr.setNodeAttribute($from.before(task.depth), 'checked', task.node.attrs['checked'] !== true))
  return true
}

const hardBreak: Command = (state, dispatch) => {
  const type = state.schema.nodes['hardBreak']
  if (type === undefined || !state.selection.$from.parent.inlineContent) return false
  dispatch?.(state.tr.replaceSelectionWith(type.create()).scrollIntoView())
  return true
}

const exitOrBreakInCode: Command = (state, dispatch) => {
  if (state.selection.$from.parent.type.spec.code !== true) return false
  dispatch?.(state.tr.insertText('\n').scrollIntoView())
  return true
}

/** Backspace at the start of a heading or of code makes it plain first. */
const plainAtStart: Command = (state, dispatch) => {
  const { $from, empty } = state.selection
  if (!empty || $from.parentOffset > 0 || !/^(heading|codeBlock)$/.test($from.parent.type.name)) return false
  if (dispatch === undefined) return true
  dispatch(state.tr.setBlockType($from.pos, $from.pos, state.schema.nodes['paragraph'] as NodeType))
  return true
}

/** Backspace at the start of an item takes it out of its list. */
const joinItem: Command = (state, dispatch, view) => {
  const { $from, empty } = state.selection
  if (!empty || $from.parentOffset > 0 || $from.depth < 2) return false
  const item = $from.node(-1).type
  if (!/^(listItem|taskItem)$/.test(item.name) || $from.index(-1) > 0) return false
  return liftListItem(item)(state, dispatch) || joinBackward(state, dispatch, view)
}

/** Out of the inner list; an item of the outermost stays one. */
const outdentItem: Command = (state, dispatch) => {
  const { $from } = state.selection
  if (!stayInList(state)) return false
  const depth = (ancestor($from, 'listItem')?.depth ?? 0) > (ancestor($from, 'taskItem')?.depth ?? 0) ? ancestor($from, 'listItem')?.depth : ancestor($from, 'taskItem')?.depth
  const outer = depth === undefined || depth < 3 ? null : $from.node(depth - 2).type
  if (depth === undefined || outer === null || !/^(listItem|taskItem)$/.test(outer.name)) return true
  return liftListItem($from.node(depth).type)(state, dispatch) || true
}

/** The first item cannot go deeper; Tab leaves no list because of that. */
const stayInList: Command = (state) => ancestor(state.selection.$from, 'listItem') !== null || ancestor(state.selection.$from, 'taskItem') !== null

const nextCell: Command = (state, dispatch, view) => {
  if (!isInTable(state)) return false
  if (goToNextCell(1)(state, dispatch)) return true
  if (dispatch === undefined || view === undefined) return true
  // Behind the last cell comes a new row.
  addRowAfter(state, dispatch)
  return goToNextCell(1)(view.state, dispatch)
}

const indentCode: Command = (state, dispatch) => codeLines(state, dispatch, (line) => `${INDENT}${line}`)
const outdentCode: Command = (state, dispatch) => codeLines(state, dispatch, (line) => line.replace(/^(\t| {1,2})/, ''))

function codeLines(state: Parameters<Command>[0], dispatch: Parameters<Command>[1], change: (line: string) => string): boolean {
  const { $from, $to, empty, from } = state.selection
  if ($from.parent.type.spec.code !== true || !$from.sameParent($to)) return false
  if (dispatch === undefined) return true
  const text = $from.parent.textContent
  if (empty && change('') === INDENT) {
    dispatch(state.tr.insertText(INDENT))
    return true
  }
  const begin = text.lastIndexOf('\n', $from.parentOffset - 1) + 1
  const end = text.indexOf('\n', $to.parentOffset) < 0 ? text.length : text.indexOf('\n', $to.parentOffset)
  const old = text.slice(begin, end)
  const lines = old.split('\n').map(change).join('\n')
  if (lines === old) return true
  const start = $from.start()
  const tr = state.tr.insertText(lines, start + begin, start + end).setMeta('uiEvent', 'indent')
  const head = Math.max(start + begin, from + lines.split('\n')[0]!.length - old.split('\n')[0]!.length)
  tr.setSelection(empty ? TextSelection.create(tr.doc, head) : TextSelection.create(tr.doc, start + begin, start + begin + lines.length))
  dispatch(tr)
  return true
}
