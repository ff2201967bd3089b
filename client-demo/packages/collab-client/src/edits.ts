/** Local edits on their way to the server's disk: counted, sent, acknowledged, or sent again. */

import * as Y from 'yjs'
import { asFault, RESEND, type Fault } from './errors.js'
import type { Ledger } from './ledger.js'
import type { Answer, Timer, Traffic } from './options.js'
import { Outbox, type Batch } from './outbox.js'
import type { Way } from './posting.js'
import { deletionOf, Parts, PART_BYTES, partsOfUpdate, rangesOf, type Part, type Range } from './parts.js'
import { ABOUT_ONE_UPDATE, readRefused, type Refused } from './refused.js'
import { raised, Shipment, within } from './shipment.js'

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
  /** The server will not have this one; it has been taken out of the document, and everything else goes on. */
  onRefused: (refused: Refused) => void
  /** How far something is that goes in parts, from 0 to 1; null: nothing does. */
  onProgress: (progress: number | null) => void
  /** Everything is on disk. */
  onSaved: () => void
}

/** Origin of transactions that take out of the document what the server will not have. */
export const REFUSED_ORIGIN = Symbol('refused by the server')

export class Edits {
  /** The log position of the last edit of ours that became durable. */
  position: number | null = null
  /** The local copy came after the first sync began; what it brings is not covered by that. */
  localLate = false

  private readonly outbox = new Outbox()
  private link: Way | null = null
  private live = false
  private writable = false
  /** What the server has, as it told this connection. */
  private serverVector: Uint8Array | null = null
  /** Whether the document holds nothing but what the server sent. */
  private clean: boolean
  private counted: number
  private inheritedSettled = false
  private shipment: Shipment | null = null
  /** What was refused together with other things: it goes alone the next time. */
  private suspects: Range[] = []
  private limit = PART_BYTES
  private interval = SEND_INTERVAL
  private lastSend = 0
  private sendTimer: Timer
  private heldTimer: Timer
  private ledgerTimer: Timer

  constructor(private readonly doc: Y.Doc, private readonly options: EditsOptions) {
    // A document that is brought along is a change like any other.
    const brought = options.clean && Y.encodeStateVector(doc).length > 1
    this.clean = options.clean && !brought
    this.outbox.inherit((options.ledger?.inherited() ?? 0) + (brought ? 1 : 0))
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
  attach(link: Way): void {
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
    this.drop()
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
      this.drop()
      this.outbox.lose()
      this.count()
    } else if (gained) {
      this.sendMissing()
    }
  }

  /** What the server takes as one update. */
  setLimit(bytes: number | undefined): void {
    this.limit = Math.min(PART_BYTES, bytes === undefined ? PART_BYTES : bytes * 0.9)
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
    if (!this.live || this.shipment?.left === false) return
    const batch = this.outbox.take()
    if (batch === null) return
    this.lastSend = performance.now()
    if (batch.update.byteLength > this.limit) this.shipUpdate(batch)
    else this.transmit(batch)
  }

  /** Send whatever the server lacks, once we know what it has. */
  sendMissing(): void {
    const vector = this.serverVector
    if (vector === null || this.link?.connected !== true || !this.writable) return
    this.drop()
    if (this.clean && this.outbox.unsaved === 0) {
      this.outbox.resync(null)
      return
    }
    const has = Y.decodeStateVector(vector)
    const make = (acked: Map<number, number>): Parts => new Parts(this.doc, raised(has, acked), this.partsOptions)
    const parts = make(new Map())
    const first = parts.next()
    const second = first === null ? null : parts.next()
    const batch = this.outbox.resync(first?.update ?? null)
    if (batch !== null) {
      // What fits into one part is an edit like any other; what does not begins again, and goes by and by.
      if (second === null) this.transmit(batch, true)
      else this.ship(new Shipment(batch, make(new Map()), make, true))
    }
    this.count()
  }

  private get partsOptions(): { bytes: number; alone: (client: number, clock: number) => boolean } {
    return { bytes: this.limit, alone: (client, clock) => within(this.suspects, client, clock) }
  }

  // -- in parts --------------------------------------------------------------------------------

  private shipUpdate(batch: Batch): void {
    const { update } = batch
    const make = (acked: Map<number, number>): Parts => partsOfUpdate(this.doc, update, this.partsOptions, acked)
    this.ship(new Shipment(batch, make(new Map()), make, false))
  }

  private ship(shipment: Shipment): void {
    this.shipment = shipment
    this.pump()
  }

  private pump(): void {
    const { shipment } = this
    if (shipment === null) return
    shipment.pump((part) => this.sendPart(shipment, part))
    this.options.onProgress(shipment.done ? null : shipment.progress)
    if (shipment.left) this.request()
  }

  private sendPart(shipment: Shipment, part: Part): void {
    this.emit({ update: part.update, changes: 0 }, (answer) => {
      if (this.shipment !== shipment) return
      const fault = answer.ok ? null : asFault(answer.error)
      if (answer.ok) {
        shipment.settle(part)
        if (shipment.done) {
          this.shipment = null
          this.settle(shipment.batch, answer.position, shipment.resync)
        }
      } else if (fault === null || RESEND.has(fault.code)) {
        shipment.hold(part)
        this.waitWithHeld(fault)
        return
      } else if (ABOUT_ONE_UPDATE.has(fault.code) && this.setApart(part.update, part.structs, fault)) {
        this.ship(shipment.remade())
        return
      } else {
        this.drop()
        if (fault.code !== 'missing_dependencies') this.options.onRejected(fault)
      }
      this.pump()
      if (this.shipment === null) {
        this.options.onProgress(null)
        this.flush()
      }
    })
  }

  private drop(): void {
    if (this.shipment === null) return
    this.outbox.uncover(this.shipment.batch)
    this.shipment = null
    this.options.onProgress(null)
  }

  /**
   * Take out of the document what the server will not have; its clocks go as deleted, so that later ones find theirs.
   * @returns false where that has been done already, and is refused as well.
   */
  private setApart(update: Uint8Array, structs: number, fault: Fault): boolean {
    const ranges = rangesOf(update)
    if (ranges.length === 0) return false
    if (structs > 1 && !ranges.every(({ client, from }) => within(this.suspects, client, from))) {
      // One of them is at fault; the others are not to be lost with it.
      this.suspects = [...this.suspects, ...ranges]
      return true
    }
    const refused = readRefused(update, fault, Date.now())
    if (refused.text === '' && refused.values.length === 0) return false
    Y.applyUpdate(this.doc, deletionOf(ranges), REFUSED_ORIGIN)
    this.options.onRefused(refused)
    return true
  }

  /** Send again what the server could not take before. */
  readonly sendHeld = (): void => {
    clearTimeout(this.heldTimer)
    this.heldTimer = undefined
    this.pump()
    if (!this.outbox.hasHeld) return
    this.outbox.release()
    this.flush()
  }

  private waitWithHeld(fault: Fault | null): void {
    this.heldTimer ??= setTimeout(this.sendHeld, Math.max(1000, 1000 * (fault?.retry_after ?? 1)))
  }

  private transmit(batch: Batch, resync = false): void {
    this.emit(batch, (answer) => {
      if (answer.ok) this.settle(batch, answer.position, resync)
      else this.reject(batch, asFault(answer.error))
    })
  }

  private emit(batch: Batch, answered: (answer: Answer) => void): void {
    const { link } = this
    if (link === null) return
    const { traffic } = this.options
    const departure = performance.now()
    traffic.sentUpdates += 1
    traffic.sentBytes += batch.update.byteLength
    link.waiting.set(batch, departure)
    link.send(batch.update, (answer) => {
      if (this.link !== link) return
      link.waiting.delete(batch)
      if (answer.ok) traffic.lastAckMs = performance.now() - departure
      answered(answer)
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
      this.waitWithHeld(fault)
      return
    }
    if (this.shipment === null && ABOUT_ONE_UPDATE.has(fault.code) && this.setApart(batch.update, 1, fault)) {
      this.shipUpdate(batch)
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
