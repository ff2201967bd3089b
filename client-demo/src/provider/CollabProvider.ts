/**
 * The provider: keeps a Y.Doc and its awareness in step with a collab server over plain
 * socket.io-client, and tells the truth about it.
 *
 * Any Yjs binding can use it; all that bindings look for is `{ doc, awareness }`.
 */

import { ObservableV2 } from 'lib0/observable'
import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness'
import * as Y from 'yjs'

import { Backoff, type BackoffOptions } from './backoff'
import { asFault, RESEND, type Fault } from './errors'
import { LocalLedger, type Ledger } from './ledger'
import { Link } from './link'
import { EMPTY_UPDATE, Outbox, type Batch } from './outbox'
import { FIRST_STATUS, MOVES, type Phase, type Status } from './status'
import { EventStream, fromBase64, type StreamEvent } from './stream'
import { TAB_ORIGIN, Tabs } from './tabs'

/** A token, or a function that gets a fresh one; null for nobody in particular. */
export type TokenSource = string | null | (() => string | null | Promise<string | null>)

export interface User {
  name?: string
  color?: string
  id?: string
}

/** The server's `session` event. */
export interface Session {
  document: string
  session: string
  client_id: number
  role: 'viewer' | 'editor' | 'admin'
  user: User
  limits: Record<string, number>
  expires_at: number | null
  server: { name: string; version: string }
}

/** The server's `notice` event; `resolved` says that a trouble is over. */
export type Notice = Fault & { resolved?: boolean }

/** A persistence such as y-indexeddb's: its own transactions are no new changes. */
export interface LocalCopy {
  whenSynced: Promise<unknown>
}

export interface ProviderOptions {
  awareness?: Awareness
  token?: TokenSource
  /** Display only; with a token the server uses what the token says. */
  user?: User
  /** Connect at once (default), or when {@link CollabProvider.connect} is called. */
  connect?: boolean
  /** The local copy, if there is one: it is awaited before the first sync. */
  local?: LocalCopy | null
  /** Where the number of unsaved changes survives a reload; by default localStorage, with a `local` copy. */
  ledger?: Ledger | null
  /** Exchange edits with other tabs of this browser while offline. */
  tabs?: boolean
  /** In the order in which they are tried. */
  transports?: ('websocket' | 'polling')[]
  backoff?: Partial<BackoffOptions>
  /** Read along over Server-Sent Events where nothing else gets through (default true). */
  stream?: boolean
  /** The server's path. */
  path?: string
}

/** What went over the wire since the page was opened. */
export interface Traffic {
  sentUpdates: number
  sentBytes: number
  receivedUpdates: number
  receivedBytes: number
  awarenessSent: number
  awarenessReceived: number
  connections: number
  /** Milliseconds from the last edit's departure to its durable ack. */
  lastAckMs: number | null
}

type ProviderEvents = {
  status: (status: Status, before: Status) => void
  notice: (notice: Notice) => void
  session: (session: Session) => void
  synced: () => void
  broadcast: (message: { event: string; data: unknown; from: string }) => void
}

/** Edits are sent at this interval at most; what happens within it goes as one update. */
const SEND_INTERVAL = 16
const AWARENESS_INTERVAL = 30
/** An unacknowledged edit as old as this makes us ask whether the server is still there. */
const ACK_PATIENCE = 6_000
const PROBE_PATIENCE = 4_000
const SYNC_TIMEOUT = 30_000
/** How long a local copy may take before the sync begins without it. */
const LOCAL_PATIENCE = 2_000
/** A connection that held for so long was a good one. */
const STABLE_AFTER = 5_000
/** So many failed attempts in a row, and we try to read along over Server-Sent Events. */
const STREAM_AFTER = 3
/** While reading along: how often we look whether a socket gets through again. */
const STREAM_RETRY = 15_000
/** Words like "the server is moving" hold for so long after the connection ended. */
const DRAINING_PATIENCE = 1_200

export class CollabProvider extends ObservableV2<ProviderEvents> {
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly document: string
  readonly traffic: Traffic = {
    sentUpdates: 0,
    sentBytes: 0,
    receivedUpdates: 0,
    receivedBytes: 0,
    awarenessSent: 0,
    awarenessReceived: 0,
    connections: 0,
    lastAckMs: null,
  }
  /** The `session` event of the current connection. */
  session: Session | null = null
  /** The log position of the last edit of ours that became durable. */
  position: number | null = null

  private current: Status = FIRST_STATUS
  private readonly url: string
  private readonly path: string
  private readonly transports: ('websocket' | 'polling')[]
  private readonly local: LocalCopy | null
  private readonly ledger: Ledger | null
  private readonly tabs: Tabs | null
  private readonly backoff: Backoff
  private readonly outbox = new Outbox()
  private token: TokenSource
  private user: User | undefined
  private link: Link | null = null
  private attempt: object | null = null
  private lastToken: string | null = null
  /** What the server last said about our role. */
  private mayOnlyRead = false
  private localReady: Promise<unknown>
  private localLate = false
  /** Whether the document holds nothing but what the server sent. */
  private clean: boolean
  private serverVector: Uint8Array | null = null
  private lastNotice: Notice | null = null
  private failuresInARow = 0
  private inheritedSettled = false
  private readonly streaming: boolean
  private stream: EventStream | null = null
  private streamOpen = false
  private lastEventId: string | null = null

  private retryTimer: Timer
  private sendTimer: Timer
  private awarenessTimer: Timer
  private heldTimer: Timer
  private stableTimer: Timer
  private drainingTimer: Timer
  private ledgerTimer: Timer
  private readonly watchTimer: Timer
  private lastSend = 0
  private lastAwareness = 0

  /**
   * @param url the server, such as `https://example.org` or an empty string for the page's own.
   * @param document the document's name.
   */
  constructor(url: string, document: string, doc: Y.Doc, options: ProviderOptions = {}) {
    super()
    this.url = url || globalThis.location.origin
    this.document = document
    this.doc = doc
    this.awareness = options.awareness ?? new Awareness(doc)
    this.path = options.path ?? '/socket.io/'
    this.transports = options.transports ?? ['websocket', 'polling']
    this.token = options.token ?? null
    this.user = options.user
    this.local = options.local ?? null
    this.streaming = options.stream !== false
    this.backoff = new Backoff(options.backoff)
    const place = `${this.url}/${document}`
    this.tabs = options.tabs === false ? null : new Tabs(place, doc)
    this.ledger = options.ledger !== undefined ? options.ledger : this.defaultLedger(place)
    this.clean = this.local === null
    this.outbox.inherit(this.ledger?.inherited() ?? 0)
    this.localReady = this.awaitLocal()

    doc.on('update', this.onDocUpdate)
    doc.on('destroy', this.onDocDestroy)
    this.awareness.on('update', this.onAwarenessUpdate)
    this.watchTimer = setInterval(this.watch, 2_000)
    if (typeof window !== 'undefined') {
      window.addEventListener('online', this.onOnline)
      window.addEventListener('offline', this.onOfflineHint)
      window.addEventListener('pagehide', this.onPageHide)
      window.addEventListener('pageshow', this.onOnline)
      window.document.addEventListener('visibilitychange', this.onVisibility)
    }
    this.patch({ unsaved: this.outbox.unsaved })
    if (options.connect !== false) this.connect()
  }

  // -- what callers use ------------------------------------------------------------------------

  /** What is true right now. A new object after every change. */
  get status(): Status {
    return this.current
  }

  /** Whether the document holds everything that the server had when we connected. */
  get synced(): boolean {
    return this.current.phase === 'live'
  }

  /** Local changes that are not durable on the server yet. */
  get unsaved(): number {
    return this.outbox.unsaved
  }

  /** Resolves once everything local is durable on the server. */
  saved(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.current.phase !== 'live' || this.outbox.unsaved > 0) return
        this.off('status', look)
        resolve()
      }
      this.on('status', look)
      look()
    })
  }

  /** Connect, if that has not been done. */
  connect(): void {
    if (this.current.phase === 'idle') void this.open()
  }

  /** End the connection on purpose; edits are kept in the document. */
  disconnect(): void {
    if (this.current.phase === 'closed') return
    this.closeStream()
    this.dropLink()
    this.forgetPeers()
    clearTimeout(this.retryTimer)
    if (this.current.phase !== 'idle') this.move('idle', { retryAt: null, transport: null })
  }

  /** Do not wait for the next attempt. */
  retryNow(): void {
    const { phase } = this.current
    if (phase !== 'offline' && phase !== 'refused' && !this.streamOpen) return
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

  /** Show another name or colour to the others. */
  setUser(user: User): void {
    this.user = user
    const local = this.awareness.getLocalState()
    if (local !== null) this.awareness.setLocalStateField('user', user)
  }

  /** Send to the other participants; kept nowhere. Dropped while there is no connection. */
  broadcast(event: string, data: unknown): void {
    this.liveLink?.socket.emit('broadcast', { event, data })
  }

  override destroy(): void {
    if (this.current.phase === 'closed') return
    this.doc.off('update', this.onDocUpdate)
    this.doc.off('destroy', this.onDocDestroy)
    this.awareness.off('update', this.onAwarenessUpdate)
    if (typeof window !== 'undefined') {
      window.removeEventListener('online', this.onOnline)
      window.removeEventListener('offline', this.onOfflineHint)
      window.removeEventListener('pagehide', this.onPageHide)
      window.removeEventListener('pageshow', this.onOnline)
      window.document.removeEventListener('visibilitychange', this.onVisibility)
    }
    this.writeLedger()
    this.closeStream()
    this.dropLink()
    this.tabs?.close()
    clearInterval(this.watchTimer)
    for (const timer of [this.retryTimer, this.sendTimer, this.awarenessTimer, this.heldTimer]) clearTimeout(timer)
    for (const timer of [this.stableTimer, this.drainingTimer, this.ledgerTimer]) clearTimeout(timer)
    this.move('closed', { transport: null, retryAt: null })
    super.destroy()
  }

  /** The connection, while everything is exchanged over it. */
  private get liveLink(): Link | null {
    return this.current.phase === 'live' && this.link?.connected === true ? this.link : null
  }

  // -- the state machine -----------------------------------------------------------------------

  private move(phase: Phase, more: Partial<Status> = {}): void {
    if (!MOVES[this.current.phase].includes(phase)) {
      throw new Error(`a provider cannot go from ${this.current.phase} to ${phase}`)
    }
    this.patch({ ...more, phase })
  }

  private patch(change: Partial<Status>): void {
    const before = this.current
    const keys = Object.keys(change) as (keyof Status)[]
    if (keys.every((key) => Object.is(before[key], change[key]))) return
    this.current = { ...before, ...change }
    this.emit('status', [this.current, before])
  }

  private countUnsaved(): void {
    const unsaved = this.outbox.unsaved
    if (unsaved === this.current.unsaved) return
    const atAnEdge = unsaved === 0 || this.current.unsaved === 0
    this.patch({ unsaved })
    if (atAnEdge) this.writeLedger()
    else this.ledgerTimer ??= setTimeout(this.writeLedger, 250)
  }

  private readonly writeLedger = (): void => {
    clearTimeout(this.ledgerTimer)
    this.ledgerTimer = undefined
    const inherited = this.inheritedSettled ? 0 : (this.ledger?.inherited() ?? 0)
    this.ledger?.write(Math.max(0, this.outbox.unsaved - inherited))
  }

  private defaultLedger(place: string): Ledger | null {
    if (this.local === null || typeof localStorage === 'undefined') return null
    return new LocalLedger(place, String(this.doc.clientID), localStorage)
  }

  private async awaitLocal(): Promise<void> {
    if (this.local === null) return
    let timer: Timer
    const impatience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), LOCAL_PATIENCE)
    })
    const loaded = this.local.whenSynced.then(() => 'loaded' as const)
    const outcome = await Promise.race([loaded, impatience]).catch(() => 'late' as const)
    clearTimeout(timer)
    if (outcome === 'late') {
      this.localLate = true
      // What it brings later has not been compared with the server: compare again.
      void loaded.then(() => this.sendMissing()).catch(() => undefined)
    } else {
      this.tabs?.ask()
    }
  }

  // -- one attempt -----------------------------------------------------------------------------

  private async open(): Promise<void> {
    // Whoever reads along goes on reading while a socket is tried.
    if (!this.streamOpen) this.move('connecting', { retryAt: null })
    const attempt = {}
    this.attempt = attempt
    let token: string | null
    try {
      await this.localReady
      token = typeof this.token === 'function' ? await this.token() : this.token
    } catch {
      if (this.attempt === attempt) this.lose(null)
      return
    }
    if (this.attempt !== attempt || (this.current.phase !== 'connecting' && !this.streamOpen)) return
    this.lastToken = token

    // A proxy that swallows WebSockets without a word is met on every second attempt with polling first.
    const transports = this.failuresInARow % 2 === 1 ? [...this.transports].reverse() : this.transports
    const link = new Link(this.url, `/doc/${this.document}`, {
      path: this.path,
      transports,
      auth: { ...(token ? { token } : {}), ...(this.user ? { user: displayed(this.user) } : {}) },
    })
    this.link = link
    this.listen(link)
    link.socket.connect()
  }

  private listen(link: Link): void {
    const { socket } = link
    const on = (event: string, react: (...args: never[]) => void): void => {
      socket.on(event, (...args: unknown[]) => {
        if (this.link === link) react(...(args as never[]))
      })
    }
    on('connect', () => this.onConnect(link))
    on('connect_error', (error: Error & { data?: unknown }) => this.onRefused(error))
    on('disconnect', (reason: string) => this.onDisconnect(reason))
    on('session', (session: Session) => this.onSession(session))
    on('sync-step-1', (vector: Bytes, answer?: (update: Uint8Array) => void) => {
      // The answer has no ack of its own; what the server lacks goes as an edit, which has one.
      answer?.(EMPTY_UPDATE)
      this.serverVector = bytes(vector)
      this.sendMissing()
    })
    on('sync-update', (update: Bytes) => this.onUpdate(bytes(update)))
    on('awareness-update', (update: Bytes) => {
      this.traffic.awarenessReceived += 1
      applyAwarenessUpdate(this.awareness, bytes(update), this)
    })
    on('notice', (notice: unknown) => this.onNotice(notice))
    on('broadcast', (message: { event: string; data: unknown; from: string }) => this.emit('broadcast', [message]))
    link.onTransport = (name) => {
      if (this.link === link) this.patch({ transport: name })
    }
  }

  private onConnect(link: Link): void {
    this.traffic.connections += 1
    this.failuresInARow = 0
    this.lastNotice = null
    this.serverVector = null
    this.closeStream()
    this.move('syncing', { transport: link.transport, behind: false })
    const vector = Y.encodeStateVector(this.doc)
    link.socket.timeout(SYNC_TIMEOUT).emit('sync-step-1', vector, (error: Error | null, missing: unknown) => {
      if (this.link !== link) return
      if (error !== null || !isBytes(missing)) {
        this.lose(asFault((missing as { error?: unknown } | undefined)?.error))
        return
      }
      this.receive(bytes(missing))
      this.becomeLive()
    })
  }

  private becomeLive(): void {
    clearTimeout(this.drainingTimer)
    this.move('live', {
      wasLive: true,
      fault: null,
      draining: false,
      storageTrouble: false,
      degraded: false,
    })
    clearTimeout(this.stableTimer)
    this.stableTimer = setTimeout(() => this.backoff.reset(), STABLE_AFTER)
    this.sendAwareness()
    this.emit('synced', [])
    this.flush()
  }

  private onSession(session: Session): void {
    this.session = session
    this.setRole(session.role)
    this.emit('session', [session])
  }

  private setRole(role: Session['role']): void {
    const readOnly = role === 'viewer'
    this.mayOnlyRead = readOnly
    const gained = this.current.readOnly && !readOnly
    this.patch({ readOnly, blocked: readOnly ? null : this.current.blocked })
    if (readOnly) {
      this.outbox.lose()
      this.countUnsaved()
    } else if (gained) {
      this.sendMissing()
    }
  }

  private onUpdate(update: Uint8Array): void {
    this.receive(update)
    this.patch({ behind: false })
  }

  private receive(update: Uint8Array): void {
    this.traffic.receivedUpdates += 1
    this.traffic.receivedBytes += update.byteLength
    Y.applyUpdate(this.doc, update, this)
  }

  // -- the end of a connection -----------------------------------------------------------------

  private onRefused(error: Error & { data?: unknown }): void {
    const fault = asFault(error.data)
    if (fault === null && error.message === 'Invalid namespace') {
      this.refuse({ code: 'not_found', message: 'This server has no documents here.', retryable: false })
    } else if (fault === null || fault.retryable) {
      this.failuresInARow += 1
      this.lose(fault)
    } else {
      this.refuse(fault)
    }
  }

  private onDisconnect(reason: string): void {
    const said = this.lastNotice
    if (reason === 'io server disconnect' && said !== null && !said.retryable) this.refuse(said)
    else this.lose(said !== null && said.code !== 'lagging' && said.resolved !== true ? said : null)
  }

  private refuse(fault: Fault): void {
    this.closeStream()
    this.leave()
    this.move('refused', { fault, retryAt: null, transport: null, draining: false })
  }

  /** Go offline, and come back later. */
  private lose(fault: Fault | null): void {
    if (this.streamOpen) {
      this.dropLink()
      this.retryLater(STREAM_RETRY)
      return
    }
    // "The server is moving" is believed until an attempt shows that nobody has taken over.
    const draining = this.current.draining && this.current.phase !== 'connecting'
    const wait = this.backoff.next(1000 * (fault?.retry_after ?? 0))
    this.leave()
    this.move('offline', { fault, draining, retryAt: Date.now() + wait, transport: null })
    clearTimeout(this.drainingTimer)
    if (draining) this.drainingTimer = setTimeout(() => this.patch({ draining: false }), DRAINING_PATIENCE)
    this.retryLater(wait)
    if (this.streaming && fault === null && this.failuresInARow >= STREAM_AFTER) this.openStream()
  }

  private retryLater(wait: number): void {
    clearTimeout(this.retryTimer)
    this.retryTimer = setTimeout(() => this.retryNow(), wait)
  }

  private leave(): void {
    clearTimeout(this.stableTimer)
    this.dropLink()
    this.forgetPeers()
    this.patch({ behind: false })
  }

  private dropLink(): void {
    const link = this.link
    this.link = null
    this.attempt = null
    this.session = null
    this.serverVector = null
    clearTimeout(this.sendTimer)
    this.sendTimer = undefined
    clearTimeout(this.awarenessTimer)
    this.awarenessTimer = undefined
    clearTimeout(this.heldTimer)
    this.heldTimer = undefined
    this.outbox.lose()
    link?.close()
  }

  private forgetPeers(): void {
    const peers = [...this.awareness.getStates().keys()].filter((client) => client !== this.doc.clientID)
    removeAwarenessStates(this.awareness, peers, this)
    // Without this, the same state of somebody who never left would be taken for old news.
    for (const client of [...this.awareness.meta.keys()]) {
      if (client !== this.doc.clientID) this.awareness.meta.delete(client)
    }
  }

  // -- reading along ---------------------------------------------------------------------------

  private openStream(): void {
    if (this.stream !== null) return
    const path = `/api/v1/documents/${encodeURIComponent(this.document)}/events`
    const stream = new EventStream(this.url + path, {
      token: this.lastToken,
      lastEventId: this.lastEventId,
      onOpen: () => {
        if (this.stream !== stream) return
        if (this.current.phase !== 'offline') {
          // A socket got further meanwhile.
          this.closeStream()
          return
        }
        this.streamOpen = true
        this.lastNotice = null
        this.move('live', { transport: 'sse', readOnly: true, retryAt: null, fault: null })
        this.retryLater(STREAM_RETRY)
      },
      onEvent: (event) => {
        if (this.stream === stream) this.onStreamEvent(event)
      },
      onEnd: () => {
        if (this.stream !== stream) return
        const wasOpen = this.streamOpen
        this.closeStream()
        if (!wasOpen) return
        this.patch({ readOnly: this.mayOnlyRead })
        const said = this.lastNotice
        if (said !== null && !said.retryable) this.refuse(said)
        else this.lose(null)
      },
    })
    this.stream = stream
  }

  private onStreamEvent({ id, event, data }: StreamEvent): void {
    if (id !== null) this.lastEventId = id
    try {
      if (event === 'update') {
        this.receive(fromBase64(data))
        if (!this.current.wasLive) this.patch({ wasLive: true })
        this.emit('synced', [])
      } else if (event === 'notice') {
        this.onNotice(JSON.parse(data))
      }
    } catch {
      // A stream that is not to be read is no stream; polling goes on beside it.
      this.lastEventId = null
    }
  }

  private closeStream(): void {
    this.stream?.close()
    this.stream = null
    this.streamOpen = false
  }

  // -- notices and tokens ----------------------------------------------------------------------

  private onNotice(value: unknown): void {
    const notice = asFault(value) as Notice | null
    if (notice === null) return
    this.lastNotice = notice
    switch (notice.code) {
      case 'lagging':
        this.patch({ behind: true })
        break
      case 'draining':
        this.patch({ draining: true })
        break
      case 'storage_unavailable':
        this.patch({ storageTrouble: notice.resolved !== true })
        if (notice.resolved === true) this.sendHeld()
        break
      case 'cluster_degraded':
        this.patch({ degraded: notice.resolved !== true })
        break
      case 'token_expired':
        if (notice.retry_after !== undefined && typeof this.token === 'function') void this.renew()
        break
    }
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
    return new Promise((resolve) => {
      link.socket.timeout(PROBE_PATIENCE).emit('authenticate', { token }, (error: Error | null, answer: Answer) => {
        if (this.link !== link) return resolve(null)
        if (error !== null) return resolve({ code: 'internal', message: 'The server did not answer.', retryable: true })
        if (!answer.ok) return resolve(asFault(answer.error))
        if (this.session !== null) {
          const role = (answer.role as Session['role'] | undefined) ?? this.session.role
          this.session = { ...this.session, role, expires_at: (answer.expires_at as number | null) ?? null }
          this.emit('session', [this.session])
          this.setRole(role)
        }
        this.lastNotice = null
        resolve(null)
      })
    })
  }

  // -- edits out -------------------------------------------------------------------------------

  private readonly onDocUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return
    const fromLocalCopy = this.local !== null && origin === this.local
    this.clean = false
    // A local copy that loads is no new change. One that comes late is compared with the server as a whole.
    if (fromLocalCopy) return
    const { phase } = this.current
    if (origin === TAB_ORIGIN && phase !== 'live') return
    if (phase !== 'live' && origin !== TAB_ORIGIN) this.tabs?.tell(update)
    this.outbox.add(update)
    this.countUnsaved()
    this.requestFlush()
  }

  private requestFlush(): void {
    if (!this.outbox.hasUnsent || this.current.phase !== 'live' || this.sendTimer !== undefined) return
    const perSecond = this.session?.limits['rate_updates']
    const interval = Math.max(SEND_INTERVAL, perSecond ? 1100 / perSecond : 0)
    const wait = this.lastSend + interval - now()
    if (wait <= 0) this.flush()
    else this.sendTimer = setTimeout(this.flush, wait)
  }

  private readonly flush = (): void => {
    clearTimeout(this.sendTimer)
    this.sendTimer = undefined
    if (this.current.phase !== 'live') return
    const batch = this.outbox.take()
    if (batch === null) return
    this.lastSend = now()
    this.transmit(batch)
  }

  /** Send whatever the server lacks, once we know what it has. */
  private sendMissing(): void {
    const vector = this.serverVector
    if (vector === null || this.link?.connected !== true || this.session === null || this.current.readOnly) return
    const nothingOfOurs = this.clean && this.outbox.unsaved === 0
    const diff = nothingOfOurs ? null : Y.encodeStateAsUpdate(this.doc, vector)
    const batch = this.outbox.resync(diff !== null && diff.length > EMPTY_UPDATE.length ? diff : null)
    if (batch !== null) this.transmit(batch, true)
    this.countUnsaved()
  }

  private transmit(batch: Batch, resync = false): void {
    const link = this.link
    if (link === null) return
    const departure = now()
    this.traffic.sentUpdates += 1
    this.traffic.sentBytes += batch.update.byteLength
    link.waiting.set(batch, departure)
    link.socket.emit('sync-update', batch.update, (answer: Answer) => {
      if (this.link !== link) return
      link.waiting.delete(batch)
      if (answer.ok) this.onDurable(batch, departure, answer.position, resync)
      else this.onRejected(batch, asFault(answer.error))
      this.countUnsaved()
    })
  }

  private onDurable(batch: Batch, departure: number, position: unknown, resync: boolean): void {
    this.outbox.settle(batch)
    this.traffic.lastAckMs = now() - departure
    if (typeof position === 'number') this.position = position
    if (resync && !this.inheritedSettled && !this.localLate) {
      this.inheritedSettled = true
      this.ledger?.settleInherited()
    }
    if (this.outbox.unsaved === 0) this.patch({ blocked: null })
  }

  private onRejected(batch: Batch, fault: Fault | null): void {
    if (fault === null || RESEND.has(fault.code)) {
      this.outbox.hold(batch)
      this.heldTimer ??= setTimeout(this.sendHeld, Math.max(1000, 1000 * (fault?.retry_after ?? 1)))
      return
    }
    this.outbox.uncover(batch)
    if (fault.code === 'missing_dependencies') return
    if (fault.code === 'read_only') this.setRole('viewer')
    else this.patch({ blocked: fault })
    this.emit('notice', [fault])
  }

  private readonly sendHeld = (): void => {
    clearTimeout(this.heldTimer)
    this.heldTimer = undefined
    if (!this.outbox.hasHeld) return
    this.outbox.release()
    this.flush()
  }

  // -- awareness out ---------------------------------------------------------------------------

  private readonly onAwarenessUpdate = (
    { added, updated, removed }: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown,
  ): void => {
    if (origin === this) return
    const own = this.doc.clientID
    if (!added.includes(own) && !updated.includes(own) && !removed.includes(own)) return
    if (this.awarenessTimer !== undefined || this.current.phase !== 'live') return
    const wait = this.lastAwareness + AWARENESS_INTERVAL - now()
    if (wait <= 0) this.sendAwareness()
    else this.awarenessTimer = setTimeout(this.sendAwareness, wait)
  }

  private readonly sendAwareness = (): void => {
    clearTimeout(this.awarenessTimer)
    this.awarenessTimer = undefined
    const link = this.liveLink
    if (link === null) return
    if (!this.awareness.meta.has(this.doc.clientID)) return
    this.lastAwareness = now()
    this.traffic.awarenessSent += 1
    link.socket.emit('awareness-update', encodeAwarenessUpdate(this.awareness, [this.doc.clientID]))
  }

  // -- is anybody there? -----------------------------------------------------------------------

  private readonly watch = (): void => {
    const link = this.liveLink
    if (link === null) return
    // The server tells who left. Without this, people whose tab sleeps would vanish after 30 s.
    const seen = Date.now()
    for (const [client, meta] of this.awareness.meta) {
      if (client !== this.doc.clientID) meta.lastUpdated = seen
    }
    const oldest = Math.min(...link.waiting.values())
    if (now() - oldest > ACK_PATIENCE) this.probe()
  }

  /** Ask for a sign of life; without one, the connection is given up instead of waited for. */
  private probe(): void {
    const link = this.liveLink
    if (link === null || link.probing) return
    link.probing = true
    const vector = Y.encodeStateVector(this.doc)
    link.socket.timeout(PROBE_PATIENCE).emit('sync-step-1', vector, (error: Error | null, missing: unknown) => {
      if (this.link !== link) return
      link.probing = false
      if (error !== null) this.lose(null)
      else if (isBytes(missing)) Y.applyUpdate(this.doc, bytes(missing), this)
    })
  }

  private readonly onOnline = (): void => {
    if (this.current.phase === 'offline') this.retryNow()
    else this.probe()
  }

  private readonly onOfflineHint = (): void => this.probe()

  private readonly onVisibility = (): void => {
    if (window.document.visibilityState === 'visible') this.onOnline()
  }

  private readonly onPageHide = (): void => {
    this.flush()
    this.writeLedger()
  }

  private readonly onDocDestroy = (): void => this.destroy()
}

type Timer = ReturnType<typeof setTimeout> | undefined
type Bytes = ArrayBuffer | Uint8Array
type Answer = { ok: boolean; error?: unknown; [field: string]: unknown }

function displayed(user: User): { name?: string; color?: string } {
  return { ...(user.name ? { name: user.name } : {}), ...(user.color ? { color: user.color } : {}) }
}

function isBytes(value: unknown): value is Bytes {
  return value instanceof ArrayBuffer || value instanceof Uint8Array
}

function bytes(value: Bytes): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(value)
}

function now(): number {
  return performance.now()
}
