/**
 * The provider: keeps a Y.Doc and its awareness in step with a collab server over Socket.IO, and
 * tells the truth about it.
 *
 * Any Yjs binding can use it: they look for `doc`, `awareness`, and the events that y-websocket has.
 */

import { ObservableV2 } from 'lib0/observable'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'

import { addressOf, type Address } from './address.js'
import { Backoff } from './backoff.js'
import { Edits, REFUSED_ORIGIN } from './edits.js'
import { asFault, CollabError, type Fault } from './errors.js'
import { LocalLedger, type Ledger } from './ledger.js'
import { bytes, Link, type Bytes } from './link.js'
import { loadedInTime } from './local.js'
import { refusalOfName } from './names.js'
import {
  NO_TRAFFIC, type Answer, type BroadcastMessage, type InboxNews, type LocalCopy, type Notice, type ProviderEvents, type ProviderOptions, type Role, type Session,
  type Timer, type TokenSource, type Traffic, type User,
} from './options.js'
import { refusalOfOrigin } from './origin.js'
import { EMPTY_UPDATE } from './outbox.js'
import { watchPage } from './page.js'
import { Presence } from './presence.js'
import { Posting } from './posting.js'
import { Reading } from './reading.js'
import type { Refused } from './refused.js'
import { connectionOf, saidByNotice, stateOf, StatusMachine, type State, type Status, type TransportName } from './status.js'
import { Stream, type StreamedEvent } from './streams.js'
import { TAB_ORIGIN, Tabs } from './tabs.js'
import type { Refusal } from './wire.js'

/** An unacknowledged edit as old as this makes us ask whether the server is still there. */
const ACK_PATIENCE = 6_000
const PROBE_PATIENCE = 4_000
const SYNC_TIMEOUT = 30_000
/** A connection that held for so long was a good one. */
const STABLE_AFTER = 5_000
/** So many failed attempts in a row, and we try to read along over Server-Sent Events. */
const STREAM_AFTER = 3
/** Without a socket: requests with edits a second, at most. */
const POSTS_PER_SECOND = 5
/** While reading along: how often we look whether a socket gets through again. */
const STREAM_RETRY = 15_000
/** Words like "the server is moving" hold for so long after the connection ended. */
const DRAINING_PATIENCE = 1_200

const DESTROYED: Fault = { code: 'internal', message: 'The provider was destroyed.', retryable: false }

export class CollabProvider extends ObservableV2<ProviderEvents> {
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly document: string
  readonly traffic: Traffic = { ...NO_TRAFFIC }
  /** What the server would not have, and is in the document no more; see {@link forgetRefused}. */
  refused: readonly Refused[] = []
  /** The `session` event of the current connection. */
  session: Session | null = null

  private readonly state = new StatusMachine((now, before) => this.tell(now, before))
  private readonly address: Address
  private readonly transports: ('websocket' | 'polling')[]
  private readonly local: LocalCopy | null
  /** The local copy was opened here, and is closed here. */
  private readonly ownsLocal: boolean
  private readonly ownsAwareness: boolean
  private readonly tabs: Tabs | null
  private readonly backoff: Backoff
  private readonly edits: Edits
  private readonly presence: Presence
  /** Null where reading along is not wanted. */
  private readonly reading: Reading | null
  /** While changes come in as events: what edits leave by. */
  private posting: Posting | null = null
  /** What the server lacks is known for this stream. */
  private compared = false
  private readonly stopWatchingPage: () => void
  private token: TokenSource
  private user: User | undefined
  private link: Link | null = null
  private attempt: object | null = null
  private lastToken: string | null = null
  /** What the server last said about our role. */
  private mayOnlyRead = false
  private said: Role | null = null
  /** What stands as `user` in our awareness, where that is ours to say. */
  private shown: User | null = null
  private localReady: Promise<unknown>
  private lastNotice: Notice | null = null
  private readonly streams = new Map<string, Stream>()
  private failuresInARow = 0
  /** The server does not take connections of this page's origin. */
  private otherOrigin: Fault | null = null

  private retryTimer: Timer
  private stableTimer: Timer
  private drainingTimer: Timer
  private readonly watchTimer: Timer

  /**
   * @param url the server, such as `https://example.org` or `https://example.org/below`; empty for the page's own.
   * @param document the document's name.
   * @param doc what is kept in step; made, where it is left out.
   * @throws TypeError where `url` is no address.
   */
  constructor(url: string, document: string, doc: Y.Doc | null = null, options: ProviderOptions = {}) {
    super()
    this.address = addressOf(url, options.path)
    this.document = document
    this.doc = doc = doc ?? new Y.Doc()
    this.ownsAwareness = options.awareness === undefined
    this.awareness = options.awareness ?? new Awareness(doc)
    this.transports = options.transports ?? ['websocket', 'polling']
    this.token = options.token ?? null
    this.user = options.user
    this.backoff = new Backoff(options.backoff)
    const { subject } = options
    const place = `${this.address.base}/${document}${subject ? `?${encodeURIComponent(subject)}` : ''}`
    this.ownsLocal = typeof options.local === 'function'
    this.local = (typeof options.local === 'function' ? options.local(doc, place) : options.local) ?? null
    this.tabs = options.tabs ?? inBrowser() ? new Tabs(place, doc) : null
    this.edits = new Edits(doc, {
      ledger: options.ledger !== undefined ? options.ledger : this.defaultLedger(place),
      clean: this.local === null,
      traffic: this.traffic,
      onCount: (unsaved) => this.state.patch({ unsaved }),
      onRejected: (fault) => this.onRejected(fault),
      onRefused: (refused) => this.onRefusedEdit(refused),
      onProgress: (progress) => this.state.patch({ progress }),
      onSaved: () => this.state.patch({ blocked: null }),
    })
    this.presence = new Presence(this.awareness, doc.clientID, this, this.traffic)
    this.reading = options.stream === false ? null : this.makeReading()
    this.localReady = this.awaitLocal()

    doc.on('update', this.onDocUpdate)
    doc.on('destroy', this.onDocDestroy)
    this.watchTimer = setInterval(this.watch, 2_000)
    this.stopWatchingPage = watchPage({ onBack: this.onBack, onOffline: () => this.probe(), onHide: this.onHide })
    this.state.patch({ unsaved: this.edits.unsaved })
    this.show(this.user)
    if (options.connect !== false) this.connect()
  }

  // -- what callers use ------------------------------------------------------------------------

  /** Where the connection is, in one word; {@link details} holds the rest. */
  get status(): State {
    return stateOf(this.state.now)
  }

  /** Everything that is true right now. A new object after every change. */
  get details(): Status {
    return this.state.now
  }

  /** Why there is no connection, or why edits are not taken, where the server said so. */
  get error(): Fault | null {
    return this.state.now.fault ?? this.state.now.blocked
  }

  /** What we may do here, as the server last said; null before it did. */
  get role(): Role | null {
    return this.said
  }

  /** Whether the document holds everything that the server has. */
  get synced(): boolean {
    return this.state.now.phase === 'live'
  }

  /** Local changes that are not durable on the server yet. */
  get unsaved(): number {
    return this.edits.unsaved
  }

  /** The log position of the last edit of ours that became durable. */
  get position(): number | null {
    return this.edits.position
  }

  /**
   * Resolves once everything local is durable on the server; offline, that is later.
   * @throws CollabError (the promise) where that will not be: the server refuses this person or an edit, or the
   * provider was destroyed.
   */
  saved(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refusedBefore = this.refused.length
      const look = (): void => {
        const why = this.whyNever(refusedBefore)
        if (why === null && (this.state.now.phase !== 'live' || this.edits.unsaved > 0)) return
        this.off('details', look)
        if (why === null) resolve()
        else reject(new CollabError(why))
      }
      this.on('details', look)
      look()
    })
  }

  /** Connect, if that has not been done, or try again at once where it failed. */
  connect(): void {
    if (this.state.now.phase === 'idle') void this.open()
    else if (this.state.now.phase !== 'live') this.retryNow()
  }

  /** End the connection on purpose; edits are kept in the document. */
  disconnect(): void {
    if (this.state.now.phase === 'closed') return
    this.stopReading()
    this.dropLink()
    clearTimeout(this.retryTimer)
    if (this.state.now.phase !== 'idle') this.state.move('idle', { retryAt: null, transport: null })
  }

  /** Do not wait for the next attempt. */
  retryNow(): void {
    const { phase } = this.state.now
    if (phase !== 'offline' && phase !== 'refused' && !this.readsAlong) return
    clearTimeout(this.retryTimer)
    void this.open()
  }

  /**
   * Use another token from now on; a live connection goes on with it.
   * @returns the server's answer, or null where there is no connection to tell it to.
   */
  async authenticate(token: TokenSource): Promise<Fault | null> {
    this.token = token
    if (this.link?.connected !== true) {
      this.retryNow()
      return null
    }
    return this.renew()
  }

  /** What was refused has been seen. */
  forgetRefused(): void {
    this.refused = []
    this.state.patch({ refused: 0 })
  }

  /** Show another name or colour to the others. */
  setUser(user: User): void {
    this.user = user
    this.shown = null
    if (this.awareness.getLocalState() !== null) this.awareness.setLocalStateField('user', user)
  }

  /**
   * Send to the other participants; kept nowhere.
   * @returns false where there is no connection: then nobody hears of it.
   */
  broadcast(event: string, data: unknown): boolean {
    const link = this.liveLink
    link?.emit('broadcast', { event, data })
    return link !== null
  }

  /** A stream of the document: ordered events that the server keeps, such as those of `chat`. */
  stream<T = unknown>(name: string): Stream<T> {
    let stream = this.streams.get(name)
    if (stream === undefined) {
      stream = new Stream(name, {
        ask: (event, payload, answered) => this.liveLink?.ask(event, payload, (answer) => answered(answer as Answer)),
        read: (path) => this.read(path),
      })
      this.streams.set(name, stream)
      if (this.liveLink !== null) stream.begin()
    }
    return stream as Stream<T>
  }

  override destroy(): void {
    if (this.state.now.phase === 'closed') return
    this.doc.off('update', this.onDocUpdate)
    this.doc.off('destroy', this.onDocDestroy)
    this.stopWatchingPage()
    this.edits.writeLedger()
    this.stopReading()
    this.dropLink(false)
    this.presence.destroy()
    this.tabs?.close()
    clearInterval(this.watchTimer)
    for (const timer of [this.retryTimer, this.stableTimer, this.drainingTimer]) clearTimeout(timer)
    for (const stream of this.streams.values()) stream.end(DESTROYED)
    if (this.ownsAwareness) this.awareness.destroy()
    if (this.ownsLocal) void this.local?.destroy?.()
    this.state.move('closed', { transport: null, retryAt: null })
    this.emit('destroy', [])
    super.destroy()
  }

  /** Tell what has changed, each by its name. */
  private tell(now: Status, before: Status): void {
    this.emit('details', [now, before])
    if (this.state.now !== now) return // somebody changed it meanwhile, which was told
    if (now.unsaved !== before.unsaved) this.emit('unsaved', [now.unsaved])
    if (now.phase !== before.phase || now.fault !== before.fault) {
      this.emit('status', [{ status: connectionOf(now), state: stateOf(now), error: now.fault }])
    }
    const synced = now.phase === 'live'
    if (synced === (before.phase === 'live')) return
    this.emit('synced', [synced])
    this.emit('sync', [synced])
  }

  /** Why what is unsaved will not be saved as things are; `refused` counts those that the caller knew of. */
  private whyNever(refused: number): Fault | null {
    const { phase, fault, blocked, readOnly } = this.state.now
    if (phase === 'closed') return DESTROYED
    if (phase === 'refused') return fault
    const denied = this.refused[refused]
    if (denied !== undefined) return denied.fault
    if (phase !== 'live' || this.edits.unsaved === 0) return null
    if (blocked !== null && !blocked.retryable) return blocked
    return readOnly && this.mayOnlyRead ? { code: 'read_only', message: 'You can view this document but not change it.', retryable: false } : null
  }

  /** Be seen under this name, unless the application says itself who we are. */
  private show(user: User | undefined): void {
    const local = this.awareness.getLocalState()
    if (user === undefined || local === null) return
    const now = local['user'] as User | undefined
    if (now !== undefined && now !== this.shown) return
    this.shown = { ...now, ...user }
    this.awareness.setLocalStateField('user', this.shown)
  }

  /** Read from the document's part of the HTTP API; null where there was no answer to be had. */
  private async read<T>(path: string): Promise<T | null> {
    try {
      const headers: Record<string, string> = this.lastToken === null ? {} : { Authorization: `Bearer ${this.lastToken}` }
      const answer = await fetch(`${this.api}${path}`, { headers, cache: 'no-store' })
      return answer.ok ? ((await answer.json()) as T) : null
    } catch {
      return null
    }
  }

  private get api(): string {
    return `${this.address.base}/api/v1/documents/${encodeURIComponent(this.document)}`
  }

  /** The connection, while everything is exchanged over it. */
  private get liveLink(): Link | null {
    return this.state.now.phase === 'live' && this.link?.connected === true ? this.link : null
  }

  private get readsAlong(): boolean {
    return this.reading?.isOpen === true
  }

  private defaultLedger(place: string): Ledger | null {
    if (this.local === null || typeof localStorage === 'undefined') return null
    return new LocalLedger(place, String(this.doc.clientID), localStorage)
  }

  private async awaitLocal(): Promise<void> {
    if (this.local === null) return
    const inTime = await loadedInTime(this.local, () => this.edits.sendMissing())
    // What it brings later has not been compared with the server; then it is compared again.
    if (inTime) this.tabs?.ask()
    else this.edits.localLate = true
  }

  // -- one attempt -----------------------------------------------------------------------------

  private async open(): Promise<void> {
    // Whoever reads along goes on reading while a socket is tried.
    if (!this.readsAlong) this.state.move('connecting', { retryAt: null })
    const impossible = refusalOfName(this.document)
    if (impossible !== null) return this.refuse(impossible)
    const attempt = {}
    this.attempt = attempt
    let token: string | null
    try {
      await this.localReady
      if (this.attempt !== attempt) return
      token = typeof this.token === 'function' ? await this.token() : this.token
    } catch {
      if (this.attempt === attempt) this.lose(null)
      return
    }
    if (this.attempt !== attempt || (this.state.now.phase !== 'connecting' && !this.readsAlong)) return
    this.lastToken = token

    // A proxy that swallows WebSockets without a word is met on every second attempt with polling first.
    const transports = this.failuresInARow % 2 === 1 ? [...this.transports].reverse() : this.transports
    const ours = (): boolean => this.link === link
    const link: Link = new Link(
      this.address.origin,
      `/doc/${this.document}`,
      {
        path: this.address.path,
        transports,
        auth: { ...(token ? { token } : {}), ...(this.user ? { user: displayed(this.user) } : {}) },
      },
      {
        onConnect: () => ours() && this.onConnect(link),
        onRefused: (refusal) => ours() && this.onRefused(refusal),
        onEnd: (byServer) => ours() && this.onEnd(byServer),
        onEvent: (event, payload) => ours() && this.hear(event, payload),
        onTransport: (name) => ours() && this.state.patch({ transport: name as TransportName }),
      },
    )
    this.link = link
    if (this.posting === null) this.edits.attach(link)
  }

  private hear(event: string, [value, answer]: unknown[]): void {
    switch (event) {
      case 'session':
        return this.onSession(value as Session)
      case 'sync-step-1':
        // The answer has no ack of its own; what the server lacks goes as an edit, which has one.
        if (typeof answer === 'function') answer(EMPTY_UPDATE)
        return this.edits.compareWith(bytes(value as Bytes))
      case 'sync-update':
        return this.onUpdate(bytes(value as Bytes))
      case 'awareness-update':
        return this.presence.receive(bytes(value as Bytes))
      case 'notice':
        return this.onNotice(value)
      case 'stream':
        return this.streams.get((value as StreamedEvent).stream)?.take([value as StreamedEvent])
      case 'inbox':
        return this.emit('inbox', [value as InboxNews])
      case 'broadcast':
        return this.emit('broadcast', [value as BroadcastMessage])
    }
  }

  private onConnect(link: Link): void {
    this.traffic.connections += 1
    this.failuresInARow = 0
    this.lastNotice = this.otherOrigin = null
    this.stopReading()
    this.edits.attach(link)
    const begun = { transport: link.transport, behind: false }
    if (this.state.now.phase === 'syncing') this.state.patch(begun)
    else this.state.move('syncing', begun)
    link.askMissing(Y.encodeStateVector(this.doc), SYNC_TIMEOUT, (answer) => {
      if (this.link !== link) return
      if (!(answer instanceof Uint8Array)) return this.lose(answer)
      this.receive(answer)
      this.becomeLive(link)
    })
  }

  private becomeLive(link: Link): void {
    clearTimeout(this.drainingTimer)
    this.state.move('live', {
      wasLive: true,
      fault: null,
      draining: false,
      storageTrouble: false,
      degraded: false,
    })
    clearTimeout(this.stableTimer)
    this.stableTimer = setTimeout(() => this.backoff.reset(), STABLE_AFTER)
    this.presence.begin(link)
    this.edits.begin(this.session?.limits['rate_updates'])
    for (const stream of this.streams.values()) stream.begin()
  }

  private onSession(session: Session): void {
    this.session = session
    this.edits.setLimit(session.limits['max_update_bytes'])
    this.setRole(session.role)
    // With a token, others see who it says we are; so do we.
    this.show(displayed(session.user ?? {}))
    this.emit('session', [session])
  }

  private setRole(role: Role): void {
    const readOnly = role === 'viewer' || role === 'commenter'
    const another = this.said !== role
    this.said = role
    this.mayOnlyRead = readOnly
    this.state.patch({ readOnly, blocked: readOnly ? null : this.state.now.blocked })
    this.edits.setWritable(!readOnly)
    if (another) this.emit('role', [role])
  }

  private onUpdate(update: Uint8Array): void {
    this.receive(update)
    this.state.patch({ behind: false })
  }

  private receive(update: Uint8Array): void {
    this.traffic.receivedUpdates += 1
    this.traffic.receivedBytes += update.byteLength
    Y.applyUpdate(this.doc, update, this)
  }

  // -- the end of a connection -----------------------------------------------------------------

  private onRefused(error: Refusal): void {
    const fault = asFault(error.data)
    if (fault === null && error.message === 'Invalid namespace') {
      this.refuse({ code: 'not_found', message: 'This server has no documents here.', retryable: false })
    } else if (fault === null || this.mayReturn(fault)) {
      this.failuresInARow += 1
      this.lose(fault)
    } else {
      this.refuse(fault)
    }
  }

  private onEnd(ended: boolean): void {
    const said = this.lastNotice
    if (ended && said !== null && !this.mayReturn(said)) return this.refuse(said)
    // Where the network went away, what the server once said is not why.
    const explains = said !== null && (said.code === 'draining' || (ended && said.code !== 'lagging' && said.resolved !== true))
    this.lose(explains ? said : null)
  }

  /** Whether another attempt, with another token where that is asked for, can succeed. */
  private mayReturn(fault: Fault): boolean {
    return fault.retryable || (fault.code === 'token_expired' && typeof this.token === 'function')
  }

  private refuse(fault: Fault): void {
    this.stopReading()
    this.leave()
    this.state.move('refused', { fault, retryAt: null, transport: null, draining: false })
  }

  /** Go offline, and come back later. */
  private lose(fault: Fault | null): void {
    if (this.readsAlong) {
      this.dropLink()
      this.retryLater(STREAM_RETRY)
      return
    }
    // "The server is moving" is believed until an attempt shows that nobody has taken over.
    const draining = this.state.now.draining && this.state.now.phase !== 'connecting'
    const wait = this.backoff.next(1000 * (fault?.retry_after ?? 0))
    this.leave()
    this.state.move('offline', { fault: fault ?? this.otherOrigin, draining, retryAt: Date.now() + wait, transport: null })
    clearTimeout(this.drainingTimer)
    if (draining) this.drainingTimer = setTimeout(() => this.state.patch({ draining: false }), DRAINING_PATIENCE)
    this.retryLater(wait)
    if (fault !== null) return
    if (this.failuresInARow >= STREAM_AFTER) this.reading?.begin(this.lastToken)
    if (this.failuresInARow === 1 && !this.state.now.wasLive) void this.askWhy()
  }

  /** A page of another origin is told nothing by its browser: find out whether that is why. */
  private async askWhy(): Promise<void> {
    this.otherOrigin = await refusalOfOrigin(this.address.base, this.document)
    if (this.otherOrigin !== null && this.state.now.phase === 'offline') this.state.patch({ fault: this.otherOrigin })
  }

  private retryLater(wait: number): void {
    clearTimeout(this.retryTimer)
    this.retryTimer = setTimeout(() => this.retryNow(), wait)
  }

  private leave(): void {
    clearTimeout(this.stableTimer)
    this.dropLink()
    this.state.patch({ behind: false })
  }

  private dropLink(forgetPeers = true): void {
    const link = this.link
    this.link = null
    this.attempt = null
    this.session = null
    if (this.posting === null) this.edits.detach()
    this.presence.end(forgetPeers)
    for (const stream of this.streams.values()) stream.pause()
    link?.close()
  }

  // -- reading along ---------------------------------------------------------------------------

  private makeReading(): Reading {
    return new Reading({
      url: `${this.api}/events`,
      onOpen: () => {
        // A socket may have got further meanwhile.
        if (this.state.now.phase !== 'offline') return false
        this.lastNotice = null
        this.state.move('syncing', { transport: 'sse', readOnly: true, retryAt: null, fault: null })
        this.retryLater(STREAM_RETRY)
        this.beginPosting()
        return true
      },
      onUpdate: (update, vector) => {
        this.receive(update)
        // The first that says what the server has ends what was missing here; what is missing there goes out.
        if (vector === null || this.link?.connected === true) return
        if (this.state.now.phase === 'syncing') this.state.move('live', { wasLive: true })
        if (this.posting === null || this.compared) return
        this.compared = true
        this.edits.compareWith(vector)
      },
      onBroadcast: (message) => this.emit('broadcast', [message]),
      onNotice: (notice) => this.onNotice(notice),
      onEnd: () => {
        this.stopReading()
        this.state.patch({ readOnly: this.mayOnlyRead })
        const said = this.lastNotice
        if (said !== null && !this.mayReturn(said)) this.refuse(said)
        else this.lose(null)
      },
    })
  }

  /** Let edits out by requests, if this person may write. */
  private beginPosting(): void {
    const posting = new Posting(this.api, this.lastToken)
    this.posting?.close()
    this.posting = posting
    this.compared = false
    this.edits.detach()
    this.edits.attach(posting)
    void posting.mayWrite().then((may) => {
      if (this.posting !== posting || may === null) return
      this.mayOnlyRead = !may
      this.state.patch({ readOnly: !may })
      this.edits.setWritable(may)
      this.edits.begin(POSTS_PER_SECOND)
    })
  }

  private stopReading(): void {
    this.reading?.close()
    if (this.posting === null) return
    this.posting.close()
    this.posting = null
    this.edits.detach()
  }

  // -- notices and tokens ----------------------------------------------------------------------

  private onNotice(value: unknown): void {
    const notice = asFault(value) as Notice | null
    if (notice === null) return
    this.lastNotice = notice
    this.state.patch(saidByNotice(notice))
    if ((notice.code === 'storage_unavailable' || notice.code === 'store_full') && notice.resolved === true) this.edits.sendHeld()
    const expiresSoon = notice.code === 'token_expired' && notice.retry_after !== undefined
    if (expiresSoon && typeof this.token === 'function') void this.renew()
    this.emit('notice', [notice])
  }

  private async renew(): Promise<Fault | null> {
    const link = this.link
    let token: string | null
    try {
      token = typeof this.token === 'function' ? await this.token() : this.token
    } catch {
      return { code: 'unauthorized', message: 'No new sign-in could be had.', retryable: true }
    }
    if (link === null || this.link !== link || token === null) return null
    const answer = await link.authenticate(token, PROBE_PATIENCE)
    if (this.link !== link) return null
    if (answer === null) return { code: 'internal', message: 'The server did not answer.', retryable: true }
    if (!answer.ok) return asFault(answer.error)
    if (this.session !== null) {
      const role = (answer.role as Session['role'] | undefined) ?? this.session.role
      this.session = { ...this.session, role, expires_at: (answer.expires_at as number | null) ?? null }
      this.emit('session', [this.session])
      this.setRole(role)
    }
    this.lastNotice = null
    return null
  }

  // -- edits -----------------------------------------------------------------------------------

  private readonly onDocUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this || origin === REFUSED_ORIGIN) return
    this.edits.soil()
    // A local copy that loads is no new change. One that comes late is compared with the server as a whole.
    if (this.local !== null && origin === this.local) return
    const { phase } = this.state.now
    if (origin === TAB_ORIGIN && phase !== 'live') return
    if (phase !== 'live' && origin !== TAB_ORIGIN) this.tabs?.tell(update)
    this.edits.add(update)
  }

  private onRejected(fault: Fault): void {
    if (fault.code === 'read_only') this.setRole('viewer')
    else this.state.patch({ blocked: fault })
    this.emit('notice', [fault])
  }

  private onRefusedEdit(refused: Refused): void {
    this.refused = [...this.refused, refused]
    this.state.patch({ refused: this.refused.length })
    this.emit('refused', [refused])
  }

  // -- is anybody there? -----------------------------------------------------------------------

  private readonly watch = (): void => {
    const link = this.liveLink
    if (link === null) return
    this.presence.keepAlive()
    const oldest = Math.min(...link.waiting.values())
    if (performance.now() - oldest > ACK_PATIENCE) this.probe()
  }

  /** Ask for a sign of life; without one, the connection is given up instead of waited for. */
  private probe(): void {
    const link = this.liveLink
    if (link === null || link.probing) return
    link.probing = true
    link.askMissing(Y.encodeStateVector(this.doc), PROBE_PATIENCE, (answer) => {
      if (this.link !== link) return
      link.probing = false
      if (answer === null) this.lose(null)
      else if (answer instanceof Uint8Array) Y.applyUpdate(this.doc, answer, this)
    })
  }

  private readonly onBack = (): void => {
    if (this.state.now.phase === 'offline') this.retryNow()
    else this.probe()
  }

  private readonly onHide = (): void => {
    this.edits.flush()
    this.edits.writeLedger()
  }

  private readonly onDocDestroy = (): void => this.destroy()
}

/** What only the server says of somebody. */
const STAMPED = ['id', 'agent', 'role', 'session', 'client_id']

/** What others are shown of somebody, by either side. */
function displayed(user: User): User {
  const unsaid = (field: string, value: unknown): boolean => value === undefined || (value === '' && (field === 'name' || field === 'color'))
  return Object.fromEntries(Object.entries(user).filter(([field, value]) => !STAMPED.includes(field) && !unsaid(field, value)))
}

/** Whether there may be other tabs: a page or a worker of one. */
function inBrowser(): boolean {
  return typeof window !== 'undefined' || typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope !== 'undefined'
}
