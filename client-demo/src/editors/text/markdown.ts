/** Markdown to a text and back; loaded when somebody pastes or downloads it. */

import MarkdownIt from 'markdown-it'
import { MarkdownParser, MarkdownSerializer, type MarkdownSerializerState, type ParseSpec } from 'prosemirror-markdown'
import type { Mark, Node, Schema } from 'prosemirror-model'

import { safeHref, safePicture } from './safety'
import { schema as plainSchema } from './schema'

type Token = ReturnType<MarkdownIt['parse']>[number]

const grammar = new MarkdownIt('default', { html: false, linkify: false, breaks: true })
// Whether an address may become a link is ours to say; what may not stays as words.
grammar.validateLink = (address) => safeHref(address) !== null || safePicture(address) !== null
grammar.core.ruler.push('tasks', ({ tokens }) => markTasks(tokens))
grammar.core.ruler.push('cells', (state) => {
  // Cells hold blocks.
  state.tokens = state.tokens.flatMap((token) => {
    if (/^t[dh]_open$/.test(token.type)) return [token, new state.Token('paragraph_open', 'p', 1)]
    if (/^t[dh]_close$/.test(token.type)) return [new state.Token('paragraph_close', 'p', -1), token]
    return [token]
  })
})
grammar.core.ruler.push('pictures', (state) => {
  // Pictures are blocks, and only those that lie in the text are pictures: others become links.
  for (const token of state.tokens) {
    for (const child of token.children ?? []) {
      const src = child.type === 'image' ? child.attrGet('src') : null
      if (src === null || safePicture(src) !== null) continue
      child.type = 'text'
      child.content = child.content || src
    }
  }
})

/** `- [ ] ` makes an item a task; a list with tasks is a check list as a whole. */
function markTasks(tokens: Token[]): void {
  tokens.forEach((token, at) => {
    if (token.type !== 'bullet_list_open') return
    const items: [Token, Token][] = []
    let tasks = 0
    for (let i = at + 1; i < tokens.length; i++) {
      const inner = tokens[i] as Token
      if (inner.type === 'bullet_list_close' && inner.level === token.level) {
        if (tasks === 0) break
        token.type = 'task_list_open'
        inner.type = 'task_list_close'
        for (const [open, close] of items) {
          open.type = 'task_item_open'
          close.type = 'task_item_close'
        }
        break
      }
      if (inner.type !== 'list_item_open' || inner.level !== token.level + 1) continue
      const close = tokens.slice(i).find(({ type, level }) => type === 'list_item_close' && level === inner.level)
      const words = tokens[i + 2]
      const box = words?.type === 'inline' ? /^\[([ xX])\](?:\s+|$)/.exec(words.content) : null
      if (close !== undefined) items.push([inner, close])
      if (box === null || words === undefined) continue
      tasks += 1
      inner.attrSet('checked', String(box[1] !== ' '))
      words.content = words.content.slice(box[0].length)
      const first = words.children?.[0]
      if (first?.type === 'text') first.content = first.content.slice(box[0].length)
    }
  })
}

const TOKENS: Record<string, ParseSpec> = {
  blockquote: { block: 'blockquote' },
  paragraph: { block: 'paragraph' },
  list_item: { block: 'listItem' },
  task_list: { block: 'taskList' },
  task_item: { block: 'taskItem', getAttrs: (token) => ({ checked: token.attrGet('checked') === 'true' }) },
  bullet_list: { block: 'bulletList' },
  ordered_list: { block: 'orderedList', getAttrs: (token) => ({ start: Number(token.attrGet('start') ?? 1) }) },
  heading: { block: 'heading', getAttrs: (token) => ({ level: Number(token.tag.slice(1)) }) },
  code_block: { block: 'codeBlock', noCloseToken: true },
  fence: { block: 'codeBlock', getAttrs: (token) => ({ language: /^[\w+#.-]{1,40}/.exec(token.info)?.[0] ?? null }), noCloseToken: true },
  hr: { node: 'horizontalRule' },
  image: { node: 'image', getAttrs: (token) => ({ src: token.attrGet('src'), alt: token.content || null, title: token.attrGet('title') }) },
  hardbreak: { node: 'hardBreak' },
  softbreak: { node: 'hardBreak' },
  table: { block: 'table' },
  thead: { ignore: true },
  tbody: { ignore: true },
  tr: { block: 'tableRow' },
  th: { block: 'tableHeader' },
  td: { block: 'tableCell' },
  em: { mark: 'italic' },
  strong: { mark: 'bold' },
  s: { mark: 'strike' },
  link: { mark: 'link', getAttrs: (token) => ({ href: token.attrGet('href') }) },
  code_inline: { mark: 'code', noCloseToken: true },
}

/** What Markdown says, in the nodes of `schema`. */
export function parseMarkdown(source: string, schema: Schema = plainSchema): Node {
  return new MarkdownParser(schema, grammar, TOKENS).parse(source)
}


// -- and back ------------------------------------------------------------------------------------------

const serializer = new MarkdownSerializer(
  {
    paragraph: (state, node) => {
      state.renderInline(node)
      state.closeBlock(node)
    },
    heading: (state, node) => {
      state.write(`${'#'.repeat(Number(node.attrs['level']))} `)
      state.renderInline(node, false)
      state.closeBlock(node)
    },
    blockquote: (state, node) => state.wrapBlock('> ', null, node, () => state.renderContent(node)),
    codeBlock: (state, node) => {
      const fence = '`'.repeat(Math.max(3, ...[...node.textContent.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
      state.write(`${fence}${typeof node.attrs['language'] === 'string' ? node.attrs['language'] : ''}\n`)
      state.text(node.textContent, false)
      state.write('\n')
      state.write(fence)
      state.closeBlock(node)
    },
    horizontalRule: (state, node) => {
      state.write('---')
      state.closeBlock(node)
    },
    bulletList: (state, node) => state.renderList(node, '  ', () => '- '),
    orderedList: (state, node) => {
      const start = Number(node.attrs['start']) || 1
      const width = String(start + node.childCount - 1).length + 2
      state.renderList(node, ' '.repeat(width), (index) => `${start + index}. `.padEnd(width))
    },
    listItem: (state, node) => state.renderContent(node),
    taskList: (state, node) => state.renderList(node, '  ', (index) => `- [${node.child(index).attrs['checked'] === true ? 'x' : ' '}] `),
    taskItem: (state, node) => state.renderContent(node),
    image: (state, node) => {
      const { src, alt, title } = node.attrs as Record<string, unknown>
      const named = typeof title === 'string' && title !== '' ? ` "${title.replace(/"/g, '\\"')}"` : ''
      const address = safePicture(src) ?? safeHref(src)
      if (address === null) state.text(typeof alt === 'string' ? alt : '')
      else state.write(`![${state.esc(typeof alt === 'string' ? alt : '')}](${address.replace(/[()]/g, '\\$&')}${named})`)
      state.closeBlock(node)
    },
    table: (state, node) => writeTable(state, node),
    tableRow: (state, node) => state.renderContent(node),
    tableCell: (state, node) => state.renderContent(node),
    tableHeader: (state, node) => state.renderContent(node),
    hardBreak: (state, node, parent, index) => {
      for (let i = index + 1; i < parent.childCount; i++) {
        if (parent.child(i).type !== node.type) return state.write('\\\n')
      }
    },
    text: (state, node) => state.text(node.text ?? ''),
  },
  {
    bold: { open: '**', close: '**', mixable: true, expelEnclosingWhitespace: true },
    italic: { open: '*', close: '*', mixable: true, expelEnclosingWhitespace: true },
    strike: { open: '~~', close: '~~', mixable: true, expelEnclosingWhitespace: true },
    underline: { open: '', close: '', mixable: true },
    link: {
      open: (_state, mark) => (safeHref(mark.attrs['href']) === null ? '' : '['),
      close: (_state, mark) => closing(mark),
      mixable: true,
    },
    code: {
      open: (_state, _mark, parent, index) => ticks(parent.child(index), -1),
      close: (_state, _mark, parent, index) => ticks(parent.child(index - 1), 1),
      escape: false,
    },
  },
  { strict: false },
)

function closing(mark: Mark): string {
  const href = safeHref(mark.attrs['href'])
  return href === null ? '' : `](${href.replace(/[()\s<>]/g, (letter) => encodeURIComponent(letter).replace(/[()]/g, '\\$&'))})`
}

function ticks(node: Node, side: number): string {
  const most = Math.max(0, ...[...(node.text ?? '').matchAll(/`+/g)].map(([found]) => found.length))
  const fence = '`'.repeat(most + 1)
  return most === 0 ? fence : side > 0 ? ` ${fence}` : `${fence} `
}

/** Tables of Markdown have a line for each row: what is longer is joined. */
function writeTable(state: MarkdownSerializerState, table: Node): void {
  const rows: string[][] = []
  table.forEach((row) => {
    const cells: string[] = []
    row.forEach((cell) => {
      const words = serializer.serialize(cell.type.schema.topNodeType.create(null, cell.content)).trim()
      cells.push(words.replace(/\\?\n+/g, ' ').replace(/\|/g, '\\|'))
      for (let i = 1; i < Number(cell.attrs['colspan']); i++) cells.push('')
    })
    rows.push(cells)
  })
  const width = Math.max(1, ...rows.map((cells) => cells.length))
  rows.forEach((cells, index) => {
    state.write(`| ${Array.from({ length: width }, (_, at) => cells[at] ?? '').join(' | ')} |\n`)
    if (index === 0) state.write(`|${' --- |'.repeat(width)}\n`)
  })
  state.closeBlock(table)
}

/** A text as Markdown. */
export function toMarkdown(doc: Node): string {
  return `${serializer.serialize(doc).trim()}\n`
}
