/** Rich text as Quill kept it in a `Y.Text`, as blocks: a line's formats stand on its line break. */

import { Fragment, type Mark, type Node, type NodeType, type Schema } from 'prosemirror-model'

import { safeHref, safePicture } from './safety'
import { schema as plainSchema } from './schema'

export interface BodyOp {
  insert?: unknown
  attributes?: Record<string, unknown>
}

interface Line {
  inline: Node[]
  formats: Record<string, unknown>
}

/** The document that a delta says, in the nodes of `schema`. */
export function bodyDoc(delta: BodyOp[], schema: Schema = plainSchema): Node {
  const blocks: Node[] = []
  let line: Node[] = []
  const lines: Line[] = []
  const flush = (): void => {
    if (lines.length > 0) blocks.push(...blocksOf(schema, lines.splice(0)))
  }
  for (const { insert, attributes = {} } of delta) {
    if (typeof insert !== 'string') {
      const image = pictureIn(schema, insert, attributes)
      if (image === null) {
        line.push(words(schema, '▢', attributes))
        continue
      }
      // Pictures stood in lines, and are blocks here.
      if (line.length > 0) lines.push({ inline: line, formats: {} })
      line = []
      flush()
      blocks.push(image)
      continue
    }
    insert.split('\n').forEach((part, index) => {
      if (index > 0) {
        // A line that held nothing but a picture has said all it had to.
        if (line.length > 0 || !endsWithPicture(blocks, lines)) lines.push({ inline: line, formats: attributes })
        line = []
      }
      if (part !== '') line.push(words(schema, part, attributes))
    })
  }
  if (line.length > 0) lines.push({ inline: line, formats: {} })
  flush()
  return make(schema, 'doc', null, blocks.length > 0 ? blocks : [make(schema, 'paragraph', null, [])])
}

function endsWithPicture(blocks: Node[], lines: Line[]): boolean {
  return lines.length === 0 && blocks.at(-1)?.type.name === 'image'
}

function pictureIn(schema: Schema, insert: unknown, attributes: Record<string, unknown>): Node | null {
  const src = safePicture((insert as { image?: unknown } | null)?.image)
  const alt = typeof attributes['alt'] === 'string' ? attributes['alt'] : null
  if (src === null) return null
  const known = schema.nodes['image']?.spec.attrs ?? {}
  return make(schema, 'image', { src, alt, ...('change' in known ? { change: attributes['change'] ?? null } : {}) }, [])
}

function words(schema: Schema, text: string, attributes: Record<string, unknown>): Node {
  const marks: Mark[] = []
  for (const name of ['bold', 'italic', 'strike', 'underline', 'code']) {
    const type = schema.marks[name]
    if (attributes[name] === true && type !== undefined) marks.push(type.create())
  }
  const href = safeHref(attributes['link'])
  if (href !== null) marks.push(schema.mark('link', { href }))
  if (typeof attributes['change'] === 'string' && schema.marks['change'] !== undefined) marks.push(schema.mark('change', { change: attributes['change'] }))
  return schema.text(text, marks)
}

function blocksOf(schema: Schema, lines: Line[]): Node[] {
  const blocks: Node[] = []
  for (let at = 0; at < lines.length; ) {
    const { inline, formats } = lines[at] as Line
    const run = (same: (formats: Record<string, unknown>) => boolean): Line[] => {
      const begin = at
      while (at < lines.length && same((lines[at] as Line).formats)) at += 1
      return lines.slice(begin, at)
    }
    const level = formats['header']
    if (isCode(formats['code-block'])) {
      const code = run((other) => isCode(other['code-block']))
      const language = typeof formats['code-block'] === 'string' && !/^(plain|true)$/.test(formats['code-block']) ? formats['code-block'] : null
      blocks.push(codeBlock(schema, code, language))
    } else if (listOf(formats) !== null) {
      blocks.push(...lists(schema, run((other) => listOf(other) !== null)))
    } else if (formats['blockquote'] === true) {
      const quoted = run((other) => other['blockquote'] === true && listOf(other) === null && !isCode(other['code-block']))
      blocks.push(make(schema, 'blockquote', null, quoted.map((one) => make(schema, 'paragraph', null, one.inline))))
    } else {
      at += 1
      blocks.push(
        typeof level === 'number' && level >= 1 && level <= 6 ? make(schema, 'heading', { level: Math.round(level) }, inline) : make(schema, 'paragraph', null, inline),
      )
    }
  }
  return blocks
}

function isCode(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value !== '')
}

function codeBlock(schema: Schema, lines: Line[], language: string | null): Node {
  const inline: Node[] = []
  lines.forEach(({ inline: words }, index) => {
    if (index > 0) inline.push(schema.text('\n'))
    for (const node of words) inline.push(schema.text(node.text ?? '', (schema.nodes['codeBlock'] as NodeType).allowedMarks(node.marks)))
  })
  return make(schema, 'codeBlock', { language }, inline)
}

function listOf(formats: Record<string, unknown>): string | null {
  return ['ordered', 'bullet', 'checked', 'unchecked'].includes(formats['list'] as string) ? (formats['list'] as string) : null
}

/** Quill's lists are flat lines with an indent; deeper ones belong to the item above. */
function lists(schema: Schema, lines: Line[], depth = 0): Node[] {
  const made: Node[] = []
  let items: Node[] = []
  let kind = ''
  const end = (): void => {
    if (items.length > 0) made.push(make(schema, kind, null, items))
    items = []
  }
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] as Line
    const own = kindOf(line)
    if (own !== kind) end()
    kind = own
    at += 1
    const begin = at
    while (at < lines.length && indentOf(lines[at] as Line) > Math.max(depth, indentOf(line))) at += 1
    const inner = at > begin ? lists(schema, lines.slice(begin, at), indentOf(lines[begin] as Line)) : []
    const attrs = own === 'taskList' ? { checked: line.formats['list'] === 'checked' } : null
    items.push(make(schema, own === 'taskList' ? 'taskItem' : 'listItem', attrs, [make(schema, 'paragraph', null, line.inline), ...inner]))
  }
  end()
  return made
}

function kindOf({ formats }: Line): string {
  const list = listOf(formats)
  return list === 'ordered' ? 'orderedList' : list === 'bullet' ? 'bulletList' : 'taskList'
}

function indentOf({ formats }: Line): number {
  const { indent } = formats
  return typeof indent === 'number' && indent > 0 ? Math.min(8, indent) : 0
}

function make(schema: Schema, name: string, attrs: Record<string, unknown> | null, content: Node[]): Node {
  return (schema.nodes[name] as NodeType).create(attrs, Fragment.from(content))
}
