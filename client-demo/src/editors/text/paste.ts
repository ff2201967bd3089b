/** What comes in by paste and drop: only what the schema knows, Markdown as what it says, addresses as links. */

import { DOMParser as Reader, Fragment, Slice, type Node, type NodeType, type Schema } from 'prosemirror-model'
import { Plugin } from 'prosemirror-state'
import type { EditorView } from 'prosemirror-view'

import type { EditorContext } from '../editor'
import { cleaned, cleanedPage } from './cleaning'
import { insertPictures, picturesIn } from './pictureBlocks'
import { insertInPieces, LARGE } from './pieces'
import { typedHref } from './safety'
import { looksLikeMarkdown } from './signs'

/** A stretch of HTML or Markdown that is read at once. */
const STRETCH = 24_000

/** Handles paste and drop for an editor. */
export function pasting({ toast }: Pick<EditorContext, 'toast'>): Plugin {
  return new Plugin({
    props: {
      transformPastedHTML: cleaned,
      handleDOMEvents: {
        // Before ProseMirror reads it all, which takes seconds where it is much.
        paste: (view, event) => {
          if (!view.editable || event.clipboardData === null || !pasted(view, event.clipboardData, toast)) return false
          event.preventDefault()
          return true
        },
      },
      handleDrop: (view, event, _slice, moved) => {
        const pictures = moved ? [] : picturesIn(event.dataTransfer)
        if (pictures.length === 0 || !view.editable) return false
        event.preventDefault()
        const at = view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos
        void insertPictures(view, pictures, toast, at)
        return true
      },
    },
  })
}

/** Put in what was pasted; false where it is for ProseMirror: words with formats, and what was copied here. */
function pasted(view: EditorView, data: DataTransfer, toast: EditorContext['toast']): boolean {
  const { schema } = view.state
  const [html, text] = [data.getData('text/html'), data.getData('text/plain').replace(/\r\n?/g, '\n')]
  // Office programs put a picture of the words beside the words.
  const pictures = text !== '' ? [] : picturesIn(data)
  if (pictures.length > 0) {
    void insertPictures(view, pictures, toast)
    return true
  }
  if (view.state.selection.$from.parent.type.spec.code === true) {
    if (text !== '') view.dispatch(view.state.tr.insertText(text).scrollIntoView().setMeta('paste', true))
    return true
  }
  const own = html.includes('data-pm-slice')
  if (!own && address(view, text)) return true
  // Shift: as it is.
  const plain = (view as unknown as { input?: { shiftKey?: boolean } }).input?.shiftKey === true
  if (!own && !plain && text !== '' && looksLikeMarkdown(text) && (html === '' || isOnlyCode(html))) {
    void pasteMarkdown(view, text, toast)
    return true
  }
  if (html !== '' && !plain) {
    if (html.length < LARGE) return false
    void pastePage(view, html, toast)
    return true
  }
  if (text === '') return false
  if (text.length >= LARGE) {
    void insertInPieces(view, linesOf(schema, text), text.length, toast)
    return true
  }
  const lines = new Slice(Fragment.from([...linesOf(schema, text)]), 1, 1)
  view.dispatch(view.state.tr.replaceSelection(lines).scrollIntoView().setMeta('paste', true))
  return true
}

/** One address alone: the words that are selected lead there, or it says itself. */
function address(view: EditorView, text: string): boolean {
  const words = text.trim()
  if (words === '' || words.length > 4_000 || !/^(https?:\/\/|mailto:|www\.)\S+$/i.test(words)) return false
  const href = typedHref(words)
  const type = view.state.schema.marks['link']
  const { from, to, empty, $from, $to } = view.state.selection
  if (href === null || type === undefined || !$from.sameParent($to)) return false
  const tr = view.state.tr
  if (empty) tr.insertText(words, from).addMark(from, from + words.length, type.create({ href })).removeStoredMark(type)
  else tr.removeMark(from, to, type).addMark(from, to, type.create({ href }))
  view.dispatch(tr.scrollIntoView())
  return true
}

async function pasteMarkdown(view: EditorView, text: string, toast: EditorContext['toast']): Promise<void> {
  const { parseMarkdown } = await import('./markdown')
  if (view.isDestroyed || !view.editable) return
  const { schema } = view.state
  if (text.length >= LARGE) {
    const blocks = function* (): Generator<Node> {
      for (const part of stretches(text)) yield* childrenOf(parseMarkdown(part, schema))
    }
    return insertInPieces(view, blocks(), text.length, toast)
  }
  const doc = parseMarkdown(text, schema)
  const empty = view.state.selection.$from.parent.content.size === 0
  const opens = (node: Node | null): number => (node?.type.name === 'paragraph' ? 1 : 0)
  const single = doc.childCount === 1 && opens(doc.firstChild) === 1
  // Lines join what is there; lists, tables and headings at the ends stay what they are.
  const slice = single ? new Slice(doc.content, 1, 1) : new Slice(doc.content, empty ? 0 : opens(doc.firstChild), opens(doc.lastChild))
  view.dispatch(view.state.tr.replaceSelection(slice).scrollIntoView().setMeta('paste', true))
}

async function pastePage(view: EditorView, html: string, toast: EditorContext['toast']): Promise<void> {
  const page = await cleanedPage(html)
  if (view.isDestroyed || !view.editable) return
  return insertInPieces(view, blocksOfPage(page, view.state.schema), html.length / 2, toast)
}

/** Markdown in parts that can be read alone: cut between paragraphs, in front of what begins at the margin, outside of fences. */
function* stretches(text: string): Generator<string> {
  let [begin, at, fenced] = [0, 0, false]
  let blank = true
  while (at < text.length) {
    const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at) + 1
    const line = text.slice(at, Math.min(end, at + 80))
    if (/^\s{0,3}(```|~~~)/.test(line)) fenced = !fenced
    if (blank && !fenced && at - begin > STRETCH && /^[^\s\d\-*+>|`~]/.test(line)) {
      yield text.slice(begin, at)
      begin = at
    }
    blank = line.trim() === ''
    at = end
  }
  yield text.slice(begin)
}

/** Lines of plain words, each a paragraph. */
function* linesOf(schema: Schema, text: string): Generator<Node> {
  const paragraph = schema.nodes['paragraph'] as NodeType
  for (let at = 0; at <= text.length; ) {
    const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at)
    yield paragraph.create(null, end === at ? null : schema.text(text.slice(at, end)))
    at = end + 1
  }
}

/** A page's blocks, some elements at a time. */
function* blocksOfPage(page: Document, schema: Schema): Generator<Node> {
  const reader = Reader.fromSchema(schema)
  let from: Element = page.body
  while (from.childElementCount === 1 && /^(div|b|span|article|section|main)$/i.test(from.firstElementChild?.tagName ?? '') && from.textContent === from.firstElementChild?.textContent) {
    from = from.firstElementChild as Element
  }
  const part = page.createElement('div')
  while (from.firstChild !== null) {
    let letters = 0
    while (from.firstChild !== null && letters < STRETCH / 8) {
      letters += from.firstChild.textContent?.length ?? 0
      letters += 20
      part.append(from.firstChild)
    }
    yield* childrenOf(reader.parse(part))
    part.replaceChildren()
  }
}

function childrenOf(doc: Node): Node[] {
  const children: Node[] = []
  doc.forEach((child) => children.push(child))
  return children
}

/** Editors of code put their colours beside the words. */
function isOnlyCode(html: string): boolean {
  return /^\s*(<html>\s*<body>\s*)?(<!--StartFragment-->)?(<meta[^>]*>)?\s*<(pre|div style="[^"]*(monospace|Menlo|Consolas|Courier))/i.test(html) && !/<(h[1-6]|table|ul|ol|a )/i.test(html)
}
