/** The inspector, for developers: the document as a tree, who is here, positions, traffic. */

import { X } from 'lucide'
import * as Y from 'yjs'
import type { CollabProvider } from 'collab-client'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { bytes } from '../ui/words'
import './inspector.css'

const REFRESH = 500
const MOST_CHILDREN = 200
const LONGEST_TEXT = 200

const TABS = ['document', 'awareness', 'connection'] as const

type Tab = (typeof TABS)[number]

/** Make the panel; `destroy` ends its refreshing. */
export function inspector(provider: CollabProvider, onClose: () => void): { element: HTMLElement; destroy(): void } {
  const body = h('div', { class: 'inspector-body', role: 'tabpanel', 'aria-label': 'What is inspected', tabIndex: 0 })
  const tabs = h(
    'div',
    { class: 'inspector-tabs', role: 'tablist' },
    ...TABS.map((each) => h('button', { class: 'button plain', type: 'button', role: 'tab', onclick: () => choose(each) }, each)),
  )
  const buttons = [...tabs.children] as HTMLElement[]
  const open = new Set<string>()
  let tab: Tab = 'document'
  let stale = true

  const render = (): void => {
    if (tab === 'document') {
      if (!stale) return
      stale = false
      fill(body, ...documentTree(provider.doc, open))
    } else {
      fill(body, tab === 'awareness' ? awarenessTable(provider) : connectionTable(provider))
    }
  }
  const choose = (chosen: Tab): void => {
    tab = chosen
    stale = true
    for (const [at, each] of buttons.entries()) {
      each.setAttribute('aria-selected', String(TABS[at] === tab))
      each.tabIndex = TABS[at] === tab ? 0 : -1
    }
    render()
  }
  // Tab comes to the chosen one; arrow keys go from there to the others.
  tabs.addEventListener('keydown', (event) => {
    const at = TABS.indexOf(tab)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key]
    const chosen = to === undefined ? undefined : TABS.at(to % TABS.length)
    if (chosen === undefined) return
    event.preventDefault()
    choose(chosen)
    buttons[TABS.indexOf(chosen)]?.focus()
  })
  const onUpdate = (): void => {
    stale = true
  }
  body.addEventListener(
    'toggle',
    (event) => {
      const details = event.target as HTMLDetailsElement
      const path = details.dataset['path'] ?? ''
      if (details.open === open.has(path)) return
      if (details.open) open.add(path)
      else open.delete(path)
      stale = true
      render()
    },
    true,
  )
  provider.doc.on('update', onUpdate)
  const timer = setInterval(render, REFRESH)
  choose('document')
  return {
    element: h(
      'aside',
      { class: 'side-panel inspector', 'aria-label': 'Inspector' },
      h(
        'div',
        { class: 'side-head' },
        h('h2', {}, 'Inspector'),
        h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Close the inspector', onclick: onClose }, icon(X)),
      ),
      tabs,
      body,
    ),
    destroy: () => {
      provider.doc.off('update', onUpdate)
      clearInterval(timer)
    },
  }
}

function documentTree(doc: Y.Doc, open: ReadonlySet<string>): HTMLElement[] {
  return [...doc.share.entries()].map(([name, type]) => node(name, type, `/${name}`, open))
}

function node(label: string, value: unknown, path: string, open: ReadonlySet<string>): HTMLElement {
  const children = childrenOf(value)
  const head = [h('span', { class: 'tree-key' }, label), h('span', { class: 'tree-type' }, describe(value))]
  if (children === null) return h('div', { class: 'tree-leaf' }, ...head)
  const details = h('details', { 'data-path': path, open: open.has(path) }, h('summary', {}, ...head))
  if (open.has(path)) {
    // Only what is unfolded is built: a board has thousands of shapes.
    for (const [key, child] of children.slice(0, MOST_CHILDREN)) details.append(node(key, child, `${path}/${key}`, open))
    if (children.length > MOST_CHILDREN) details.append(h('div', { class: 'tree-leaf quiet' }, `and ${children.length - MOST_CHILDREN} more`))
  }
  return details
}

function childrenOf(value: unknown): [string, unknown][] | null {
  if (value instanceof Y.Map) return [...value.entries()]
  if (value instanceof Y.Array) return value.toArray().map((item, i) => [String(i), item])
  if (Array.isArray(value)) return value.map((item, i) => [String(i), item as unknown])
  if (value instanceof Y.XmlFragment) return value.toArray().map((item, i) => [String(i), item])
  if (value instanceof Y.AbstractType) return null
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) return Object.entries(value)
  return null
}

function describe(value: unknown): string {
  if (value instanceof Y.Text) return `Text(${value.length}) ${quoted(value.toString())}`
  if (value instanceof Y.Map) return `Map(${value.size})`
  if (value instanceof Y.Array) return `Array(${value.length})`
  if (value instanceof Y.XmlElement) return `<${[value.nodeName, ...Object.entries(value.getAttributes()).map(([key, set]) => `${key}=${quoted(String(set))}`)].join(' ')}> ${wordsIn(value)}`
  if (value instanceof Y.XmlFragment) return `XML(${value.length}) ${wordsIn(value)}`
  if (value instanceof Y.AbstractType) return value.constructor.name.replace(/^_/, '')
  if (Array.isArray(value)) return `[${value.length}]`
  if (value instanceof Uint8Array) return bytes(value.byteLength)
  if (typeof value === 'object' && value !== null) return `{${Object.keys(value).length}}`
  return typeof value === 'string' ? quoted(value) : String(value)
}

/** The first words below an element. */
function wordsIn(fragment: Y.XmlFragment): string {
  let words = ''
  for (const child of fragment.createTreeWalker((type) => type instanceof Y.XmlText)) {
    for (const { insert } of (child as Y.XmlText).toDelta() as { insert: unknown }[]) words += typeof insert === 'string' ? insert : '▢'
    if (words.length > LONGEST_TEXT) break
    words += ' '
  }
  return words.trim() === '' ? '' : quoted(words.trim())
}

function quoted(text: string): string {
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text
  return JSON.stringify(cut)
}

function awarenessTable(provider: CollabProvider): HTMLElement {
  const rows = [...provider.awareness.getStates()].map(([client, state]) =>
    h(
      'details',
      { open: true },
      h('summary', {}, h('span', { class: 'tree-key' }, String(client)), client === provider.doc.clientID ? 'you' : ''),
      h('pre', {}, JSON.stringify(state, null, 1).slice(0, 4000)),
    ),
  )
  return h('div', {}, ...rows)
}

function connectionTable(provider: CollabProvider): HTMLElement {
  const { details: status, traffic, session } = provider
  const facts: [string, string][] = [
    ['phase', status.phase],
    ['transport', status.transport ?? '-'],
    ['unsaved changes', String(status.unsaved)],
    ['role', session?.role ?? '-'],
    ['session', session?.session ?? '-'],
    ['client id', String(provider.doc.clientID)],
    ['last durable position', String(provider.position ?? '-')],
    ['last ack', traffic.lastAckMs === null ? '-' : `${traffic.lastAckMs.toFixed(1)} ms`],
    ['updates sent', `${traffic.sentUpdates} (${bytes(traffic.sentBytes)})`],
    ['updates received', `${traffic.receivedUpdates} (${bytes(traffic.receivedBytes)})`],
    ['awareness sent / received', `${traffic.awarenessSent} / ${traffic.awarenessReceived}`],
    ['connections', String(traffic.connections)],
    ['document size', bytes(Y.encodeStateAsUpdate(provider.doc).byteLength)],
    ['server', session === null ? '-' : `${session.server.name} ${session.server.version}`],
  ]
  return h('dl', { class: 'facts' }, ...facts.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value))))
}
