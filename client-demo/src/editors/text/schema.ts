/** What a text is made of: Tiptap's default names, so that its editors and servers read the same documents. */

import { Schema, type DOMOutputSpec, type MarkSpec, type NodeSpec } from 'prosemirror-model'

import { safeHref, safePicture } from './safety'

/** Every line finds its own direction; what is around lines takes it from them, in text.css. */
const AUTO = { dir: 'auto' }

const cellAttributes = { colspan: { default: 1 }, rowspan: { default: 1 }, colwidth: { default: null } }

function cellOf(dom: HTMLElement): Record<string, unknown> {
  const span = (name: string): number => Math.min(1000, Math.max(1, Number(dom.getAttribute(name)) || 1))
  const widths = dom.getAttribute('data-colwidth')?.split(',').map(Number) ?? []
  const colspan = span('colspan')
  return { colspan, rowspan: span('rowspan'), colwidth: widths.length === colspan && widths.every((width) => width > 0) ? widths : null }
}

function cellDom(tag: 'td' | 'th', attrs: Record<string, unknown>): DOMOutputSpec {
  const { colspan, rowspan } = attrs
  return [tag, { ...(colspan === 1 ? {} : { colspan }), ...(rowspan === 1 ? {} : { rowspan }) }, 0]
}

function pixels(value: unknown): number | null {
  const width = Number(value)
  return Number.isFinite(width) && width >= 1 && width <= 10_000 ? Math.round(width) : null
}

function level(value: unknown): number {
  return Math.min(6, Math.max(1, Math.round(Number(value)) || 1))
}

const nodes: Record<string, NodeSpec> = {
  doc: { content: 'block+' },
  paragraph: { group: 'block', content: 'inline*', parseDOM: [{ tag: 'p' }], toDOM: () => ['p', AUTO, 0] },
  heading: {
    group: 'block',
    content: 'inline*',
    defining: true,
    attrs: { level: { default: 1 } },
    parseDOM: [1, 2, 3, 4, 5, 6].map((number) => ({ tag: `h${number}`, attrs: { level: number } })),
    toDOM: ({ attrs }) => [`h${level(attrs['level'])}`, AUTO, 0],
  },
  blockquote: { group: 'block', content: 'block+', defining: true, parseDOM: [{ tag: 'blockquote' }], toDOM: () => ['blockquote', 0] },
  codeBlock: {
    group: 'block',
    content: 'text*',
    marks: '',
    code: true,
    defining: true,
    attrs: { language: { default: null } },
    parseDOM: [
      {
        tag: 'pre',
        preserveWhitespace: 'full',
        getAttrs: (dom) => ({ language: /(?:^|\s)language-([\w+#.-]{1,40})/.exec(dom.querySelector('code')?.className ?? dom.className)?.[1] ?? null }),
      },
    ],
    toDOM: ({ attrs }) => ['pre', { spellcheck: 'false' }, ['code', typeof attrs['language'] === 'string' ? { class: `language-${attrs['language']}` } : {}, 0]],
  },
  horizontalRule: { group: 'block', parseDOM: [{ tag: 'hr' }], toDOM: () => ['hr'] },
  bulletList: {
    group: 'block list',
    content: 'listItem+',
    parseDOM: [{ tag: 'ul' }],
    toDOM: () => ['ul', 0],
  },
  orderedList: {
    group: 'block list',
    content: 'listItem+',
    attrs: { start: { default: 1 }, type: { default: null } },
    parseDOM: [{ tag: 'ol', getAttrs: (dom) => ({ start: Number(dom.getAttribute('start') ?? 1) || 1 }) }],
    toDOM: ({ attrs }) => ['ol', attrs['start'] === 1 ? {} : { start: Number(attrs['start']) || 1 }, 0],
  },
  listItem: { content: 'paragraph block*', defining: true, parseDOM: [{ tag: 'li' }], toDOM: () => ['li', 0] },
  taskList: {
    group: 'block list',
    content: 'taskItem+',
    parseDOM: [{ tag: 'ul[data-type="taskList"]', priority: 60 }],
    toDOM: () => ['ul', { 'data-type': 'taskList' }, 0],
  },
  taskItem: {
    content: 'paragraph block*',
    defining: true,
    attrs: { checked: { default: false } },
    parseDOM: [{ tag: 'li[data-type="taskItem"]', priority: 60, getAttrs: (dom) => ({ checked: dom.dataset['checked'] === 'true' }) }],
    toDOM: ({ attrs }) => ['li', { 'data-type': 'taskItem', 'data-checked': String(attrs['checked'] === true) }, 0],
  },
  image: {
    group: 'block',
    draggable: true,
    attrs: { src: { default: null }, alt: { default: null }, title: { default: null }, width: { default: null }, height: { default: null } },
    parseDOM: [
      {
        tag: 'img[src]',
        getAttrs: (dom) => {
          const src = safePicture(dom.getAttribute('src'))
          return src === null ? false : { src, alt: dom.getAttribute('alt'), title: dom.getAttribute('title'), width: pixels(dom.getAttribute('width')) }
        },
      },
    ],
    toDOM: ({ attrs }) => {
      const [src, width] = [safePicture(attrs['src']), pixels(attrs['width'])]
      const alt = typeof attrs['alt'] === 'string' ? attrs['alt'] : ''
      return src === null ? ['span', { class: 'unknown' }, alt || 'A picture from elsewhere'] : ['img', { src, alt, ...(width === null ? {} : { width }) }]
    },
  },
  table: {
    group: 'block',
    content: 'tableRow+',
    tableRole: 'table',
    isolating: true,
    parseDOM: [{ tag: 'table' }],
    toDOM: () => ['div', { class: 'table-scroller' }, ['table', ['tbody', 0]]],
  },
  tableRow: { content: '(tableCell | tableHeader)*', tableRole: 'row', parseDOM: [{ tag: 'tr' }], toDOM: () => ['tr', 0] },
  tableCell: {
    content: 'block+',
    tableRole: 'cell',
    isolating: true,
    attrs: cellAttributes,
    parseDOM: [{ tag: 'td', getAttrs: cellOf }],
    toDOM: ({ attrs }) => cellDom('td', attrs),
  },
  tableHeader: {
    content: 'block+',
    tableRole: 'header_cell',
    isolating: true,
    attrs: cellAttributes,
    parseDOM: [{ tag: 'th', getAttrs: cellOf }],
    toDOM: ({ attrs }) => cellDom('th', attrs),
  },
  hardBreak: { group: 'inline', inline: true, selectable: false, linebreakReplacement: true, parseDOM: [{ tag: 'br' }], toDOM: () => ['br'] },
  text: { group: 'inline' },
  // What other programs put into the document and this editor does not know; see tolerance.ts.
  foreign: foreignSpec({ group: 'block' }),
  foreignInline: foreignSpec({ group: 'inline', inline: true }),
}

function foreignSpec(where: NodeSpec): NodeSpec {
  return {
    ...where,
    atom: true,
    selectable: true,
    attrs: { name: { default: '' } },
    toDOM: () => [where.inline === true ? 'span' : 'div', { class: 'unknown', title: 'Something that this editor cannot show' }, '▢'],
  }
}

const marks: Record<string, MarkSpec> = {
  link: {
    inclusive: false,
    attrs: { href: { default: null }, target: { default: null }, rel: { default: null }, class: { default: null } },
    parseDOM: [
      {
        tag: 'a[href]',
        getAttrs: (dom) => {
          const href = safeHref(dom.getAttribute('href'))
          return href === null ? false : { href }
        },
      },
    ],
    toDOM: ({ attrs }) => {
      const href = safeHref(attrs['href'])
      return href === null ? ['span', 0] : ['a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, 0]
    },
  },
  bold: {
    parseDOM: [
      { tag: 'strong' },
      // Google Docs wraps what it copies into <b style="font-weight: normal">.
      { tag: 'b', getAttrs: (dom) => (dom.style.fontWeight === 'normal' ? false : null) },
      { style: 'font-weight=400', clearMark: (mark) => mark.type.name === 'bold' },
      { style: 'font-weight', getAttrs: (value) => (/^(bold(er)?|[6-9]\d{2})$/.test(value) ? null : false) },
    ],
    toDOM: () => ['strong', 0],
  },
  italic: { parseDOM: [{ tag: 'em' }, { tag: 'i' }, { style: 'font-style=italic' }], toDOM: () => ['em', 0] },
  strike: { parseDOM: [{ tag: 's' }, { tag: 'del' }, { tag: 'strike' }, { style: 'text-decoration=line-through' }], toDOM: () => ['s', 0] },
  underline: { parseDOM: [{ tag: 'u' }, { style: 'text-decoration=underline' }], toDOM: () => ['u', 0] },
  code: { code: true, parseDOM: [{ tag: 'code' }], toDOM: () => ['code', { spellcheck: 'false' }, 0] },
}

/** A schema of its own for every editor, as some learn further marks from their document. */
export function makeSchema(): Schema {
  return new Schema({ nodes, marks })
}

/** The schema where nothing is learned: conversion, downloads, pasted text. */
export const schema = makeSchema()

/** The specs, for schemas that show more than is written. */
export const SPECS = { nodes, marks }
