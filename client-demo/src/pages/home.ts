/** `/`: make a document, find one again. */

import { File, MoreHorizontal, Search, X } from 'lucide'
import type { Kind } from '../editors/editor'
import { Api, type Listed } from '../ui/api'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { KIND_ICONS, KIND_WORDS } from '../ui/kinds'
import { onLeaving } from '../ui/device'
import { addressOf, freshName, onTokenInAddress, setTokenOfTab, tokenOfTab, untitled } from '../ui/location'
import { openMenu } from '../ui/overlays'
import { hiddenDocuments, hide, recentDocuments, unhide } from '../ui/recent'
import { themeButton } from '../ui/themeButton'
import { toast } from '../ui/toasts'
import { ago, bytes } from '../ui/words'
import { whereToMake } from './making'
import { preview } from './previews'
import { askForToken, leavingItems } from './signIn'
import { trash } from './trash'
import './home.css'

const CARDS: { kind: Kind; words: string }[] = [
  { kind: 'text', words: 'Notes and drafts, written together.' },
  { kind: 'code', words: 'An editor with everybody’s cursors.' },
  { kind: 'board', words: 'An endless canvas for drawing.' },
]
const LEAD = {
  maker: 'Make a document, send its link, and everybody who opens it edits with you.',
  guest: 'Whoever opens the link of a document works on it with everybody who is there.',
}
const REFRESH = 10_000
/** So many of the newest documents are asked for their titles; each costs the server a look inside. */
const ASKED = 16

/** A line of the table: what this browser remembers and what the server tells, put together. */
interface Row {
  name: string
  title: string
  /** Null for one of another editor, or not known. */
  kind: Kind | null
  changed: number
  size: number | null
  people: number | null
}

/** Build the page into `host`. */
export function homePage(host: HTMLElement): void {
  document.title = 'collab'
  const api = new Api(tokenOfTab)
  let listed: Listed[] | null = null
  const search = h('input', { class: 'field', type: 'search', placeholder: 'Search', 'aria-label': 'Search documents' })
  const table = h('div', { class: 'documents' })
  const about = h('span', {}, 'collab')
  const lead = h('p', { class: 'home-lead' }, LEAD.maker)
  let mayMake = true

  const titles = new Titles(api)
  let asked = false

  const render = (): void => {
    const rows = rowsOf(listed, titles)
    const words = search.value.trim().toLowerCase()
    const found = rows.filter((row) => `${row.title} ${row.name}`.toLowerCase().includes(words))
    const focused = table.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : null
    if (rows.length === 0 && !asked) fill(table, skeleton())
    else if (rows.length === 0) fill(table, nothing(mayMake ? 'Documents that you open appear here; make your first one above.' : 'Documents that you open appear here.'))
    else if (found.length === 0) fill(table, nothing(`Nothing is called “${search.value.trim()}”.`))
    else fill(table, tableOf(found, listed !== null, takeOff))
    // The list is made anew every few seconds; whoever is in it stays where they are.
    if (typeof focused === 'string') table.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
  }

  const takeOff = ({ name, title }: Row): void => {
    hide(name)
    render()
    const back = (): void => {
      unhide(name)
      render()
    }
    toast({ words: `“${title}” is off this list, and comes back when you open it.`, key: 'hidden', action: { label: 'Undo', run: back } })
  }

  const deleted = trash(api, (name) => {
    unhide(name)
    void refresh()
  })

  // There from the beginning, so that nothing moves when the server has answered; seen when it says so.
  const cards = h('div', { class: 'cards asked' }, ...CARDS.map((each) => card(each, '')))
  const invite = async (): Promise<void> => {
    const beginning = await whereToMake(api)
    fill(cards, ...(beginning === null ? [noInvitation()] : CARDS.map((each) => card(each, beginning))))
    cards.classList.remove('asked')
    mayMake = beginning !== null
    lead.textContent = mayMake ? LEAD.maker : LEAD.guest
    render()
  }
  const signIn = (): void => askForToken(use)
  const use = (token: string): void => {
    setTokenOfTab(token)
    location.reload()
  }
  const noInvitation = (): HTMLElement => {
    const signedIn = tokenOfTab() !== null
    return h(
      'div',
      { class: 'no-invitation' },
      h('strong', {}, signedIn ? 'You can open what is shared with you.' : 'This server asks who you are.'),
      h('span', { class: 'quiet' }, signedIn ? 'Making documents of your own needs a sign-in that lets you.' : 'Sign in to make documents, or open a link that somebody sent you.'),
      h('button', { class: signedIn ? 'button' : 'button primary', type: 'button', onclick: signIn }, signedIn ? 'Use another sign-in' : 'Sign in'),
    )
  }
  const more = h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Menu', title: 'Menu' }, icon(MoreHorizontal))
  more.onclick = () => openMenu(more, [{ label: tokenOfTab() === null ? 'Sign in...' : 'Use another sign-in...', run: signIn }, ...leavingItems(() => undefined)])

  const tools = h('div', { class: 'home-tools' }, themeButton(), more)
  // Only whoever is signed in has an inbox.
  if (tokenOfTab() !== null) void import('./bell').then(({ bell }) => tools.prepend(bell({ api, titleOf: (name) => titles.titleOf(name) })))

  fill(
    host,
    h(
      'div',
      { class: 'home' },
      h('header', { class: 'home-head' }, h('a', { class: 'home-mark', href: '/' }, h('img', { src: '/icon.svg', width: 24, height: 24, alt: '' }), 'collab'), tools),
      h(
        'main',
        {},
        h('h1', {}, 'Write, code and draw together'),
        lead,
        cards,
        h('section', { 'aria-label': 'Documents' }, h('div', { class: 'documents-head' }, h('h2', {}, 'Recent'), h('label', { class: 'search' }, icon(Search), search)), table),
        deleted.section,
      ),
      h(
        'footer',
        { class: 'home-foot' },
        about,
        h('a', { href: '/api' }, 'API'),
        h('a', { href: '/openapi.json' }, 'OpenAPI'),
        h('span', {}, 'The source of this page: ', h('code', {}, 'client-demo/')),
      ),
    ),
  )

  search.addEventListener('input', render)
  onTokenInAddress(use)
  onLeaving(() => undefined)
  void invite()
  const refresh = async (): Promise<void> => {
    if (document.visibilityState === 'hidden') return
    listed = await api.documents().catch(() => null)
    asked = true
    void deleted.refresh()
    render()
    if (listed !== null && (await titles.learn(listed))) render()
  }
  render()
  void refresh()
  setInterval(() => void refresh(), REFRESH)
  document.addEventListener('visibilitychange', () => void refresh())
  // Back from a document, the list has changed.
  addEventListener('pageshow', render)
  void api.about().then((facts) => (about.textContent = aboutWords(facts)), () => undefined)
}

function nothing(words: string): HTMLElement {
  return h('p', { class: 'documents-empty' }, words)
}

/** What stands where the list will be, until the server has answered. */
function skeleton(): HTMLElement {
  return h('div', { class: 'rows-skeleton', 'aria-hidden': 'true' }, ...[38, 26, 32].map((width) => h('div', {}, bar(width))))
}

function bar(width: number): HTMLElement {
  const element = h('i')
  element.style.width = `${width}%`
  return element
}

function card({ kind, words }: (typeof CARDS)[number], beginning: string): HTMLElement {
  const link = h(
    'a',
    { class: 'card', href: addressOf(freshName(kind, beginning), kind), 'data-kind': kind },
    preview(kind),
    h('span', { class: 'card-title' }, icon(KIND_ICONS[kind]), h('strong', {}, KIND_WORDS[kind])),
    h('span', { class: 'quiet' }, words),
  )
  // Two clicks make two documents, also after coming back.
  link.addEventListener('click', () => setTimeout(() => (link.href = addressOf(freshName(kind, beginning), kind)), 0))
  return link
}

function rowsOf(listed: Listed[] | null, titles: Titles): Row[] {
  const rows = new Map<string, Row>()
  for (const { name, updated_at, size, participants } of listed ?? []) {
    const { title, kind } = titles.of(name)
    rows.set(name, { name, title: title ?? untitled(name), kind, changed: Date.parse(updated_at), size, people: participants })
  }
  for (const { name, title, kind, opened } of recentDocuments()) {
    const known = rows.get(name)
    // The document's own words, once it has been asked, are newer than what it was called here.
    if (known !== undefined) rows.set(name, { ...known, title: titles.of(name).title ?? title, kind: known.kind ?? kind })
    else rows.set(name, { name, title, kind, changed: opened, size: null, people: null })
  }
  for (const name of hiddenDocuments()) rows.delete(name)
  return [...rows.values()].sort((a, b) => b.changed - a.changed).slice(0, 100)
}

/** Titles and kinds, as the documents themselves keep them; asked for once per change. */
class Titles {
  private readonly known = new Map<string, { asOf: string; title: string | null; kind: Kind | null }>()

  constructor(private readonly api: Api) {}

  /** What a document said; a null title where it said nothing, or was not asked yet. */
  of(name: string): { title: string | null; kind: Kind | null } {
    return this.known.get(name) ?? { title: null, kind: kindOf(name) }
  }

  /** What a document is called, as far as that is known here. */
  titleOf(name: string): string {
    return this.of(name).title ?? recentDocuments().find((each) => each.name === name)?.title ?? untitled(name)
  }

  /** Ask for what is new among `listed`; true if something was learned. */
  async learn(listed: Listed[]): Promise<boolean> {
    const newest = [...listed].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1)).slice(0, ASKED)
    const stale = newest.filter(({ name, updated_at }) => this.known.get(name)?.asOf !== updated_at)
    for (const { name, updated_at } of stale) {
      const { title, kind } = await this.api.meta(name).catch((): Record<string, unknown> => ({}))
      this.known.set(name, {
        asOf: updated_at,
        title: typeof title === 'string' ? title.trim().slice(0, 120) || untitled(name) : null,
        kind: kind === 'text' || kind === 'code' || kind === 'board' ? kind : kindOf(name),
      })
    }
    return stale.length > 0
  }
}

/** A name that this page made up tells the kind. */
function kindOf(name: string): Kind | null {
  return (/^Untitled (text|code|board)$/.exec(untitled(name))?.[1] as Kind | undefined) ?? null
}

function tableOf(rows: Row[], withServer: boolean, takeOff: (row: Row) => void): HTMLElement {
  return h(
    'div',
    { class: 'rows' },
    // For eyes; no part of the list, whose rows say by themselves what their figures are.
    h(
      'div',
      { class: 'rows-head', 'aria-hidden': 'true' },
      h('span', { class: 'row-title' }, 'Name'),
      withServer && h('span', { class: 'row-people' }, 'People'),
      h('span', { class: 'row-time' }, withServer ? 'Last change' : 'Opened'),
      withServer && h('span', { class: 'row-size' }, 'Size'),
    ),
    h('ul', {}, ...rows.map((row) => rowOf(row, withServer, takeOff))),
  )
}

function rowOf(row: Row, withServer: boolean, takeOff: (row: Row) => void): HTMLElement {
  return h(
    'li',
    { class: 'document-row' },
    h(
      'a',
      { href: addressOf(row.name) },
      h('span', { class: 'row-kind', role: 'img', 'aria-label': row.kind === null ? 'Document' : KIND_WORDS[row.kind] }, icon(row.kind === null ? File : KIND_ICONS[row.kind])),
      h('span', { class: 'row-title' }, row.title),
      withServer && h('span', { class: 'row-people' }, row.people !== null && row.people > 0 ? `${row.people} here` : ''),
      h('span', { class: 'row-time' }, row.changed > 0 ? ago(row.changed) : ''),
      withServer && h('span', { class: 'row-size' }, row.size === null ? '' : bytes(row.size)),
    ),
    h(
        'button',
        { class: 'button plain square row-forget', type: 'button', title: 'Take off this list', 'aria-label': `Take ${row.title} off this list`, onclick: () => takeOff(row) },
        icon(X),
      ),
  )
}

function aboutWords(facts: Record<string, unknown>): string {
  const { version, store, nodes } = facts
  const parts = [`collab${typeof version === 'string' ? ` ${version}` : ''}`]
  if (typeof store === 'string') parts.push(`store: ${store}`)
  if (typeof nodes === 'number') parts.push(nodes === 1 ? '1 node' : `${nodes} nodes`)
  return parts.join(' · ')
}
