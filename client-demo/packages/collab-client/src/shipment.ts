/** Something large on its way in parts: few of them at a time, each acknowledged by itself. */

import type { Batch } from './outbox.js'
import type { Part, Parts, Range } from './parts.js'

/** Parts, and bytes of them, that wait for their ack at a time: a server may take seconds for one. */
const WINDOW_PARTS = 4
const WINDOW_BYTES = 1024 * 1024

export class Shipment {
  private readonly underWay = new Set<Part>()
  private readonly acked = new Map<number, number>()
  private held: Part[] = []
  private bytes = 0
  private exhausted = false

  /**
   * @param batch the local changes that are durable once all of it is.
   * @param again makes the parts anew, of what the other side still lacks.
   * @param resync whether it holds all that the server lacks.
   */
  constructor(
    readonly batch: Batch,
    private readonly parts: Parts,
    private readonly again: (acked: Map<number, number>) => Parts,
    readonly resync: boolean,
  ) {}

  /** Whether everything is durable. */
  get done(): boolean {
    return this.exhausted && this.underWay.size === 0 && this.held.length === 0
  }

  /** Whether everything has left: what is sent now arrives behind it. */
  get left(): boolean {
    return this.exhausted && this.held.length === 0
  }

  /** From 0 to 1. */
  get progress(): number {
    return this.parts.progress
  }

  /** Send as many parts as may be on their way at a time. */
  pump(send: (part: Part) => void): void {
    while (this.underWay.size < WINDOW_PARTS && this.bytes < WINDOW_BYTES) {
      const part = this.held.shift() ?? (this.exhausted ? null : this.parts.next())
      if (part === null) {
        this.exhausted = true
        return
      }
      this.underWay.add(part)
      this.bytes += part.update.byteLength
      send(part)
    }
  }

  /** A part is durable. */
  settle(part: Part): void {
    this.forget(part)
    for (const { client, to } of part.ranges) this.acked.set(client, Math.max(to, this.acked.get(client) ?? 0))
  }

  /** A part could not be taken for the moment; it goes again with the next {@link pump}. */
  hold(part: Part): void {
    this.forget(part)
    this.held.push(part)
  }

  /** The same, anew, behind what is durable: its document has changed. */
  remade(): Shipment {
    return new Shipment(this.batch, this.again(this.acked), this.again, this.resync)
  }

  private forget(part: Part): void {
    if (this.underWay.delete(part)) this.bytes -= part.update.byteLength
  }
}

/** `vector`, and what was acknowledged since. */
export function raised(vector: Map<number, number>, acked: Map<number, number>): Map<number, number> {
  const all = new Map(vector)
  for (const [client, clock] of acked) all.set(client, Math.max(clock, all.get(client) ?? 0))
  return all
}

/** Whether a struct begins in one of `ranges`. */
export function within(ranges: Range[], client: number, clock: number): boolean {
  return ranges.some((range) => range.client === client && range.from <= clock && clock < range.to)
}
