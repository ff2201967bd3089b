/** What can be done with a text, by name: the same list for the bar, the menu of an empty line, and the keys. */

import {
  Bold, CheckSquare, Code, Heading1, Heading2, Heading3, Heading4, Italic, List, ListOrdered, Minus, Pilcrow, Quote, SquareCode,
  Strikethrough, Table, Underline, type IconNode,
} from 'lucide'
import { lift, setBlockType, toggleMark, wrapIn } from 'prosemirror-commands'
import { Fragment, type Attrs, type Node, type NodeType, type ResolvedPos, type Schema } from 'prosemirror-model'
import { liftListItem, wrapInList } from 'prosemirror-schema-list'
import { Selection, TextSelection, type Command, type EditorState, type Transaction } from 'prosemirror-state'

export interface Tool {
  label: string
  icon: IconNode
  /** In grey: a shortcut, or what to type. */
  hint?: string
  /** Words that find it in the menu of an empty line. */
  also?: string
  isOn: (state: EditorState) => boolean
  run: Command
}

export const MARKS: Tool[] = [
  markTool('Bold', Bold, 'bold', 'Ctrl B'),
  markTool('Italic', Italic, 'italic', 'Ctrl I'),
  markTool('Underline', Underline, 'underline', 'Ctrl U'),
  markTool('Strikethrough', Strikethrough, 'strike'),
  markTool('Code', Code, 'code', '`code`'),
]

const HEADINGS = ([[1, Heading1], [2, Heading2], [3, Heading3], [4, Heading4]] as const).map(([level, icon]): Tool => ({
  label: `Heading ${level}`,
  icon,
  hint: '#'.repeat(level),
  also: `h${level} title`,
  isOn: (state) => isIn(state, 'heading', { level }),
  run: (state, dispatch) => setBlock(isIn(state, 'heading', { level }) ? 'paragraph' : 'heading', { level })(state, dispatch),
}))

const LISTS: Tool[] = [
  listTool('Bulleted list', List, 'bulletList', 'listItem', '-', 'ul points'),
  listTool('Numbered list', ListOrdered, 'orderedList', 'listItem', '1.', 'ol'),
  listTool('Check list', CheckSquare, 'taskList', 'taskItem', '[]', 'todo tasks'),
]

const QUOTE: Tool = {
  label: 'Quote',
  icon: Quote,
  hint: '>',
  also: 'blockquote citation',
  isOn: (state) => ancestor(state.selection.$from, 'blockquote') !== null,
  run: (state, dispatch) => {
    if (ancestor(state.selection.$from, 'blockquote') !== null) return lift(state, dispatch)
    return then(outOfLists, then(setBlock('paragraph'), wrapIn(typeOf(state, 'blockquote'))))(state, dispatch)
  },
}
const CODE_BLOCK: Tool = {
  label: 'Code block',
  icon: SquareCode,
  hint: '```',
  also: 'pre fence',
  isOn: (state) => isIn(state, 'codeBlock'),
  run: (state, dispatch) => setBlock(isIn(state, 'codeBlock') ? 'paragraph' : 'codeBlock')(state, dispatch),
}
const PLAIN: Tool = {
  label: 'Text',
  icon: Pilcrow,
  also: 'paragraph plain',
  isOn: (state) => isIn(state, 'paragraph'),
  run: (state, dispatch) => setBlock('paragraph')(state, dispatch),
}
const TABLE: Tool = { label: 'Table', icon: Table, also: 'grid rows columns', isOn: () => false, run: insertTable(3, 3) }
const DIVIDER: Tool = { label: 'Divider', icon: Minus, hint: '---', also: 'line rule hr', isOn: () => false, run: insertDivider }

/** What an empty line can become; a picture needs a file and is added by the menu. */
export const BLOCKS: Tool[] = [...HEADINGS, ...LISTS, QUOTE, DIVIDER, TABLE, CODE_BLOCK]
/** What a floating bar has room for. */
export const IN_BAR: Tool[] = [...HEADINGS.slice(0, 3), ...LISTS, QUOTE, CODE_BLOCK]
export { PLAIN }

function markTool(label: string, icon: IconNode, mark: string, hint?: string): Tool {
  const type = (state: EditorState) => state.schema.marks[mark]
  return {
    label,
    icon,
    ...(hint === undefined ? {} : { hint }),
    isOn: (state) => {
      const found = type(state)
      if (found === undefined) return false
      const { from, to, empty, $from } = state.selection
      return empty ? found.isInSet(state.storedMarks ?? $from.marks()) !== undefined : state.doc.rangeHasMark(from, to, found)
    },
    run: (state, dispatch, view) => {
      const found = type(state)
      return found !== undefined && toggleMark(found, null, { removeWhenPresent: false })(state, dispatch, view)
    },
  }
}

function listTool(label: string, icon: IconNode, list: string, item: string, hint: string, also: string): Tool {
  const inIt = (state: EditorState): boolean => nearestList(state.selection.$from)?.node.type.name === list
  return {
    label,
    icon,
    hint,
    also,
    isOn: inIt,
    run: (state, dispatch) => {
      if (inIt(state)) return liftListItem(typeOf(state, item))(state, dispatch)
      const around = nearestList(state.selection.$from)
      if (around !== null) return changeList(around, list, item)(state, dispatch)
      // Only words can be an item's first line.
      return then(setBlock('paragraph'), wrapInList(typeOf(state, list)))(state, dispatch)
    },
  }
}

/** Another kind of list around the same items. */
function changeList(around: { node: Node; at: number }, list: string, item: string): Command {
  return (state, dispatch) => {
    const { node, at } = around
    const items: Node[] = []
    node.forEach((child) => items.push(typeOf(state, item).create(null, child.content)))
    const made = typeOf(state, list).create(null, Fragment.from(items))
    if (dispatch === undefined) return true
    const { anchor, head } = state.selection
    const tr = state.tr.replaceWith(at, at + node.nodeSize, made)
    dispatch(tr.setSelection(TextSelection.create(tr.doc, anchor, head)).scrollIntoView())
    return true
  }
}

/** One command after the other, as one step; what the first cannot do is left out. */
function then(first: Command, second: Command): Command {
  return (state, dispatch) => {
    const tr = state.tr
    let now = state
    const collect = (next: Transaction): void => {
      for (const step of next.steps) tr.step(step)
      now = now.apply(next)
    }
    first(state, collect)
    if (!second(now, collect)) return false
    dispatch?.(tr.setSelection(Selection.fromJSON(tr.doc, now.selection.toJSON())).scrollIntoView())
    return true
  }
}

/** Words of an item, out of all of its lists. */
const outOfLists: Command = (state, dispatch) => {
  const around = nearestItem(state.selection.$from)
  if (around === null) return false
  let once: Command = liftListItem(around)
  for (let depth = state.selection.$from.depth; depth > 3; depth--) once = then(once, (now, go) => liftAgain(now, go))
  return once(state, dispatch)
}

function liftAgain(state: EditorState, dispatch: Parameters<Command>[1]): boolean {
  const around = nearestItem(state.selection.$from)
  if (around !== null) liftListItem(around)(state, dispatch)
  return true
}

function nearestItem($pos: ResolvedPos): NodeType | null {
  return nearestList($pos) === null ? null : $pos.node(nearestDepth($pos)).type
}

function nearestDepth($pos: ResolvedPos): number {
  let depth = $pos.depth
  while (depth > 0 && !/^(listItem|taskItem)$/.test($pos.node(depth).type.name)) depth -= 1
  return depth
}

/** Make the lines of the selection headings, code, or plain again; headings and code leave their lists. */
export function setBlock(name: string, attrs: Attrs | null = null): Command {
  return (state, dispatch) => {
    const change: Command = (now, go) => setBlockType(typeOf(now, name), name === 'paragraph' ? null : attrs)(now, go)
    return name === 'paragraph' || nearestItem(state.selection.$from) === null ? change(state, dispatch) : then(outOfLists, change)(state, dispatch)
  }
}

function insertTable(rows: number, columns: number): Command {
  return (state, dispatch) => {
    const { schema } = state
    const row = (cell: string): Node => make(schema, 'tableRow', Array.from({ length: columns }, () => make(schema, cell, [make(schema, 'paragraph')])))
    const table = make(schema, 'table', [row('tableHeader'), ...Array.from({ length: rows - 1 }, () => row('tableCell'))])
    return insertBlock(table, 'inside')(state, dispatch)
  }
}

function insertDivider(state: EditorState, dispatch?: Parameters<Command>[1]): boolean {
  return insertBlock(make(state.schema, 'horizontalRule'), 'after')(state, dispatch)
}

/** Put a block where the caret is, in place of an empty line; the caret goes into it, or behind it. */
export function insertBlock(block: Node, caret: 'inside' | 'after'): Command {
  return (state, dispatch) => {
    if (dispatch === undefined) return true
    const { $from } = state.selection
    const depth = $from.parent.isTextblock ? $from.depth : $from.depth + 1
    const empty = $from.parent.isTextblock && $from.parent.content.size === 0
    const whole = depth <= $from.depth && depth > 0
    const from = whole ? (empty ? $from.before(depth) : $from.after(depth)) : state.selection.to
    const to = empty ? $from.after(depth) : from
    const parent = state.doc.resolve(from)
    // Behind it one goes on writing.
    const last = parent.parent.childCount === (empty ? parent.index() + 1 : parent.index())
    const tr = state.tr
    tr.replaceWith(from, to, last ? [block, make(state.schema, 'paragraph')] : [block])
    const at = caret === 'inside' ? from + 1 : from + block.nodeSize
    tr.setSelection(Selection.near(tr.doc.resolve(Math.min(at, tr.doc.content.size)), 1)).scrollIntoView()
    dispatch(tr)
    return true
  }
}

/** The list whose item a place is directly in. */
export function nearestList($pos: ResolvedPos): { node: Node; at: number } | null {
  for (let depth = $pos.depth; depth > 0; depth--) {
    const node = $pos.node(depth)
    if (/^(bulletList|orderedList|taskList)$/.test(node.type.name)) return { node, at: $pos.before(depth) }
    if (node.type.name.startsWith('table')) return null
  }
  return null
}

/** The nearest node of a type around a place. */
export function ancestor($pos: ResolvedPos, name: string): { node: Node; depth: number } | null {
  for (let depth = $pos.depth; depth > 0; depth--) {
    if ($pos.node(depth).type.name === name) return { node: $pos.node(depth), depth }
  }
  return null
}

function isIn(state: EditorState, name: string, attrs: Attrs = {}): boolean {
  const { parent } = state.selection.$from
  return parent.type.name === name && Object.entries(attrs).every(([key, value]) => parent.attrs[key] === value)
}

function make(schema: Schema, name: string, content?: Node[]): Node {
  return (schema.nodes[name] as NodeType).create(null, content)
}

function typeOf(state: EditorState, name: string): NodeType {
  return state.schema.nodes[name] as NodeType
}
