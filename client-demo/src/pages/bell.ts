/** The bell of the home page: what was said to us, newest first, live. */

import { Bell, BellOff, BellRing, Check } from 'lucide'
import { asFault, type InboxEntry, type InboxNews } from 'collab-client'
import { EventStream } from 'collab-client/stream'
import type { Api } from '../ui/api'
import { picture } from '../ui/avatars'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { subjectOfTab } from '../ui/identity'
import { changeNotifying, heard, notifying, whatHappened, whatWasSaid, whereItIs, type Notifying } from '../ui/inbox'
import { tokenOfTab } from '../ui/location'
import { colourByServer } from '../ui/people'
import { toast } from '../ui/toasts'
import { ago } from '../ui/words'
import './bell.css'

const EVENTS = '/api/v1/inbox/events'
/** Milliseconds until a stream that ended is opened again; a little different for everybody. */
const AGAIN = 3_000
const SHOWN = 50

export interface BellOptions {
  api: Api
  titleOf: (document: string) => string
}

/** The bell, hidden for as long as there is no inbox: it says so by being away. */
export function bell({ api, titleOf }: BellOptions): HTMLElement {
  const subject = subjectOfTab()
  const count = h('span', { class: 'bell-count', 'aria-hidden': 'true', hidden: true })
  const button = h(
    'button',
    { class: 'button plain square', type: 'button', title: 'Notifications', 'aria-label': 'Notifications', 'aria-haspopup': 'dialog', 'aria-expanded': 'false', onclick: () => (panel.hidden ? open() : close()) },
    icon(Bell),
    count,
  )
  const all = h('button', { class: 'button plain', type: 'button', onclick: () => void readAll() }, 'Mark all as read')
  const list = h('ul', { class: 'bell-list' })
  const foot = h('div', { class: 'bell-foot' })
  const panel = h(
    'div',
    { class: 'bell-panel floating', role: 'dialog', 'aria-label': 'Notifications', tabIndex: -1, hidden: true },
    h('div', { class: 'bell-head' }, h('h2', {}, 'Notifications'), all),
    list,
    foot,
  )
  const element = h('div', { class: 'bell', hidden: true }, button, panel)
  let entries: InboxEntry[] = []
  let unread = 0
  let stream: EventStream | null = null

  // -- what there is -------------------------------------------------------------------------

  const begin = async (): Promise<void> => {
    try {
      const found = await api.inbox()
      element.hidden = found === null
      if (found === null) return
      take(found)
      follow()
    } catch {
      again()
    }
  }
  const follow = (): void => {
    stream?.close()
    stream = new EventStream(EVENTS, {
      token: tokenOfTab(),
      lastEventId: String(entries.reduce((last, { id }) => Math.max(last, id), 0)),
      onOpen: () => undefined,
      onEvent: ({ event, data }) => {
        if (event === 'inbox') news(JSON.parse(data) as InboxNews)
        else if (event === 'notice' && asFault(JSON.parse(data))?.code === 'token_expired') element.hidden = true
      },
      onEnd: again,
    })
  }
  const again = (): void => void setTimeout(() => void begin(), AGAIN * (0.5 + Math.random()))
  const news = (found: InboxNews): void => {
    const known = new Set(entries.map(({ id }) => id))
    const fresh = found.events.filter(({ id }) => !known.has(id))
    // Without events: some were read elsewhere.
    if (found.events.length === 0) void api.inbox().then((now) => now !== null && take(now), () => undefined)
    take({ events: [...entries, ...fresh], unread: found.unread })
    // Whoever has the list open sees it there.
    if (panel.hidden) heard(fresh, subject, (entry) => void go(entry))
  }
  const take = (found: InboxNews): void => {
    entries = [...found.events].sort((a, b) => a.id - b.id)
    unread = found.unread
    render()
  }

  // -- what is seen --------------------------------------------------------------------------

  const render = (): void => {
    const words = unread === 0 ? 'Notifications' : `Notifications, ${unread} unread`
    button.title = words
    button.setAttribute('aria-label', words)
    count.hidden = unread === 0
    count.textContent = unread > 99 ? '99+' : String(unread)
    all.hidden = unread === 0
    if (panel.hidden) return
    const at = document.activeElement?.closest<HTMLElement>('.bell-entry')?.dataset['id']
    const newest = entries.slice(-SHOWN).reverse()
    if (newest.length === 0) fill(list, h('li', { class: 'bell-empty' }, 'Nobody has called you yet.', h('span', { class: 'quiet' }, 'When somebody mentions you in a chat or answers you, it stands here.')))
    else fill(list, ...newest.map(entryOf))
    if (at !== undefined) list.querySelector<HTMLElement>(`[data-id="${at}"] a`)?.focus({ preventScroll: true })
    renderFoot()
  }
  const entryOf = (entry: InboxEntry): HTMLElement => {
    const { from, id, read, at } = entry
    const name = from.name ?? 'Somebody'
    return h(
      'li',
      { class: read ? 'bell-entry' : 'bell-entry unread', 'data-id': id },
      h(
        'a',
        {
          href: whereItIs(entry),
          onclick: (event: MouseEvent) => {
            // Another tab opens by itself; this one stays.
            if (!(event.ctrlKey || event.metaKey || event.shiftKey)) event.preventDefault()
            void (event.defaultPrevented ? go(entry) : mark([id]))
          },
        },
        picture({ name, color: colourByServer(from.participant ?? name) }),
        h(
          'span',
          { class: 'bell-words' },
          h('span', { class: 'bell-what' }, h('strong', {}, whatHappened(entry)), h('span', { class: 'quiet' }, ` in ${titleOf(entry.document)}`)),
          h('span', { class: 'bell-excerpt', dir: 'auto' }, whatWasSaid(entry, subject)),
          h('time', { class: 'quiet', dateTime: at }, ago(Date.parse(at))),
        ),
        !read && h('span', { class: 'unseen' }, 'Unread'),
      ),
      !read && h('button', { class: 'button plain square', type: 'button', title: 'Mark as read', 'aria-label': `Mark as read: ${whatHappened(entry)}`, onclick: () => void mark([id]) }, icon(Check)),
    )
  }
  const renderFoot = (): void => {
    const standing = notifying()
    const [words, picture_] = NOTIFYING[standing]
    if (standing === 'none' || standing === 'blocked') return fill(foot, icon(picture_), h('span', { class: 'quiet' }, words))
    const change = h('button', { class: 'button plain', type: 'button', 'aria-pressed': String(standing === 'on') }, icon(picture_), words)
    change.onclick = () => void changeNotifying().then(renderFoot)
    const had = foot.contains(document.activeElement)
    fill(foot, change)
    if (had) change.focus()
  }

  // -- what one does -------------------------------------------------------------------------

  const mark = async (ids: number[]): Promise<void> => {
    const meant = new Set(ids)
    entries = entries.map((entry) => (meant.has(entry.id) ? { ...entry, read: true } : entry))
    unread = Math.max(0, unread - 1)
    render()
    await report(api.markRead({ ids }))
  }
  const readAll = async (): Promise<void> => {
    const last = entries.at(-1)?.id
    if (last === undefined) return
    entries = entries.map((entry) => ({ ...entry, read: true }))
    unread = 0
    render()
    panel.focus()
    await report(api.markRead({ up_to: last }))
  }
  const report = async (marking: Promise<number>): Promise<void> => {
    try {
      unread = await marking
      render()
    } catch {
      toast({ words: 'This could not be noted; it will be unread again.', tone: 'warn' })
    }
  }
  const go = async (entry: InboxEntry): Promise<void> => {
    // The request goes on while the page changes.
    if (!entry.read) void mark([entry.id])
    location.assign(whereItIs(entry))
  }
  const open = (): void => {
    panel.hidden = false
    button.setAttribute('aria-expanded', 'true')
    render()
    panel.focus({ preventScroll: true })
  }
  const close = (): void => {
    const inside = panel.contains(document.activeElement)
    panel.hidden = true
    button.setAttribute('aria-expanded', 'false')
    if (inside) button.focus()
  }
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || panel.hidden) return
    event.stopPropagation()
    close()
  })
  element.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !element.contains(relatedTarget)) close()
  })
  document.addEventListener('pointerdown', ({ target }) => {
    if (!element.contains(target as Node)) close()
  })
  // Back from a document, some are read.
  addEventListener('pageshow', ({ persisted }) => persisted && void begin())
  void begin()
  return element
}

const NOTIFYING: Record<Notifying, [string, Parameters<typeof icon>[0]]> = {
  on: ['This browser tells me too', BellRing],
  off: ['Let this browser tell me too', Bell],
  blocked: ['This browser is set to show no notifications of this site.', BellOff],
  none: ['This browser shows no notifications for this address.', BellOff],
}
