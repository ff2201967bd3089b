/** Ordered events beside a document, kept by the server: chat, reactions, live data (rules T1 to T7). */

import { asFault, CollabError, type Fault } from './errors.js'
import type { Answer, Timer } from './options.js'

export interface StreamedEvent<T = unknown> {
  stream: string
  /** From 1, without gaps or repeats. */
  offset: number
  event: string
  data: T
  from: { participant: string | null; name: string | null; agent: boolean }
  /** The server's time, RFC 3339. */
  at: string
}

/** Published here, and not on the server's disk yet. */
export interface WaitingEvent<T = unknown> {
  key: string
  event: string
  data: T
}

/** What a stream needs of its provider. */
export interface StreamWay {
  /** Ask over the connection; `answered` is not called where it ends first. */
  ask: (event: string, payload: object, answered: (answer: Answer) => void) => void
  /** Read over HTTP; null where that was not possible. */
  read: (path: string) => Promise<{ events: StreamedEvent[] } | null>
}

interface Draft<T> extends WaitingEvent<T> {
  resolve: (offset: number) => void
  reject: (error: CollabError) => void
}

/** A key that no other event has. */
export function freshKey(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`
}

export class Stream<T = unknown> {
  /** Those that are known here, oldest first; empty before somebody follows. */
  events: readonly StreamedEvent<T>[] = []
  private drafts: readonly Draft<T>[] = []
  private readonly followers = new Set<() => void>()
  private live = false
  private timer: Timer

  constructor(readonly name: string, private readonly way: StreamWay) {}

  /** Own events that the server has not confirmed: they are sent, and sent again, until it does. */
  get waiting(): readonly WaitingEvent<T>[] {
    return this.drafts
  }

  /**
   * Add an event; without a connection it goes out with the next one.
   * @param key makes it the same event as another call with this key within a day, as after a reload; a fresh one by default.
   * @returns (the promise) its offset, once it is on the server's disk.
   * @throws CollabError (the promise) where the server will not have it, or the provider was destroyed.
   */
  publish(data: T, event = 'message', key = freshKey()): Promise<number> {
    return new Promise((resolve, reject) => {
      const draft = { key, event, data, resolve, reject }
      this.drafts = [...this.drafts, draft]
      this.tell()
      if (this.live && this.timer === undefined) this.send(draft)
    })
  }

  /** Hear whenever {@link events} or {@link waiting} are others; returns how to stop. */
  follow(listener: () => void): () => void {
    this.followers.add(listener)
    if (this.followers.size === 1 && this.live) this.subscribe()
    return () => {
      if (!this.followers.delete(listener) || this.followers.size > 0 || !this.live) return
      this.way.ask('unsubscribe', { stream: this.name }, () => undefined)
    }
  }

  /** Load up to `limit` older ones; whether there may be more. */
  async more(limit = 100): Promise<boolean> {
    const first = this.events[0]?.offset ?? 1
    const after = Math.max(0, first - 1 - limit)
    const found = first > 1 ? await this.way.read(`/streams/${this.name}?after=${after}&limit=${first - 1 - after}`) : null
    const older = (found?.events ?? []).filter(({ offset }) => offset < (this.events[0]?.offset ?? 0)) as StreamedEvent<T>[]
    if (older.length === 0) return found === null && first > 1
    this.events = [...older, ...this.events]
    this.tell()
    return after > 0
  }

  /** There is a connection. */
  begin(): void {
    this.live = true
    if (this.followers.size > 0) this.subscribe()
    this.sendAll()
  }

  /** It is gone. */
  pause(): void {
    this.live = false
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** For good. */
  end(fault: Fault): void {
    this.pause()
    const { drafts } = this
    this.drafts = []
    for (const { reject } of drafts) reject(new CollabError(fault))
    this.followers.clear()
  }

  /** What came from the server, in order; what is known already changes nothing. */
  take(events: readonly StreamedEvent<T>[], anew = false): void {
    const known = anew ? 0 : (this.events.at(-1)?.offset ?? 0)
    const fresh = events.filter(({ offset }) => offset > known)
    if (fresh.length === 0) return
    this.events = anew ? fresh : [...this.events, ...fresh]
    this.tell()
  }

  private subscribe(): void {
    const after = this.events.at(-1)?.offset
    this.way.ask('subscribe', { stream: this.name, ...(after === undefined ? {} : { after }) }, (answer) => {
      // Where some are gone, what is known before them is no part of it any more: `more` reads them.
      if (answer.ok) this.take(answer['events'] as StreamedEvent<T>[], answer['gap'] === true)
    })
  }

  private readonly sendAll = (): void => {
    this.timer = undefined
    if (this.live) for (const draft of this.drafts) this.send(draft)
  }

  private send(draft: Draft<T>): void {
    const { key, event, data } = draft
    // The key makes it one event, however often it is sent.
    this.way.ask('publish', { stream: this.name, event, data, key }, (answer) => {
      const fault = answer.ok ? null : asFault(answer.error)
      if (!answer.ok && (fault === null || fault.retryable)) {
        this.timer ??= setTimeout(this.sendAll, 1000 * (fault?.retry_after ?? 1))
        return
      }
      const { length } = this.drafts
      this.drafts = this.drafts.filter((each) => each !== draft)
      if (this.drafts.length === length) return
      if (fault === null) draft.resolve(answer['offset'] as number)
      else draft.reject(new CollabError(fault))
      this.tell()
    })
  }

  private tell(): void {
    for (const follower of this.followers) follower()
  }
}
