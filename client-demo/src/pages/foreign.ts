/** A document of another editor: what it holds, instead of an empty page that looks like a loss. Nothing in it is changed. */

import { Download } from 'lucide'
import * as Y from 'yjs'
import type { Kind } from '../editors/editor'
import type { CollabProvider } from 'collab-client'
import { avatar } from '../ui/avatars'
import type { Api } from '../ui/api'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { KIND_WORDS } from '../ui/kinds'
import { peersOf } from '../ui/presence'
import { saveBlob } from '../ui/saveFile'
import { toast } from '../ui/toasts'
import { ago, bytes } from '../ui/words'
import { rootsOf, type Root } from './roots'
import './foreign.css'

/** A document that somebody works on is read again so often. */
const REFRESH = 1_000

export interface ForeignOptions {
  doc: Y.Doc
  document: string
  provider: CollabProvider
  api: Api
  /** What the document calls itself, if it does. */
  marker: unknown
  /** Open it here from now on, for everybody. */
  openAs(kind: Kind): void
}

/** Make the page; `destroy` ends its refreshing. */
export function foreignPage(options: ForeignOptions): { element: HTMLElement; destroy(): void } {
  const { doc, marker, provider } = options
  const body = h('div', { class: 'foreign-body' })
  const element = h('section', { class: 'foreign', 'aria-label': 'A document of another editor', tabIndex: -1 }, body)
  let changed = Date.now()
  let changes = 0

  const render = (): void => {
    const roots = rootsOf(doc)
    const called = typeof marker === 'string' && marker !== '' ? `It calls itself “${marker.slice(0, 40)}”, which this page has no editor for.` : 'It does not say which editor it is for.'
    fill(
      body,
      h('h1', {}, 'Made with another editor'),
      h('p', { class: 'quiet' }, `${called} This is what it holds. Changes of others arrive here live; nothing is changed from here.`),
      h('h2', {}, 'Content'),
      rootsList(doc),
      h('h2', {}, 'People here'),
      peopleRow(provider),
      facts(doc, changes, changed),
      h('h2', {}, 'Take it along'),
      h(
        'div',
        { class: 'row' },
        downloadButton('JSON', () => options.api.content(options.document), `${options.document}.json`, 'application/json'),
        downloadButton('Yjs update', () => Promise.resolve(Y.encodeStateAsUpdate(doc)), `${options.document}.bin`, 'application/octet-stream'),
      ),
      provider.details.readOnly ? null : openAs(roots, options),
    )
  }

  let stale = false
  const onUpdate = (): void => {
    changed = Date.now()
    changes += 1
    stale = true
  }
  const onPeople = (): void => {
    stale = true
  }
  doc.on('update', onUpdate)
  provider.awareness.on('change', onPeople)
  const timer = setInterval(() => {
    // Whoever is on a button stays there.
    if (!stale || element.contains(document.activeElement)) return
    stale = false
    render()
  }, REFRESH)
  render()
  return {
    element,
    destroy: () => {
      clearInterval(timer)
      doc.off('update', onUpdate)
      provider.awareness.off('change', onPeople)
    },
  }
}

/** The roots of a document, as a list. */
export function rootsList(doc: Y.Doc): HTMLElement {
  return h('ul', { class: 'foreign-roots' }, ...rootsOf(doc).map(rootRow))
}

function rootRow({ name, kind, count, excerpt }: Root): HTMLElement {
  const unit = { text: 'letter', 'rich text': 'letter', map: 'entry', list: 'value' }[kind]
  const many = { text: 'letters', 'rich text': 'letters', map: 'entries', list: 'values' }[kind]
  return h(
    'li',
    {},
    h('span', { class: 'foreign-name' }, h('code', {}, name), h('span', { class: 'quiet small' }, `${kind}, ${count.toLocaleString()} ${count === 1 ? unit : many}`)),
    excerpt !== '' && h('span', { class: 'foreign-excerpt' }, excerpt),
  )
}

function peopleRow(provider: CollabProvider): HTMLElement {
  const peers = peersOf(provider.awareness)
  if (peers.length === 0) return h('p', { class: 'quiet' }, 'Nobody but you.')
  return h(
    'ul',
    { class: 'foreign-people' },
    ...peers.slice(0, 50).map((peer) => {
      const face = avatar(peer, peer.name)
      face.disabled = true
      return h('li', {}, face, h('span', {}, peer.name))
    }),
  )
}

function facts(doc: Y.Doc, changes: number, changed: number): HTMLElement {
  const size = bytes(Y.encodeStateAsUpdate(doc).byteLength)
  const news = changes === 0 ? '' : ` · ${changes === 1 ? 'one change' : `${changes} changes`} since you came, the last ${ago(changed)}`
  return h('p', { class: 'quiet small' }, `${size} as a Yjs update${news}`)
}

/** What its roots would allow; a person decides, not a guess. */
function openAs(roots: Root[], { openAs: open }: ForeignOptions): HTMLElement | null {
  const has = (name: string, kind: Root['kind']): boolean => roots.some((root) => root.name === name && root.kind === kind)
  const kinds: Kind[] = []
  if (has('content', 'rich text') || has('body', 'text')) kinds.push('text')
  if (has('body', 'text')) kinds.push('code')
  if (has('board', 'map')) kinds.push('board')
  if (kinds.length === 0) return null
  return h(
    'div',
    {},
    h('h2', {}, 'Open it here'),
    h('p', { class: 'quiet' }, 'It has what an editor of this page could show. If you know what it is, choose; it opens so for everybody from then on.'),
    h('div', { class: 'row' }, ...kinds.map((kind) => h('button', { class: 'button', type: 'button', onclick: () => open(kind) }, `Open as ${KIND_WORDS[kind].toLowerCase()}`))),
  )
}

function downloadButton(label: string, content: () => Promise<string | Uint8Array>, name: string, type: string): HTMLElement {
  const save = async (): Promise<void> => {
    try {
      saveBlob(new Blob([(await content()) as BlobPart], { type }), name.replaceAll('/', '-'))
    } catch {
      toast({ words: 'The server could not hand it out right now.', tone: 'warn' })
    }
  }
  return h('button', { class: 'button', type: 'button', onclick: () => void save() }, icon(Download), label)
}
