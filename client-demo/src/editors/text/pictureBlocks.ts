/** Pictures into a text: chosen, pasted or dropped, made small enough first. */

import { Fragment, type Node, type NodeType } from 'prosemirror-model'
import { Plugin, PluginKey, Selection } from 'prosemirror-state'
import { Decoration, DecorationSet, type EditorView } from 'prosemirror-view'

import { h } from '../../ui/dom'
import type { EditorContext } from '../editor'
import { pictureOf } from '../pictures'

/** Remembers a place while a picture is made small. */
const key = new PluginKey<DecorationSet>('pictures')

/** Pictures go to another place from now on, or nowhere. */
interface Change {
  id: object
  at: number | null
}

/** Keeps the places of pictures that are on their way. */
export function picturePlaces(): Plugin<DecorationSet> {
  return new Plugin<DecorationSet>({
    key,
    state: {
      init: () => DecorationSet.empty,
      apply: (tr, places) => {
        const change = tr.getMeta(key) as Change | undefined
        let next = places.map(tr.mapping, tr.doc)
        // Many a change from elsewhere replaces the whole text: a place in it is kept by its number then.
        if (places !== DecorationSet.empty && next.find().length < places.find().length) {
          next = DecorationSet.create(tr.doc, places.find().map((place) => mark(Math.min(place.from, tr.doc.content.size), place.spec.id as object)))
        }
        if (change !== undefined) next = next.remove(next.find(undefined, undefined, (spec) => spec['id'] === change.id))
        return change === undefined || change.at === null ? next : next.add(tr.doc, [mark(change.at, change.id)])
      },
    },
    props: { decorations: (state) => key.getState(state) },
  })
}

function mark(at: number, id: object): Decoration {
  return Decoration.widget(at, () => h('span', { class: 'picture-waits' }), { id, side: -1 })
}

/** Put pictures at a place, one after the other; the caret comes behind them. */
export async function insertPictures(view: EditorView, files: Iterable<File>, toast: EditorContext['toast'], at?: number): Promise<void> {
  const id = {}
  view.dispatch(view.state.tr.setMeta(key, { id, at: at ?? view.state.selection.to }))
  for (const file of files) {
    try {
      const { url } = await pictureOf(file)
      if (view.isDestroyed) return
      put(view, url, file.name.replace(/\.\w+$/, '') || 'Picture', id)
    } catch (error) {
      toast({ words: error instanceof Error ? error.message : 'This picture cannot be used.', tone: 'warn' })
    }
  }
  if (!view.isDestroyed) view.dispatch(view.state.tr.setMeta(key, { id, at: null }))
}

function placeOf(view: EditorView, id: object): number {
  return key.getState(view.state)?.find(undefined, undefined, (spec) => spec['id'] === id)[0]?.from ?? view.state.selection.to
}

function put(view: EditorView, src: string, alt: string, id: object): void {
  let at = placeOf(view, id)
  const { schema } = view.state
  const picture = (schema.nodes['image'] as NodeType).create({ src, alt })
  const $at = view.state.doc.resolve(Math.min(at, view.state.doc.content.size))
  const tr = view.state.tr
  const line = $at.parent
  const paragraph = schema.nodes['paragraph'] as NodeType
  if (!line.isTextblock) {
    tr.insert($at.pos, picture)
    at = $at.pos + picture.nodeSize
  } else if (line.content.size === 0 && line.type === paragraph) {
    tr.replaceWith($at.before(), $at.after(), picture)
    at = $at.before() + picture.nodeSize
  } else if ($at.parentOffset === line.content.size) {
    tr.insert($at.after(), picture)
    at = $at.after() + picture.nodeSize
  } else if ($at.parentOffset === 0) {
    tr.insert($at.before(), picture)
    at = $at.before() + picture.nodeSize
  } else {
    // In the middle of a line: the line continues behind it.
    const rest: Node = line.cut($at.parentOffset)
    tr.replaceWith($at.pos, $at.after(), Fragment.empty)
    const behind = tr.mapping.map($at.after())
    tr.insert(behind, [picture, rest])
    at = behind + picture.nodeSize
  }
  const $after = tr.doc.resolve(at)
  if ($after.nodeAfter === null || !$after.nodeAfter.isTextblock) tr.insert(at, paragraph.create())
  tr.setSelection(Selection.near(tr.doc.resolve(at), 1)).scrollIntoView()
  view.dispatch(tr.setMeta(key, { id, at: tr.selection.from }))
}

/** Ask for files. */
export function choosePictures(view: EditorView, toast: EditorContext['toast']): void {
  const input = h('input', { type: 'file', accept: 'image/*', multiple: true, hidden: true })
  input.addEventListener('change', () => {
    view.focus()
    void insertPictures(view, input.files ?? [], toast)
    input.remove()
  })
  input.addEventListener('cancel', () => input.remove())
  // In the page: an input that nobody holds may be collected before the person has chosen.
  document.body.append(input)
  input.click()
}

/** The pictures among what is pasted or dropped. */
export function picturesIn(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter(({ type }) => type.startsWith('image/'))
}
