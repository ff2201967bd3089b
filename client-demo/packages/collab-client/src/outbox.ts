/** Which local changes the server has on disk, and which not. Knows nothing of sockets. */

import * as Y from 'yjs'

/** An update on its way; `changes` local changes became durable with it. */
export interface Batch {
  update: Uint8Array
  changes: number
}

/** The update that changes nothing. */
export const EMPTY_UPDATE = new Uint8Array([0, 0])

/**
 * Every local change is in exactly one place: uncovered (only the document has it; the next resync
 * will carry it), unsent, in flight, or held (refused for now, to be sent again). It leaves only when
 * the server calls it durable.
 */
export class Outbox {
  private uncovered = 0
  private unsent: Batch[] = []
  private held: Batch[] = []
  private readonly inFlight = new Set<Batch>()
  private accepting = false

  /** Changes that are not durable yet. */
  get unsaved(): number {
    return this.uncovered + count(this.unsent) + count(this.held) + count(this.inFlight)
  }

  /** Whether {@link take} has something to give. */
  get hasUnsent(): boolean {
    return this.unsent.length > 0
  }

  get hasHeld(): boolean {
    return this.held.length > 0
  }

  /** Note a local change. */
  add(update: Uint8Array, changes = 1): void {
    if (this.accepting) this.unsent.push({ update, changes })
    else this.uncovered += changes
  }

  /** Note changes of which only the number is known, as after a reload. */
  inherit(changes: number): void {
    this.uncovered += changes
  }

  /** Take everything unsent as one batch, now in flight. */
  take(): Batch | null {
    if (this.unsent.length === 0) return null
    const batch = merge(this.unsent)
    this.unsent = []
    this.inFlight.add(batch)
    return batch
  }

  /**
   * Begin to accept after a resync whose `diff` holds whatever the server lacks.
   * @returns the batch to send, or null where nothing was unsaved and nothing has to be sent.
   */
  resync(diff: Uint8Array | null): Batch | null {
    const changes = this.uncovered + count(this.unsent) + count(this.held)
    this.uncovered = 0
    this.unsent = []
    this.held = []
    this.accepting = true
    if (diff === null && changes === 0) return null
    const batch = { update: diff ?? EMPTY_UPDATE, changes }
    this.inFlight.add(batch)
    return batch
  }

  /** The server has it on disk. */
  settle(batch: Batch): void {
    this.inFlight.delete(batch)
  }

  /** The server could not take it now; {@link release} puts it back in line. */
  hold(batch: Batch): void {
    if (this.inFlight.delete(batch)) this.held.push(batch)
  }

  /** Send again what was held. */
  release(): void {
    this.unsent = [...this.held, ...this.unsent]
    this.held = []
  }

  /** The server lacks what this batch builds on: the next resync carries it. */
  uncover(batch: Batch): void {
    if (this.inFlight.delete(batch)) this.uncovered += batch.changes
  }

  /** The connection is gone, or edits are not taken: only the document has these changes now. */
  lose(): void {
    this.uncovered = this.unsaved
    this.unsent = []
    this.held = []
    this.inFlight.clear()
    this.accepting = false
  }
}

function count(batches: Iterable<Batch>): number {
  let changes = 0
  for (const batch of batches) changes += batch.changes
  return changes
}

function merge(batches: Batch[]): Batch {
  const only = batches[0]
  if (only !== undefined && batches.length === 1) return only
  return { update: Y.mergeUpdates(batches.map((batch) => batch.update)), changes: count(batches) }
}
