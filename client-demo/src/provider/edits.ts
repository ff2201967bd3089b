/** Local edits on their way to the server's disk: counted, sent, acknowledged, or sent again. */

import * as Y from 'yjs'
import { asFault, RESEND, type Fault } from './errors'
import type { Ledger } from './ledger'
import type { Link } from './link'
import type { Answer, Timer, Traffic } from './options'
import { EMPTY_UPDATE, Outbox, type Batch } from './outbox'

/** Edits are sent at this interval at most; what happens within it goes as one update. */
const SEND_INTERVAL = 16

export interface EditsOptions {
  ledger: Ledger | null
  /** Whether the document holds nothing of ours yet: no local copy is on its way. */
  clean: boolean
  traffic: Traffic
  /** The number of unsaved changes is another one. */
  onCount: (unsaved: number) => void
  /** The server does not take an edit; sending it again unchanged would not help. */
  onRejected: (fault: Fault) => void
  /** Everything is on disk. */
  onSaved: () => void
}

export class Edits {
  /** The log position of the last edit of ours that became durable. */
  position: number | null = null
  /** The local copy came after the first sync began; what it brings is not covered by that. */
  localLate = false

  private readonly outbox = new Outbox()
  private link: Link | null = null
  private live = false
  private writable = false
  /** What the server has, as it told this connection. */
  private serverVector: Uint8Array | null = null
  /** Whether the document holds nothing but what the server sent. */
  private clean: boolean
  private counted: number
  private inheritedSettled = false
  private interval = SEND_INTERVAL
  private lastSend = 0
  private sendTimer: Timer
  private heldTimer: Timer
  private ledgerTimer: Timer

  constructor(private readonly doc: Y.Doc, private readonly options: EditsOptions) {
    this.clean = options.clean
    this.outbox.inherit(options.ledger?.inherited() ?? 0)
    this.counted = this.outbox.unsaved
  }

  /** Local changes that are not durable on the server yet. */
  get unsaved(): number {
    return this.outbox.unsaved
  }

  /** The document holds something that did not come from the server. */
  soil(): void {
    this.clean = false
  }

  /** Note a local change; it is sent as soon as that is possible. */
  add(update: Uint8Array): void {
    this.outbox.add(update)
    this.count()
    this.request()
  }

  // -- the connection --------------------------------------------------------------------------

  /** Use a connection from now on. */
  attach(link: Link): void {
    this.link = link
    this.serverVector = null
  }

  /** The connection is gone: whatever was not acknowledged is carried by the next resync. */
  detach(): void {
    this.link = null
    this.live = this.writable = false
    this.serverVector = null
    clearTimeout(this.sendTimer)
    clearTimeout(this.heldTimer)
    this.sendTimer = this.heldTimer = undefined
    this.outbox.lose()
  }

  /** The server said what it has; `null` before it does so again. */
  compareWith(vector: Uint8Array | null): void {
    this.serverVector = vector
    if (vector !== null) this.sendMissing()
  }

  /** Whether the server takes edits of this session. */
  setWritable(writable: boolean): void {
    const gained = writable && !this.writable
    this.writable = writable
    if (!writable) {
      this.outbox.lose()
      this.count()
    } else if (gained) {
      this.sendMissing()
    }
  }

  /** Everything of the server is here; edits go out at once, `perSecond` at most. */
  begin(perSecond: number | undefined): void {
    this.live = true
    this.interval = Math.max(SEND_INTERVAL, perSecond ? 1100 / perSecond : 0)
    this.flush()
  }

  // -- out -------------------------------------------------------------------------------------

  private request(): void {
    if (!this.outbox.hasUnsent || !this.live || this.sendTimer !== undefined) return
    const wait = this.lastSend + this.interval - performance.now()
    if (wait <= 0) this.flush()
    else this.sendTimer = setTimeout(this.flush, wait)
  }

  /** Send now what waits for the end of an interval. */
  readonly flush = (): void => {
    clearTimeout(this.sendTimer)
    this.sendTimer = undefined
    if (!this.live) return
    const batch = this.outbox.take()
    if (batch === null) return
    this.lastSend = performance.now()
    this.transmit(batch)
  }

  /** Send whatever the server lacks, once we know what it has. */
  sendMissing(): void {
    const vector = this.serverVector
    if (vector === null || this.link?.connected !== true || !this.writable) return
    const nothingOfOurs = this.clean && this.outbox.unsaved === 0
    const diff = nothingOfOurs ? null : Y.encodeStateAsUpdate(this.doc, vector)
    const batch = this.outbox.resync(diff !== null && diff.length > EMPTY_UPDATE.length ? diff : null)
    if (batch !== null) this.transmit(batch, true)
    this.count()
  }

  /** Send again what the server could not take before. */
  readonly sendHeld = (): void => {
    clearTimeout(this.heldTimer)
    this.heldTimer = undefined
    if (!this.outbox.hasHeld) return
    this.outbox.release()
    this.flush()
  }

  private transmit(batch: Batch, resync = false): void {
    const { link } = this
    if (link === null) return
    const { traffic } = this.options
    const departure = performance.now()
    traffic.sentUpdates += 1
    traffic.sentBytes += batch.update.byteLength
    link.waiting.set(batch, departure)
    link.socket.emit('sync-update', batch.update, (answer: Answer) => {
      if (this.link !== link) return
      link.waiting.delete(batch)
      if (answer.ok) {
        traffic.lastAckMs = performance.now() - departure
        this.settle(batch, answer.position, resync)
      } else {
        this.reject(batch, asFault(answer.error))
      }
      this.count()
    })
  }

  private settle(batch: Batch, position: unknown, resync: boolean): void {
    this.outbox.settle(batch)
    if (typeof position === 'number') this.position = position
    if (resync && !this.inheritedSettled && !this.localLate) {
      this.inheritedSettled = true
      this.options.ledger?.settleInherited()
    }
    if (this.outbox.unsaved === 0) this.options.onSaved()
  }

  private reject(batch: Batch, fault: Fault | null): void {
    if (fault === null || RESEND.has(fault.code)) {
      this.outbox.hold(batch)
      this.heldTimer ??= setTimeout(this.sendHeld, Math.max(1000, 1000 * (fault?.retry_after ?? 1)))
      return
    }
    this.outbox.uncover(batch)
    // What is missing is asked for right after this; the resync carries the edit.
    if (fault.code !== 'missing_dependencies') this.options.onRejected(fault)
  }

  // -- the number ------------------------------------------------------------------------------

  private count(): void {
    const { unsaved } = this.outbox
    if (unsaved === this.counted) return
    const atAnEdge = unsaved === 0 || this.counted === 0
    this.counted = unsaved
    this.options.onCount(unsaved)
    if (atAnEdge) this.writeLedger()
    else this.ledgerTimer ??= setTimeout(this.writeLedger, 250)
  }

  /** Keep the number for a page that comes after this one. */
  readonly writeLedger = (): void => {
    const { ledger } = this.options
    clearTimeout(this.ledgerTimer)
    this.ledgerTimer = undefined
    const inherited = this.inheritedSettled ? 0 : (ledger?.inherited() ?? 0)
    ledger?.write(Math.max(0, this.outbox.unsaved - inherited))
  }
}
