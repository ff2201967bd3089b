import { Manager, type Socket } from 'socket.io-client'
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
