/** The conversation in the panel beside a document: what was said, and what can be done with it. */

import { ArrowDown, CornerUpLeft, Trash2 } from 'lucide'
import type { CollabProvider } from 'collab-client'
import { picture } from '../ui/avatars'
import { h, oncePerFrame } from '../ui/dom'
import { icon } from '../ui/icons'
import { colourByServer, colourOf, type Person } from '../ui/people'
import { ownColour, peersOf } from '../ui/presence'
import { toast } from '../ui/toasts'
import type { Chat } from './chat'
import type { Candidate } from './composer'
import type { ChatFrame, Conversation } from './frame'
import { canBeMentioned, continues, dayOf, onlyEmoji, piecesOf, plainWords, typingWords, type Message } from './talk'

/** So near to the end, one is at the end. */
const NEAR = 48
/** So near to the beginning, older ones are asked for. */
const OLDER = 240
const PAGE = 50
const EXCERPT = 90

/** Show the conversation in its frame. */
export function conversation(frame: ChatFrame): Conversation {
  return new ChatPanel(frame)
}

class ChatPanel implements Conversation {
  private readonly chat: Chat
  private readonly provider: CollabProvider
  private readonly list: HTMLElement
  private readonly log: HTMLElement
  private readonly news = h('button', { class: 'button chat-news', type: 'button', hidden: true, onclick: () => this.toEnd() }, icon(ArrowDown), h('span', {}))
  private answering: number | null = null
  /** What came behind this offset is new, until one has answered. */
  private newFrom: number
  private marked = false
  private readonly shown = new Map<string, { row: HTMLElement; said: string }>()
  private readonly ends: (() => void)[] = []
  private atEnd = true
  private first: number | undefined
  private loading = false
  private complete = false

  constructor(private readonly frame: ChatFrame) {
    const { chat } = frame
    this.chat = chat
    this.list = frame.list
    this.log = frame.log
    this.provider = chat.provider
    this.newFrom = chat.read
    frame.room.append(this.news)
    this.log.addEventListener('scroll', () => this.onScroll(), { passive: true })
    this.log.addEventListener('keydown', (event) => this.onKey(event))
    const soon = oncePerFrame(() => this.render())
    const { awareness } = this.provider
    // Cursors move all the time, and are nothing to us.
    let known = ''
    const peopleChanged = oncePerFrame(() => {
      const now = JSON.stringify([ownColour(awareness), peersOf(awareness).map(({ name, color, state }) => [name, color, idIn(state), state['chat']])])
      if (now !== known) this.render()
      known = now
    })
    const resized = new ResizeObserver(() => {
      if (this.atEnd) this.log.scrollTop = this.log.scrollHeight
    })
    resized.observe(this.log)
    this.provider.on('details', soon)
    this.provider.on('role', soon)
    awareness.on('change', peopleChanged)
    document.addEventListener('visibilitychange', soon)
    this.ends.push(
      chat.onChange(soon),
      () => this.provider.off('details', soon),
      () => this.provider.off('role', soon),
      () => awareness.off('change', peopleChanged),
      () => document.removeEventListener('visibilitychange', soon),
      () => resized.disconnect(),
    )
    // Before it is watched, so that what is new is marked so.
    this.render()
    chat.watched = () => this.log.isConnected && this.atEnd && document.visibilityState === 'visible'
    const begin = this.list.querySelector<HTMLElement>('.chat-begin-new')
    if (begin !== null) begin.scrollIntoView({ block: 'center' })
    else this.log.scrollTop = this.log.scrollHeight
    this.onScroll()
  }

  destroy(): void {
    this.chat.watched = () => false
    for (const end of this.ends) end()
  }

  // -- the list ------------------------------------------------------------------------------

  private render(): void {
    const messages = this.chat.messages()
    const { scrollHeight, scrollTop } = this.log
    const people = this.people()
    const rows: HTMLElement[] = []
    // What comes while one looks is no news.
    if (!this.marked && this.chat.watched()) this.newFrom = this.chat.stream.events.at(-1)?.offset ?? 0
    let before: Message | undefined
    let told = false
    for (const message of messages) {
      if (before === undefined || dayOf(before.at) !== dayOf(message.at)) rows.push(this.row(`day ${dayOf(message.at)}`, '', () => h('li', { class: 'chat-day' }, dayWords(message.at))))
      const isNew = !told && !message.own && message.offset !== null && message.offset > this.newFrom && !message.takenBack
      if (isNew) {
        told = true
        if (before !== undefined) rows.push(this.row('new', '', () => h('li', { class: 'chat-begin-new' }, 'New')))
      }
      rows.push(this.messageRow(message, !isNew && continues(before, message), messages, people))
      before = message
    }
    if (rows.length === 0) rows.push(this.row('empty', String(this.frame.mayWrite()), () => this.nothing()))
    const first = this.chat.stream.events[0]?.offset
    if (first === 1 && messages.length > 0) rows.unshift(this.row('begin', '', () => h('li', { class: 'chat-begin' }, 'The conversation begins here.')))
    this.marked = told
    this.place(rows)
    if (this.atEnd) this.log.scrollTop = this.log.scrollHeight
    else if (first !== undefined && this.first !== undefined && first < this.first) this.log.scrollTop = scrollTop + this.log.scrollHeight - scrollHeight
    this.first = first
    this.renderTyping()
    this.renderNews()
    if (this.chat.watched()) this.chat.seen()
    if (this.log.scrollTop < OLDER) void this.loadOlder()
  }

  /** Rows stay the same elements for as long as they say the same. */
  private row(id: string, said: string, make: () => HTMLElement): HTMLElement {
    const known = this.shown.get(id)
    if (known?.said === said) return known.row
    const row = make()
    this.shown.set(id, { row, said })
    return row
  }

  private place(rows: readonly HTMLElement[]): void {
    const focused = this.log.contains(document.activeElement) ? document.activeElement?.closest<HTMLElement>('.chat-message')?.dataset['id'] : undefined
    let at = this.list.firstElementChild
    for (const row of rows) {
      if (row === at) at = at.nextElementSibling
      else this.list.insertBefore(row, at)
    }
    while (at !== null) {
      const next = at.nextElementSibling
      at.remove()
      at = next
    }
    if (focused !== undefined && !this.log.contains(document.activeElement)) (this.rowOf(focused) ?? this.log).focus({ preventScroll: true })
  }

  private rowOf(id: string): HTMLElement | null {
    return this.list.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)
  }

  private messageRow(message: Message, continued: boolean, messages: readonly Message[], people: People): HTMLElement {
    const person = people.of(message)
    const answered = message.replyTo === null ? undefined : messages.find(({ offset }) => offset === message.replyTo)
    const quote = message.replyTo === null ? null : answered === undefined ? 'An earlier message' : `${people.of(answered).name}: ${answered.takenBack ? 'taken back' : this.excerpt(answered, people)}`
    const state = message.key === null ? null : (this.chat.whyNot(message.key) ?? (this.sends() ? 'Sending...' : 'Kept here, sent when you are back online'))
    const refused = message.key !== null && this.chat.whyNot(message.key) !== null
    const pieces = piecesOf(message.body)
    const said = JSON.stringify([person, continued, quote, state, message.takenBack, message.own, message.mayTakeBack, this.frame.mayWrite(), pieces.map((piece) => ('mention' in piece ? people.name(piece.mention) : 0))])
    return this.row(message.id, said, () => {
      const time = new Date(message.at)
      const clock = time.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
      const short = time.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
      const words = message.takenBack
        ? h('p', { class: 'chat-body quiet' }, 'Taken back')
        : h('p', { class: onlyEmoji(message.body) ? 'chat-body large' : 'chat-body', dir: 'auto' }, ...pieces.map((piece) => this.piece(piece, people)))
      return h(
        'li',
        { class: `chat-message${continued ? ' continued' : ''}${message.own ? ' own' : ''}${state !== null ? ' waiting' : ''}`, tabIndex: -1, 'data-id': message.id, 'data-offset': message.offset },
        continued ? h('span', { class: 'chat-clock', 'aria-hidden': 'true' }, short) : h('span', { class: 'chat-face' }, picture(person)),
        h(
          'div',
          { class: 'chat-words' },
          h(
            'div',
            { class: continued ? 'unseen' : 'chat-head' },
            h('strong', {}, person.name),
            message.agent && h('span', { class: 'chat-agent' }, 'agent'),
            h('time', { dateTime: time.toISOString(), title: time.toLocaleString() }, clock),
          ),
          quote !== null && h('button', { class: 'chat-quote', type: 'button', disabled: answered === undefined, onclick: () => this.show(`o${message.replyTo}`) }, quote),
          words,
          state !== null &&
            h(
              'p',
              { class: refused ? 'chat-state bad' : 'chat-state' },
              refused ? `Not sent. ${state}` : state,
              refused && h('button', { class: 'link', type: 'button', onclick: () => this.chat.again(message.key ?? '') }, 'Send again'),
              refused && h('button', { class: 'link', type: 'button', onclick: () => this.chat.discard(message.key ?? '') }, 'Discard'),
            ),
        ),
        message.offset !== null && !message.takenBack && this.frame.mayWrite() && this.actions(message),
      )
    })
  }

  private actions(message: Message): HTMLElement {
    const { offset } = message
    return h(
      'div',
      { class: 'chat-actions floating' },
      h('button', { class: 'button plain square', type: 'button', title: 'Reply', 'aria-label': 'Reply', onclick: () => this.answer(offset) }, icon(CornerUpLeft)),
      message.mayTakeBack &&
        h(
          'button',
          { class: 'button plain square', type: 'button', title: 'Take back', 'aria-label': 'Take back', onclick: () => void this.takeBack(offset ?? 0) },
          icon(Trash2),
        ),
    )
  }

  private piece(piece: ReturnType<typeof piecesOf>[number], people: People): Node {
    if ('mention' in piece) return h('span', { class: people.isMe(piece.mention) ? 'chat-mention me' : 'chat-mention' }, `@${people.name(piece.mention)}`)
    if ('href' in piece) return h('a', { href: piece.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, piece.text)
    return document.createTextNode(piece.text)
  }

  private nothing(): HTMLElement {
    return h(
      'li',
      { class: 'chat-empty' },
      h('strong', {}, 'Nothing was said yet'),
      h('span', { class: 'quiet' }, this.frame.mayWrite() ? 'What you write here stays beside the document, for everybody who opens it. @ calls somebody.' : 'What others write here appears at once.'),
    )
  }

  // -- people --------------------------------------------------------------------------------

  private people(): People {
    return new People(this.provider, this.chat)
  }

  candidates(): Candidate[] {
    const found = new Map<string, Candidate>()
    const self = this.chat.self()
    const add = (person: Candidate): void => {
      const key = person.id ?? `name ${person.name}`
      if (person.id !== null && (person.id === self.participant || !canBeMentioned(person.id))) return
      if (!found.has(key)) found.set(key, person)
    }
    for (const { state, name, color } of peersOf(this.provider.awareness)) add({ id: idIn(state), name, color })
    // Also who was here, and can be told by the server only with an id.
    const people = this.people()
    for (const message of this.chat.messages()) if (message.participant !== null) add({ id: message.participant, ...people.of(message) })
    return [...found.values()]
  }

  private renderTyping(): void {
    const names = peersOf(this.provider.awareness).flatMap(({ name, state }) => ((state['chat'] as { typing?: unknown } | null | undefined)?.typing === true ? [name] : []))
    const words = typingWords([...new Set(names)])
    const { typing } = this.frame
    if (typing.textContent !== words) typing.textContent = words
  }

  // -- writing -------------------------------------------------------------------------------

  /** Whether the server takes what is written now. */
  private sends(): boolean {
    const { phase, transport } = this.provider.details
    return phase === 'live' && transport !== 'sse'
  }

  send(body: string): void {
    const { answering } = this
    this.answer(null)
    this.atEnd = true
    this.marked = false
    this.newFrom = this.chat.stream.events.at(-1)?.offset ?? 0
    this.chat.say(body, answering)
    this.render()
    this.toEnd()
  }

  cancelReply(): void {
    this.answer(null)
  }

  private answer(offset: number | null): void {
    this.answering = offset
    const message = this.chat.messages().find((each) => each.offset === offset)
    const people = this.people()
    this.frame.composer?.answer(message === undefined || offset === null ? null : `Reply to ${people.of(message).name}: ${this.excerpt(message, people)}`)
    this.frame.composer?.focus()
  }

  private async takeBack(offset: number): Promise<void> {
    if (!this.sends()) toast({ words: 'It is taken back as soon as you are online again.' })
    await this.chat.takeBack(offset).catch(() => toast({ words: 'This message could not be taken back.', tone: 'warn' }))
  }

  private excerpt(message: Message, people: People): string {
    const words = plainWords(message.body, (id) => people.name(id)).replace(/\s+/g, ' ')
    return words.length > EXCERPT ? `${words.slice(0, EXCERPT)}...` : words
  }

  // -- moving --------------------------------------------------------------------------------

  private onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.log
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR
    if (this.chat.watched()) this.chat.seen()
    this.renderNews()
    if (scrollTop < OLDER) void this.loadOlder()
  }

  private renderNews(): void {
    const unread = this.atEnd ? 0 : this.chat.unread()
    this.news.hidden = unread === 0
    const words = unread === 1 ? '1 new message' : `${unread} new messages`
    const place = this.news.lastElementChild
    if (place !== null && place.textContent !== words) place.textContent = words
  }

  private toEnd(): void {
    this.log.scrollTop = this.log.scrollHeight
    this.onScroll()
  }

  private async loadOlder(): Promise<void> {
    const { stream } = this.chat
    const first = stream.events[0]?.offset ?? 1
    if (this.loading || this.complete || first <= 1 || !this.log.isConnected) return
    this.loading = true
    try {
      this.complete = !(await stream.more(PAGE))
    } finally {
      // Where it could not be had, the next scroll asks again.
      this.loading = false
    }
    if ((stream.events[0]?.offset ?? 1) < first) this.render()
  }

  private show(id: string): void {
    const row = this.rowOf(id)
    row?.scrollIntoView({ block: 'center' })
    row?.focus({ preventScroll: true })
  }

  /** Up and down through the messages; what can be done with one is behind Tab. */
  private onKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return
    const rows = [...this.list.querySelectorAll<HTMLElement>('.chat-message')]
    const at = rows.indexOf((document.activeElement as HTMLElement).closest('.chat-message') as HTMLElement)
    const next = at < 0 ? rows.at(-1) : rows[at + (event.key === 'ArrowUp' ? -1 : 1)]
    event.preventDefault()
    next?.focus()
  }
}

/** Who is who in this conversation: as they are called and coloured here and now, where they are here. */
class People {
  private readonly byId = new Map<string, Person>()
  private readonly byName = new Map<string, Person>()
  private readonly self: { participant: string | null; name: string }
  private readonly ownColour: string

  constructor(provider: CollabProvider, chat: Chat) {
    this.self = chat.self()
    this.ownColour = ownColour(provider.awareness)
    for (const { from } of chat.stream.events) if (from.participant !== null && from.name !== null) this.byId.set(from.participant, { name: from.name, color: colourByServer(from.participant) })
    for (const { name, color, state } of peersOf(provider.awareness)) {
      const id = idIn(state)
      if (id === null) this.byName.set(name, { name, color })
      else this.byId.set(id, { name, color })
    }
    if (this.self.participant !== null) this.byId.set(this.self.participant, { name: this.self.name, color: this.ownColour })
  }

  of({ participant, name, own }: Message): Person {
    if (own) return { name: participant === null ? name : this.self.name, color: this.ownColour }
    if (participant === null) return this.byName.get(name) ?? { name, color: colourOf(name) }
    return this.byId.get(participant) ?? { name, color: colourByServer(participant) }
  }

  name(id: string): string {
    return this.byId.get(id)?.name ?? id
  }

  isMe(id: string): boolean {
    return id === this.self.participant
  }
}

function idIn(state: Record<string, unknown>): string | null {
  const id = (state['user'] as { id?: unknown } | null | undefined)?.id
  return typeof id === 'string' ? id : null
}

function dayWords(time: number): string {
  const today = new Date()
  if (dayOf(time) === dayOf(today.getTime())) return 'Today'
  today.setDate(today.getDate() - 1)
  if (dayOf(time) === dayOf(today.getTime())) return 'Yesterday'
  return new Date(time).toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
}
