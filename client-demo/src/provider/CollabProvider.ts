/**
 * The provider: keeps a Y.Doc and its awareness in step with a collab server over plain
 * socket.io-client, and tells the truth about it.
 *
 * Any Yjs binding can use it; all that bindings look for is `{ doc, awareness }`.
 */

import { ObservableV2 } from 'lib0/observable'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'

import { Backoff } from './backoff'
import { Edits } from './edits'
import { asFault, type Fault } from './errors'
import { LocalLedger, type Ledger } from './ledger'
import { bytes, Link, type Bytes } from './link'
import { loadedInTime } from './local'
import {
  NO_TRAFFIC, type LocalCopy, type Notice, type ProviderEvents, type ProviderOptions, type Session, type Timer, type TokenSource,
  type Traffic, type User,
} from './options'
import { EMPTY_UPDATE } from './outbox'
import { watchPage } from './page'
import { Presence } from './presence'
import { Reading } from './reading'
import { saidByNotice, StatusMachine, type Status } from './status'
import { TAB_ORIGIN, Tabs } from './tabs'

/** An unacknowledged edit as old as this makes us ask whether the server is still there. */
const ACK_PATIENCE = 6_000
const PROBE_PATIENCE = 4_000
const SYNC_TIMEOUT = 30_000
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
  readonly traffic: Traffic = { ...NO_TRAFFIC }
  /** The `session` event of the current connection. */
  session: Session | null = null

  private readonly state = new StatusMachine((now, before) => this.emit('status', [now, before]))
  private readonly url: string
  private readonly path: string
  private readonly transports: ('websocket' | 'polling')[]
  private readonly local: LocalCopy | null
  private readonly tabs: Tabs | null
  private readonly backoff: Backoff
  private readonly edits: Edits
  private readonly presence: Presence
  /** Null where reading along is not wanted. */
  private readonly reading: Reading | null
  private readonly stopWatchingPage: () => void
  private token: TokenSource
  private user: User | undefined
  private link: Link | null = null
  private attempt: object | null = null
  private lastToken: string | null = null
  /** What the server last said about our role. */
  private mayOnlyRead = false
  private localReady: Promise<unknown>
  private lastNotice: Notice | null = null
  private failuresInARow = 0

  private retryTimer: Timer
  private stableTimer: Timer
  private drainingTimer: Timer
  private readonly watchTimer: Timer

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
    this.backoff = new Backoff(options.backoff)
    const place = `${this.url}/${document}`
    this.tabs = options.tabs === false ? null : new Tabs(place, doc)
    this.edits = new Edits(doc, {
      ledger: options.ledger !== undefined ? options.ledger : this.defaultLedger(place),
      clean: this.local === null,
      traffic: this.traffic,
      onCount: (unsaved) => this.state.patch({ unsaved }),
      onRejected: (fault) => this.onRejected(fault),
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
    if (options.connect !== false) this.connect()
  }

  // -- what callers use ------------------------------------------------------------------------

  /** What is true right now. A new object after every change. */
  get status(): Status {
    return this.state.now
  }

  /** Whether the document holds everything that the server had when we connected. */
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

  /** Resolves once everything local is durable on the server. */
  saved(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.state.now.phase !== 'live' || this.edits.unsaved > 0) return
        this.off('status', look)
        resolve()
      }
      this.on('status', look)
      look()
    })
  }

  /** Connect, if that has not been done. */
  connect(): void {
    if (this.state.now.phase === 'idle') void this.open()
  }

  /** End the connection on purpose; edits are kept in the document. */
  disconnect(): void {
    if (this.state.now.phase === 'closed') return
    this.reading?.close()
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
    if (this.state.now.phase === 'closed') return
    this.doc.off('update', this.onDocUpdate)
    this.doc.off('destroy', this.onDocDestroy)
    this.stopWatchingPage()
    this.edits.writeLedger()
    this.reading?.close()
    this.dropLink(false)
    this.presence.destroy()
    this.tabs?.close()
    clearInterval(this.watchTimer)
    for (const timer of [this.retryTimer, this.stableTimer, this.drainingTimer]) clearTimeout(timer)
    this.state.move('closed', { transport: null, retryAt: null })
    super.destroy()
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
    if (this.attempt !== attempt || (this.state.now.phase !== 'connecting' && !this.readsAlong)) return
    this.lastToken = token

    // A proxy that swallows WebSockets without a word is met on every second attempt with polling first.
    const transports = this.failuresInARow % 2 === 1 ? [...this.transports].reverse() : this.transports
    const link = new Link(this.url, `/doc/${this.document}`, {
      path: this.path,
      transports,
      auth: { ...(token ? { token } : {}), ...(this.user ? { user: displayed(this.user) } : {}) },
    })
    this.link = link
    this.edits.attach(link)
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
      this.edits.compareWith(bytes(vector))
    })
    on('sync-update', (update: Bytes) => this.onUpdate(bytes(update)))
    on('awareness-update', (update: Bytes) => this.presence.receive(bytes(update)))
    on('notice', (notice: unknown) => this.onNotice(notice))
    on('broadcast', (message: { event: string; data: unknown; from: string }) => this.emit('broadcast', [message]))
    link.onTransport = (name) => {
      if (this.link === link) this.state.patch({ transport: name })
    }
  }

  private onConnect(link: Link): void {
    this.traffic.connections += 1
    this.failuresInARow = 0
    this.lastNotice = null
    this.edits.compareWith(null)
    this.reading?.close()
    this.state.move('syncing', { transport: link.transport, behind: false })
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
    this.emit('synced', [])
    this.edits.begin(this.session?.limits['rate_updates'])
  }

  private onSession(session: Session): void {
    this.session = session
    this.setRole(session.role)
    this.emit('session', [session])
  }

  private setRole(role: Session['role']): void {
    const readOnly = role === 'viewer'
    this.mayOnlyRead = readOnly
    this.state.patch({ readOnly, blocked: readOnly ? null : this.state.now.blocked })
    this.edits.setWritable(!readOnly)
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
    const ended = reason === 'io server disconnect'
    if (ended && said !== null && !said.retryable) return this.refuse(said)
    // Where the network went away, what the server once said is not why.
    const explains = said !== null && (said.code === 'draining' || (ended && said.code !== 'lagging' && said.resolved !== true))
    this.lose(explains ? said : null)
  }

  private refuse(fault: Fault): void {
    this.reading?.close()
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
    this.state.move('offline', { fault, draining, retryAt: Date.now() + wait, transport: null })
    clearTimeout(this.drainingTimer)
    if (draining) this.drainingTimer = setTimeout(() => this.state.patch({ draining: false }), DRAINING_PATIENCE)
    this.retryLater(wait)
    if (fault === null && this.failuresInARow >= STREAM_AFTER) this.reading?.begin(this.lastToken)
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
    this.edits.detach()
    this.presence.end(forgetPeers)
    link?.close()
  }

  // -- reading along ---------------------------------------------------------------------------

  private makeReading(): Reading {
    return new Reading({
      url: `${this.url}/api/v1/documents/${encodeURIComponent(this.document)}/events`,
      onOpen: () => {
        // A socket may have got further meanwhile.
        if (this.state.now.phase !== 'offline') return false
        this.lastNotice = null
        this.state.move('live', { transport: 'sse', readOnly: true, retryAt: null, fault: null })
        this.retryLater(STREAM_RETRY)
        return true
      },
      onUpdate: (update) => {
        this.receive(update)
        if (!this.state.now.wasLive) this.state.patch({ wasLive: true })
        this.emit('synced', [])
      },
      onNotice: (notice) => this.onNotice(notice),
      onEnd: () => {
        this.state.patch({ readOnly: this.mayOnlyRead })
        const said = this.lastNotice
        if (said !== null && !said.retryable) this.refuse(said)
        else this.lose(null)
      },
    })
  }

  // -- notices and tokens ----------------------------------------------------------------------

  private onNotice(value: unknown): void {
    const notice = asFault(value) as Notice | null
    if (notice === null) return
    this.lastNotice = notice
    this.state.patch(saidByNotice(notice))
    if (notice.code === 'storage_unavailable' && notice.resolved === true) this.edits.sendHeld()
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
    if (origin === this) return
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

function displayed(user: User): { name?: string; color?: string } {
  return { ...(user.name ? { name: user.name } : {}), ...(user.color ? { color: user.color } : {}) }
}
