import { asFault, type Fault } from './errors.js'
import type { Answer } from './options.js'
import type { Batch } from './outbox.js'
import type { Way } from './posting.js'
import type { TransportName } from './status.js'
import { Wire, type WireEvents, type WireOptions } from './wire.js'

const OPEN_TIMEOUT = 6_000

/** One connection, thrown away when it ends. */
export class Link implements Way {
  /** Edits that wait for their ack, and when they left. */
  readonly waiting = new Map<Batch, number>()
  probing = false
  private readonly wire: Wire
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(url: string, namespace: string, options: Omit<WireOptions, 'patience'>, events: WireEvents) {
    this.wire = new Wire(url, namespace, { ...options, patience: OPEN_TIMEOUT }, events)
  }

  get connected(): boolean {
    return this.wire.connected
  }

  get transport(): TransportName {
    return this.wire.transport as TransportName
  }

  /**
   * Ask for what `vector` lacks.
   * @param done gets the update; a fault that the server answered; or null where no answer came in time.
   */
  askMissing(vector: Uint8Array, patience: number, done: (answer: Uint8Array | Fault | null) => void): void {
    this.askInTime('sync-step-1', vector, patience, (answer) => {
      if (isBytes(answer)) done(bytes(answer))
      else done(asFault((answer as { error?: unknown } | null | undefined)?.error))
    })
  }

  send(update: Uint8Array, answered: (answer: Answer) => void): void {
    this.wire.ask('sync-update', update, answered as (answer: unknown) => void)
  }

  /** `answered` is not called where the connection ends first. */
  ask(event: string, payload: unknown, answered: (answer: unknown) => void): void {
    this.wire.ask(event, payload, answered)
  }

  emit(event: string, payload: unknown): void {
    this.wire.emit(event, payload)
  }

  /** Use another token; null where no answer came in time. */
  authenticate(token: string, patience: number): Promise<Answer | null> {
    return new Promise((resolve) => this.askInTime('authenticate', { token }, patience, (answer) => resolve(answer as Answer | null)))
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.wire.close()
  }

  /** `answered` gets null where no answer came in time. */
  private askInTime(event: string, payload: unknown, patience: number, answered: (answer: unknown) => void): void {
    let late = false
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      late = true
      answered(null)
    }, patience)
    this.timers.add(timer)
    this.wire.ask(event, payload, (answer) => {
      clearTimeout(timer)
      this.timers.delete(timer)
      if (!late) answered(answer)
    })
  }
}

export type Bytes = ArrayBuffer | Uint8Array

/** Binary attachments, whatever they arrived as. */
export function bytes(value: Bytes): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(value)
}

function isBytes(value: unknown): value is Bytes {
  return value instanceof ArrayBuffer || value instanceof Uint8Array
}
