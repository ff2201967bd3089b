/** A text as a file: Markdown, HTML, or its words alone. */

import { DOMSerializer, type Node } from 'prosemirror-model'

import { saveFile } from '../../ui/saveFile'

export type Format = 'markdown' | 'html' | 'text'

const FILES: Record<Format, { type: string; ending: string }> = {
  markdown: { type: 'text/markdown', ending: 'md' },
  html: { type: 'text/html', ending: 'html' },
  text: { type: 'text/plain', ending: 'txt' },
}

/** Save a text on this machine, under its title. */
export async function download(doc: Node, title: string, format: Format): Promise<void> {
  const { type, ending } = FILES[format]
  saveFile(await written(doc, title, format), title, `.${ending}`, type)
}

async function written(doc: Node, title: string, format: Format): Promise<string> {
  if (format === 'markdown') return (await import('./markdown')).toMarkdown(doc)
  return format === 'html' ? toHtml(doc, title) : toText(doc)
}

/** A page of its own. */
export function toHtml(doc: Node, title: string): string {
  const page = document.implementation.createHTMLDocument(title)
  page.head.prepend(Object.assign(page.createElement('meta'), { name: 'viewport', content: 'width=device-width' }))
  const charset = page.createElement('meta')
  charset.setAttribute('charset', 'utf-8')
  page.head.prepend(charset)
  const style = page.createElement('style')
  style.textContent =
    'body{max-width:42rem;margin:3rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif}img{max-width:100%}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:start;vertical-align:top}pre{padding:1rem;background:#f6f6f8;overflow:auto}blockquote{margin-inline:0;padding-inline-start:1rem;border-inline-start:3px solid #ccc}ul[data-type=taskList]{list-style:none;padding:0}li[data-type=taskItem]::before{content:"☐ "}li[data-type=taskItem][data-checked=true]::before{content:"☑ "}li[data-type=taskItem]>:first-child{display:inline}'
  page.head.append(style)
  page.body.append(DOMSerializer.fromSchema(doc.type.schema).serializeFragment(doc.content, { document: page }))
  return `<!doctype html>\n${page.documentElement.outerHTML}\n`
}

/** The words, block by block, with the marks of lists. */
export function toText(doc: Node): string {
  return `${blocks(doc, '').join('\n').replace(/\n{3,}/g, '\n\n').trim()}\n`
}

function blocks(node: Node, indent: string): string[] {
  const lines: string[] = []
  node.forEach((child, _offset, index) => {
    const { name } = child.type
    if (child.isTextblock) {
      lines.push(...child.textBetween(0, child.content.size, undefined, (leaf) => (leaf.type.name === 'hardBreak' ? '\n' : '▢')).split('\n').map((line) => indent + line))
      if (node.type.name === 'doc') lines.push('')
    } else if (name === 'horizontalRule') {
      lines.push(`${indent}---`, '')
    } else if (name === 'image') {
      lines.push(`${indent}[${child.attrs['alt'] ?? 'Picture'}]`, '')
    } else if (name === 'tableRow') {
      const cells: string[] = []
      child.forEach((cell) => cells.push(cell.textBetween(0, cell.content.size, ' ', ' ')))
      lines.push(indent + cells.join('\t'))
    } else if (/^(listItem|taskItem)$/.test(name)) {
      const sign = name === 'taskItem' ? (child.attrs['checked'] === true ? '[x] ' : '[ ] ') : node.type.name === 'orderedList' ? `${(Number(node.attrs['start']) || 1) + index}. ` : '- '
      const inner = blocks(child, indent + ' '.repeat(sign.length))
      lines.push(indent + sign + (inner[0] ?? '').trimStart(), ...inner.slice(1))
    } else {
      lines.push(...blocks(child, name === 'blockquote' ? `${indent}> ` : indent))
      if (node.type.name === 'doc') lines.push('')
    }
  })
  return lines
}
