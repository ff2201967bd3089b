/** A text of another time, as the editor would show it, with its changes tinted. */

import { DOMSerializer, Schema, type Node } from 'prosemirror-model'
import * as Y from 'yjs'

import { h } from '../../ui/dom'
import { clocksOf, contentIn, textChanges, type TextPiece } from '../../pages/changes'
import { bodyDoc } from './body'
import { shownContent, waits } from './carry'
import { SPECS } from './schema'
import { tolerant } from './tolerance'
import './text.css'

/** What lands in `data-change` of something that was changed; undefined leaves it plain. */
export type Tint = (change: Pick<TextPiece, 'kind' | 'client'>) => string | undefined

const image = SPECS.nodes['image']

/** What the editor writes, and marks for changes, which copying out of a preview does not bring along. */
function previewSchema(): Schema {
  return tolerant(
    new Schema({
      nodes: {
        ...SPECS.nodes,
        image: {
          ...image,
          attrs: { ...image?.attrs, change: { default: null } },
          toDOM: (node) => {
            const made = image?.toDOM?.(node)
            return node.attrs['change'] === null || made === undefined ? (made ?? ['img']) : ['div', { 'data-change': String(node.attrs['change']) }, made]
          },
        },
      },
      marks: { ...SPECS.marks, change: { attrs: { change: {} }, toDOM: ({ attrs }) => ['span', { 'data-change': String(attrs['change']) }, 0] } },
    }),
  )
}

/** An element that shows how `after` came out of `before`, or null where there is nothing. Both are the caller's own copies. */
export function textPreview(before: Y.Doc, after: Y.Doc, tint: Tint): HTMLElement | null {
  const schema = previewSchema()
  let doc: Node
  if (waits(after)) {
    // Still a text of the old editor, and so is what came before.
    const pieces = textChanges(before, after.getText('body'))
    doc = bodyDoc(pieces.map((piece) => ({ insert: piece.insert, attributes: { ...piece.attributes, change: tint(piece) } })), schema)
  } else {
    const content = shownContent(after)
    if (waits(before)) shownContent(before)
    const same = [...before.getMap('carried').keys()].every((id) => Y.getState(after.store, Number(id)) > 0)
    // The same words under other ids would all be new.
    doc = new Changes(same ? before : after, schema, tint).doc(content)
  }
  return doc.childCount === 0 || (doc.childCount === 1 && doc.firstChild?.isTextblock === true && doc.firstChild.content.size === 0) ? null : framed(doc)
}

/** A text as it is now, for looking at. */
export function staticText(doc: Y.Doc): HTMLElement {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  const schema = previewSchema()
  return shownDom(new Changes(copy, schema, () => undefined).doc(shownContent(copy)))
}

function framed(doc: Node): HTMLElement {
  const page = h('div', { class: 'text-page' }, shownDom(doc))
  return h('div', { class: 'text-scroller', tabIndex: 0, role: 'document', 'aria-label': 'The text as it was' }, page)
}

function shownDom(doc: Node): HTMLElement {
  const body = h('div', { class: 'text-body' })
  body.append(DOMSerializer.fromSchema(doc.type.schema).serializeFragment(doc.content))
  for (const item of body.querySelectorAll<HTMLElement>('li[data-type=taskItem]')) {
    const content = h('div', {})
    content.append(...item.childNodes)
    item.append(h('label', {}, h('input', { type: 'checkbox', disabled: true, checked: item.dataset['checked'] === 'true', 'aria-label': 'Done' })), content)
  }
  return body
}

/** Compares by identity, as pages/changes.ts does for texts: what an earlier state had not seen is new. */
class Changes {
  private readonly known: Map<number, number>

  constructor(private readonly before: Y.Doc, private readonly schema: Schema, private readonly tint: Tint) {
    this.known = clocksOf(before)
  }

  doc(fragment: Y.XmlFragment): Node {
    return this.schema.topNodeType.create(null, this.children(fragment, false))
  }

  private children(parent: Y.XmlFragment, gone: boolean): Node[] {
    const nodes: Node[] = []
    for (let item = parent._start; item !== null; item = item.right) {
      const { client, clock } = item.id
      if (!item.deleted) {
        if (item.content instanceof Y.ContentType) nodes.push(...this.nodesOf(item.content.type, gone))
        continue
      }
      const had = Math.min(Math.max((this.known.get(client) ?? 0) - clock, 0), item.length)
      for (const content of contentIn(this.before, client, clock, clock + had)) {
        if (content instanceof Y.AbstractType) nodes.push(...this.nodesOf(content, true))
      }
    }
    return nodes
  }

  private nodesOf(type: Y.AbstractType<unknown>, gone: boolean): Node[] {
    if (type instanceof Y.XmlText) return this.words(type, gone)
    if (!(type instanceof Y.XmlElement)) return []
    const id = type._item?.id
    const isNew = id !== undefined && id.clock >= (this.known.get(id.client) ?? 0)
    const attrs: Record<string, unknown> = { ...type.getAttributes() }
    if (type.nodeName === 'image' && (gone || isNew)) {
      attrs['change'] = this.tint({ kind: gone ? 'gone' : 'new', client: id?.client ?? 0 }) ?? null
    }
    return [this.schema.node(type.nodeName, attrs, this.children(type, gone))]
  }

  private words(text: Y.XmlText, gone: boolean): Node[] {
    const pieces = gone
      ? (text.toDelta() as { insert: string | object; attributes?: Record<string, unknown> }[]).map(({ insert, attributes = {} }): TextPiece => ({ insert, attributes, kind: 'gone', client: text._item?.id.client ?? 0 }))
      : textChanges(this.before, text)
    return pieces.map((piece) => {
      const marks = Object.entries(piece.attributes).map(([name, attrs]) => this.schema.mark(name.replace(/--[\w+/=]{8}$/, ''), attrs as Record<string, unknown>))
      const change = this.tint(piece)
      if (change !== undefined) marks.push(this.schema.mark('change', { change }))
      return this.schema.text(piece.insert as string, marks)
    })
  }
}
