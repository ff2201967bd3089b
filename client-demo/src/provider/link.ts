import { Manager, type Socket } from 'socket.io-client'
import { asFault, type Fault } from './errors'
import type { Answer } from './options'
import type { Batch } from './outbox'
import type { TransportName } from './status'

const OPEN_TIMEOUT = 6_000

/** One connection: a socket of its own, thrown away when it ends. */
export class Link {
  readonly socket: Socket
  /** Edits that wait for their ack, and when they left. */
  readonly waiting = new Map<Batch, number>()
  probing = false
  onTransport: (name: TransportName) => void = () => undefined
  private readonly manager: Manager

  constructor(url: string, namespace: string, options: { path: string; transports: string[]; auth: object }) {
    this.manager = new Manager(url, {
      path: options.path,
      transports: options.transports,
      tryAllTransports: true,
      timeout: OPEN_TIMEOUT,
      autoConnect: false,
      reconnection: false,
    })
    this.socket = this.manager.socket(namespace, { auth: options.auth })
    this.manager.on('open', () => {
      this.manager.engine.on('upgrade', () => this.tellTransport())
    })
  }

  get connected(): boolean {
    return this.socket.connected
  }

  get transport(): TransportName | null {
    const name: string | undefined = this.manager.engine?.transport?.name
    return name === 'websocket' || name === 'polling' ? name : null
  }

  /**
   * Ask for what `vector` lacks.
   * @param done gets the update; a fault that the server answered; or null where no answer came in time.
   */
  askMissing(vector: Uint8Array, patience: number, done: (answer: Uint8Array | Fault | null) => void): void {
    this.socket.timeout(patience).emit('sync-step-1', vector, (late: Error | null, answer: unknown) => {
      if (late !== null) done(null)
      else if (isBytes(answer)) done(bytes(answer))
      else done(asFault((answer as { error?: unknown } | undefined)?.error))
    })
  }

  /** Use another token; null where no answer came in time. */
  authenticate(token: string, patience: number): Promise<Answer | null> {
    return new Promise((resolve) => {
      this.socket.timeout(patience).emit('authenticate', { token }, (late: Error | null, answer: Answer) => {
        resolve(late === null ? answer : null)
      })
    })
  }

  close(): void {
    this.socket.removeAllListeners()
    this.socket.disconnect()
    this.manager.engine?.close()
  }

  private tellTransport(): void {
    const name = this.transport
    if (name !== null) this.onTransport(name)
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
