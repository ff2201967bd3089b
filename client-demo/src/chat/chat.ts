/** The chat of a document, as far as every page has it: what is new, what waits, and the button. The panel comes when it is asked for. */

import { MessageSquare } from 'lucide'
import { CollabError, freshKey, inWords, type CollabProvider, type Stream } from 'collab-client'
import { h, oncePerFrame } from '../ui/dom'
import { icon } from '../ui/icons'
import type { Person } from '../ui/people'
import { KeptChat } from './kept'
import { messagesOf, TAKEN_BACK, type Draft, type Message, type Said } from './talk'

/** The server remembers keys for a day: what is older would be said twice, if it had arrived. */
const SURE = 20 * 3_600_000

export interface ChatOptions {
  document: string
  subject: string
  me: () => Person
  /** The button was pressed. */
  onToggle: () => void
}

export class Chat {
  readonly button: HTMLButtonElement
  /** Tells screen readers what came. */
  readonly spoken = h('span', { class: 'unseen', role: 'status', 'aria-live': 'polite' })
  readonly stream: Stream<Said | { offset: number }>
  /** What was typed and not sent, over closing and opening the panel. */
  typed = ''
  /** Whether the newest messages are before somebody's eyes. */
  watched: () => boolean = () => false
  private readonly kept: KeptChat
  private drafts: Draft[]
  private readonly refused = new Map<string, string>()
  private readonly listeners = new Set<() => void>()
  private toldOf: number | null = null
  private readonly began = Date.now()
  /** What is kept here is known to be of this conversation. */
  private compared = false
  private readonly unfollow: () => void

  constructor(readonly provider: CollabProvider, private readonly options: ChatOptions) {
    this.stream = provider.stream('chat')
    this.kept = new KeptChat(options.document, options.subject)
    this.drafts = this.kept.drafts
    this.button = h('button', { class: 'button plain square chat-button', type: 'button', onclick: options.onToggle }, icon(MessageSquare))
    const soon = oncePerFrame(() => this.look())
    this.unfollow = this.stream.follow(soon)
    addEventListener('storage', this.onStorage)
    const now = Date.now()
    for (const draft of this.drafts) {
      if (now - draft.at < SURE) this.send(draft)
      else this.refused.set(draft.key, 'Written long ago.')
    }
    this.look()
  }

  /** Everything that is known, oldest first. */
  messages(): Message[] {
    return messagesOf(this.stream.events, this.drafts, { ...this.self(), called: this.provider.session?.user.name ?? null, sent: this.kept.own })
  }

  /** How many of others have not been seen. */
  unread(messages = this.messages()): number {
    const { read } = this.kept
    return messages.filter(({ offset, own, takenBack }) => offset !== null && offset > read && !own && !takenBack).length
  }

  /** The last offset that was seen. */
  get read(): number {
    return this.kept.read
  }

  /** Why a draft is not sent; null while it is on its way. */
  whyNot(key: string): string | null {
    return this.refused.get(key) ?? null
  }

  self(): { participant: string | null; name: string } {
    const participant = this.provider.session?.user.id ?? (this.options.subject || null)
    return { participant, name: this.options.me().name }
  }

  /** Hear of whatever changes; returns how to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  say(body: string, replyTo: number | null): void {
    const { participant, name } = this.self()
    const data: Said = { body, ...(replyTo === null ? {} : { reply_to: replyTo }), ...(participant === null ? { name } : {}) }
    const draft = { key: freshKey(), data, at: Date.now(), after: this.stream.events.at(-1)?.offset ?? 0 }
    this.kept.add(draft)
    this.drafts = [...this.drafts, draft]
    this.send(draft)
    this.look()
  }

  /** Try a draft again that was refused. */
  again(key: string): void {
    const draft = this.drafts.find((each) => each.key === key)
    if (draft === undefined || !this.refused.delete(key)) return
    this.send(draft)
    this.look()
  }

  /** Give a draft up. */
  discard(key: string): void {
    this.refused.delete(key)
    this.forget(key)
  }

  /** Take an own message back, for everybody. */
  async takeBack(offset: number): Promise<void> {
    await this.stream.publish({ offset }, TAKEN_BACK)
  }

  /** Everything was seen. */
  seen(): void {
    const last = this.stream.events.at(-1)?.offset ?? 0
    if (last <= this.kept.read) return
    this.kept.seen(last)
    this.look()
  }

  destroy(): void {
    this.unfollow()
    this.listeners.clear()
    removeEventListener('storage', this.onStorage)
  }

  private send(draft: Draft): void {
    this.stream.publish(draft.data, 'message', draft.key).then(
      (offset) => this.sent(draft.key, offset),
      (error: unknown) => {
        // The page is closing: the next one sends it.
        if (this.provider.details.phase === 'closed') return
        this.refused.set(draft.key, error instanceof CollabError ? inWords(error) : 'Something went wrong.')
        this.look()
      },
    )
  }

  private sent(key: string, offset: number): void {
    this.kept.drop(key, offset)
    // Until it comes back in its place, so that it is never gone from sight.
    if ((this.stream.events.at(-1)?.offset ?? 0) >= offset) return this.forget(key)
    const stop = this.stream.follow(() => {
      if ((this.stream.events.at(-1)?.offset ?? 0) < offset) return
      stop()
      this.forget(key)
    })
  }

  private forget(key: string): void {
    this.kept.drop(key)
    this.drafts = this.drafts.filter((draft) => draft.key !== key)
    this.look()
  }

  /** Another tab has seen something. */
  private readonly onStorage = (event: StorageEvent): void => {
    if (event.key === this.kept.place) this.look()
  }

  private look(): void {
    const newest = this.stream.events.at(-1)?.offset
    if (newest !== undefined && !this.compared) {
      this.compared = true
      if (newest < this.kept.read) this.kept.beginAnew()
    }
    if (this.watched()) this.kept.seen(newest ?? 0)
    const messages = this.messages()
    const unread = this.unread(messages)
    const words = unread === 0 ? 'Chat' : `Chat, ${unread} unread`
    if (this.button.title !== words) {
      this.button.title = words
      this.button.setAttribute('aria-label', words)
    }
    this.button.classList.toggle('unread', unread > 0)
    this.tell(messages)
    for (const listener of this.listeners) listener()
  }

  /** What was there when the page came is no news. */
  private tell(messages: readonly Message[]): void {
    const last = this.stream.events.at(-1)
    if (last === undefined) return
    const before = this.toldOf ?? (Date.parse(last.at) < this.began ? last.offset : last.offset - 1)
    this.toldOf = last.offset
    const fresh = messages.filter(({ offset, own }) => offset !== null && offset > before && !own)
    const newest = fresh.at(-1)
    if (newest === undefined) return
    this.spoken.textContent = fresh.length === 1 ? `${newest.name}: ${newest.body.slice(0, 200)}` : `${fresh.length} new messages in the chat`
  }
}
