/** Markdown while typing, and addresses that become links. */

import { InputRule, inputRules, textblockTypeInputRule, wrappingInputRule } from 'prosemirror-inputrules'
import type { MarkType, NodeType, Schema } from 'prosemirror-model'
import { Plugin, TextSelection, type EditorState, type Transaction } from 'prosemirror-state'

import { typedHref } from './safety'
import { insertBlock } from './tools'

const ADDRESS = /(?:^|[\s([{"'«„“])((?:https?:\/\/|www\.)[^\s<>]+[^\s<>.,:;!?'")\]}»“”])([.,:;!?'")\]}»“”]*)$/i

/**
 * `# ` to `#### `, `> `, `- `, `1. `, `[] `, ``` and `---` at the start of a line; **bold**, *italic*, `code`,
 * ~~strike~~, [words](address) and addresses in it. `step` is called before each, so that one undo brings
 * back what was typed.
 */
export function markdownTyping(schema: Schema, step: () => void): Plugin[] {
  const node = (name: string): NodeType => schema.nodes[name] as NodeType
  const mark = (name: string): MarkType => schema.marks[name] as MarkType
  const rules = inputRules({
    rules: [
      textblockTypeInputRule(/^(#{1,4})\s$/, node('heading'), (match) => ({ level: match[1]?.length ?? 1 })),
      textblockTypeInputRule(/^```([\w+#.-]{0,40})\s$/, node('codeBlock'), (match) => ({ language: match[1] || null })),
      wrappingInputRule(/^\s*>\s$/, node('blockquote')),
      markerAgain(/^\s*[-+*]\s$/, 'bulletList'),
      markerAgain(/^\s*\d{1,9}\.\s$/, 'orderedList'),
      markerAgain(/^\s*(?:[-+*]|\[([ xX]?)\])\s$/, 'taskList'),
      taskRule(schema),
      wrappingInputRule(/^\s*([-+*])\s$/, node('bulletList')),
      wrappingInputRule(
        /^\s*(\d{1,9})\.\s$/,
        node('orderedList'),
        (match) => ({ start: Number(match[1]) }),
        (match, before) => before.childCount + Number(before.attrs['start']) === Number(match[1]),
      ),
      new InputRule(/^(?:---|___|\*\*\*)$/, (state, _match, from, to) => {
        if (state.selection.$from.parent.type.name !== 'paragraph' || to !== state.selection.$from.end()) return null
        const tr = state.tr.delete(from, to)
        let made: Transaction | null = null
        insertBlock(node('horizontalRule').create(), 'after')(state.apply(tr), (next) => (made = next))
        for (const one of (made as Transaction | null)?.steps ?? []) tr.step(one)
        return tr.setSelection(TextSelection.near(tr.doc.resolve(Math.min(from + 1, tr.doc.content.size)), 1))
      }),
      inline(/(?:^|[^*])(\*\*([^*\s](?:[^*]*[^*\s])?)\*\*)$/, mark('bold')),
      inline(/(?:^|[^_\w])(__([^_\s](?:[^_]*[^_\s])?)__)$/, mark('bold')),
      inline(/(?:^|[^*])(\*([^*\s](?:[^*]*[^*\s])?)\*)$/, mark('italic')),
      inline(/(?:^|[^_\w])(_([^_\s](?:[^_]*[^_\s])?)_)$/, mark('italic')),
      inline(/(?:^|[^`])(`([^`]+)`)$/, mark('code')),
      inline(/(?:^|[^~])(~~([^~\s](?:[^~]*[^~\s])?)~~)$/, mark('strike')),
      linkRule(schema),
      new InputRule(/\s$/, (state, match, from, to) => linked(state, from, to, match[0])),
    ],
  })
  const before = new Plugin({
    state: {
      init: () => null,
      apply: (tr) => {
        if (tr.getMeta(rules) !== undefined) step()
        return null
      },
    },
  })
  return [before, rules]
}

/** Enter ends a word too; run before the line is split. Returns whether there was an address. */
export function linkBeforeCaret(state: EditorState): Transaction | null {
  const { $from, empty } = state.selection
  return empty ? linked(state, $from.pos, $from.pos, '') : null
}

function linked(state: EditorState, from: number, to: number, typed: string): Transaction | null {
  const { $from } = state.selection
  const link = state.schema.marks['link']
  if (link === undefined || $from.parent.type.spec.code === true || !$from.parent.isTextblock) return null
  const before = $from.parent.textBetween(Math.max(0, $from.parentOffset - 2_000), $from.parentOffset, undefined, '￼')
  const found = ADDRESS.exec(before)
  const href = found?.[1] === undefined ? null : typedHref(found[1])
  if (found?.[1] === undefined || href === null) return null
  const end = $from.pos - (found[2]?.length ?? 0)
  const start = end - found[1].length
  if (state.doc.rangeHasMark(start, end, link)) return null
  const tr = state.tr
  if (typed !== '') tr.insertText(typed, from, to)
  return tr.addMark(start, end, link.create({ href })).removeStoredMark(link)
}

/** Who types a marker in front of every item has it once: the list makes them. `[x]` ticks. */
function markerAgain(pattern: RegExp, list: string): InputRule {
  return new InputRule(pattern, (state, match, start, end) => {
    const { $from } = state.selection
    if ($from.depth < 3 || $from.node(-2).type.name !== list || $from.index(-1) > 0) return null
    const tr = state.tr.delete(start, end)
    if (/x/i.test(match[1] ?? '')) tr.setNodeAttribute($from.before(-1), 'checked', true)
    return tr
  })
}

function taskRule(schema: Schema): InputRule {
  return new InputRule(/^\s*\[([ xX]?)\]\s$/, (state, match, start, end) => {
    const checked = /x/i.test(match[1] ?? '')
    const { $from } = state.selection
    const [list, item] = [schema.nodes['taskList'] as NodeType, schema.nodes['taskItem'] as NodeType]
    const tr = state.tr.delete(start, end)
    const at = tr.doc.resolve(start)
    // "- [ ] " came as a bullet first.
    if ($from.depth > 1 && $from.node(-1).type.name === 'listItem' && $from.node(-2).childCount === 1) {
      const outer = at.before(at.depth - 2)
      const made = list.create(null, item.create({ checked }, at.node(at.depth - 1).content))
      tr.replaceWith(outer, at.after(at.depth - 2), made)
      return tr.setSelection(TextSelection.create(tr.doc, start))
    }
    const range = at.blockRange()
    if (range === null || at.parent.type.name !== 'paragraph') return null
    const wrapping = [{ type: list, attrs: null }, { type: item, attrs: { checked } }]
    if (!range.parent.canReplaceWith(range.startIndex, range.endIndex, list)) return null
    return tr.wrap(range, wrapping)
  })
}

/** Marks around words: the marks go, the words get the format, and what is typed next is plain again. */
function inline(pattern: RegExp, type: MarkType): InputRule {
  return new InputRule(pattern, (state, match, _from, to) => {
    const [, whole, words] = match
    if (whole === undefined || words === undefined) return null
    // The last character of the mark is not in the document yet.
    const start = to - (whole.length - 1)
    const code = state.schema.marks['code']
    if (code !== undefined && state.doc.rangeHasMark(start, to, code)) return null
    const opening = whole.indexOf(words)
    const tr = state.tr
    tr.delete(start + opening + words.length, to)
    tr.delete(start, start + opening)
    tr.addMark(start, start + words.length, type.create())
    return tr.removeStoredMark(type)
  }, { inCodeMark: false })
}

function linkRule(schema: Schema): InputRule {
  return new InputRule(/(?:^|[^!\\])(\[([^\]]+)\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\))$/, (state, match, _from, to) => {
    const [, whole, words, address] = match
    const href = address === undefined ? null : typedHref(address)
    const link = schema.marks['link']
    if (whole === undefined || words === undefined || href === null || link === undefined) return null
    const start = to - (whole.length - 1)
    const tr = state.tr.delete(start + 1 + words.length, to).delete(start, start + 1)
    return tr.addMark(start, start + words.length, link.create({ href })).removeStoredMark(link)
  }, { inCodeMark: false })
}
