/**
 * Documents that others wrote, made safe to open: y-prosemirror deletes what does not fit its schema, for
 * everybody. So nothing may fail to fit: what is unknown gets a placeholder, what is in the wrong place is put
 * right on this screen only. The document keeps what it had until somebody writes in that very place.
 */

import { Fragment, MarkType, Node, type Attrs, type Mark, type NodeType, type Schema } from 'prosemirror-model'

/** Elements of other editors that stand in lines. */
const INLINE = /^(mention|emoji|tag|hashtag|math_?inline|inline.*|.*Inline|footnote.*|variable|date)$/

/** Make a schema take anything that a document may hold; returns it. */
export function tolerant(schema: Schema): Schema {
  const known = schema.nodes as Record<string, NodeType | undefined>
  schema.node = (type, attrs = null, content, marks): Node => {
    const name = typeof type === 'string' ? type : type.name
    const found = typeof type === 'string' ? known[type] : type
    if (found === undefined || name === 'doc' || name === 'text') {
      return typeOf(schema, INLINE.test(name) ? 'foreignInline' : 'foreign').create({ name })
    }
    const children = Fragment.from(content as Node[] | undefined)
    try {
      return found.createChecked(attrs, children, marks as Mark[] | undefined)
    } catch {
      return fitted(schema, found, attrs, children)
    }
  }
  const mark = schema.mark.bind(schema)
  schema.mark = (type, attrs): Mark => {
    if (typeof type === 'string' && schema.marks[type] === undefined) learn(schema, type, attrs ?? {})
    return mark(type, typeof attrs === 'object' ? attrs : null)
  }
  const text = schema.text.bind(schema)
  schema.text = (words: unknown, marks): Node => {
    if (typeof words === 'string' && words !== '') return text(words, [...(marks ?? [])])
    return typeOf(schema, 'foreignInline').create({ name: 'embed' })
  }
  return schema
}

/** A mark of another editor: kept as it is, shown as nothing. */
function learn(schema: Schema, name: string, attrs: unknown): void {
  const keys = typeof attrs === 'object' && attrs !== null ? Object.keys(attrs) : []
  const Made = MarkType as unknown as new (name: string, rank: number, schema: Schema, spec: object) => MarkType & { excluded: MarkType[] }
  const made = new Made(name, Object.keys(schema.marks).length, schema, {
    attrs: Object.fromEntries(keys.map((key) => [key, { default: null }])),
    toDOM: () => ['span', 0],
  })
  made.excluded = [made]
  ;(schema.marks as Record<string, MarkType>)[name] = made
}

function typeOf(schema: Schema, name: string): NodeType {
  return schema.nodes[name] as NodeType
}

/** A node of this type with as much of its content as can be, in an order that the type allows. */
function fitted(schema: Schema, type: NodeType, attrs: Attrs | null, content: Fragment): Node {
  if (type.isLeaf) return type.create(attrs)
  if (type.inlineContent) return type.create(attrs, Fragment.from(inlineIn(schema, type, content)))
  let match = type.contentMatch
  const children: Node[] = []
  const put = (child: Node): boolean => {
    const next = match.matchType(child.type)
    if (next !== null) {
      children.push(child)
      match = next
      return true
    }
    const filling = match.fillBefore(Fragment.from(child))
    if (filling !== null) {
      filling.forEach((one) => void put(one))
      return put(child)
    }
    const wrapping = match.findWrapping(child.type)
    if (wrapping === null || wrapping.length === 0) return false
    let wrapped = child
    for (const outer of [...wrapping].reverse()) wrapped = fitted(schema, outer, null, Fragment.from(wrapped))
    return put(wrapped)
  }
  blocksIn(schema, content).forEach((child) => {
    if (!put(child)) child.forEach((inner) => void put(inner.isInline ? typeOf(schema, 'paragraph').create(null, inner) : inner))
  })
  const end = match.fillBefore(Fragment.empty, true)
  end?.forEach((child) => children.push(child))
  return type.create(attrs, Fragment.from(children))
}

/** Blocks stay, words between them become paragraphs. */
function blocksIn(schema: Schema, content: Fragment): Node[] {
  const blocks: Node[] = []
  let line: Node[] = []
  const end = (): void => {
    if (line.length > 0) blocks.push(typeOf(schema, 'paragraph').create(null, Fragment.from(line)))
    line = []
  }
  content.forEach((child) => {
    if (child.isInline) return void line.push(child)
    end()
    blocks.push(child)
  })
  end()
  return blocks
}

function inlineIn(schema: Schema, type: NodeType, content: Fragment): Node[] {
  const found: Node[] = []
  content.descendants((node) => {
    if (!node.isLeaf) return true
    if (node.isText) found.push(node.mark(type.allowedMarks(node.marks)))
    else if (type.validContent(Fragment.from(node))) found.push(node)
    else if (type.spec.code !== true) found.push(typeOf(schema, 'foreignInline').create({ name: node.type.name }))
    return false
  })
  return found
}
