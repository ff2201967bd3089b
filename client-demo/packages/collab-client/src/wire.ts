/**
 * One namespace of Socket.IO over one Engine.IO connection: what socket.io-client does where nobody asks it to
 * reconnect, buffer or share connections, at a quarter of its size. Packets are read and written by its own parser.
 */

import { Socket as Engine } from 'engine.io-client'
import { Decoder, Encoder, PacketType, type Packet } from 'socket.io-parser'
import type { Timer } from './options.js'

export interface WireOptions {
  path: string
  /** In the order in which they are tried. */
  transports: ('websocket' | 'polling')[]
  /** Goes with CONNECT. */
  auth: object
  /** Milliseconds until the server must have let us in. */
  patience: number
}

/** Why the server, or the network, did not let us in; `data` is what the server said. */
export type Refusal = Error & { data?: unknown }

export interface WireEvents {
  onConnect: () => unknown
  onRefused: (refusal: Refusal) => unknown
  /** `byServer`: it ended this on purpose. */
  onEnd: (byServer: boolean) => unknown
  onEvent: (event: string, payload: unknown[]) => unknown
  onTransport: (name: string) => unknown
}

type Answered = (answer: unknown) => void

export class Wire {
  private readonly engine: Engine
  private readonly encoder = new Encoder()
  private readonly decoder = new Decoder()
  private readonly acks = new Map<number, Answered>()
  private nextId = 0
  private state: 'opening' | 'connected' | 'ended' = 'opening'
  private timer: Timer

  /** Connects at once. */
  constructor(
    url: string,
    private readonly namespace: string,
    { path, transports, auth, patience }: WireOptions,
    private readonly events: WireEvents,
  ) {
    const engine = new Engine(url, { path, transports, tryAllTransports: true })
    this.engine = engine
    this.timer = setTimeout(() => this.end(false, new Error('timeout')), patience)
    engine.on('open', () => this.send(PacketType.CONNECT, auth))
    engine.on('upgrade', () => this.events.onTransport(this.transport))
    engine.on('data', (data: unknown) => {
      try {
        this.decoder.add(data)
      } catch {
        this.end(false, new Error('parse error'))
      }
    })
    engine.on('error', (error) => this.end(false, refusalOf(error)))
    engine.on('close', () => this.end(false, new Error('closed')))
    this.decoder.on('decoded', (packet: Packet) => {
      // At once: an end that comes in the same payload must not overtake why. What a listener throws is no fault of the packet.
      try {
        this.read(packet)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    })
  }

  get connected(): boolean {
    return this.state === 'connected'
  }

  /** `websocket` or `polling`. */
  get transport(): string {
    return this.engine.transport.name
  }

  emit(event: string, ...payload: unknown[]): void {
    this.send(PacketType.EVENT, [event, ...payload])
  }

  /** Emit, and hear the answer; a connection that ends first gives none. */
  ask(event: string, payload: unknown, answered: Answered): void {
    const id = this.nextId++
    this.acks.set(id, answered)
    this.send(PacketType.EVENT, [event, payload], id)
  }

  /** End it without a word to its owner. */
  close(): void {
    if (this.state === 'ended') return
    if (this.state === 'connected') this.send(PacketType.DISCONNECT)
    this.finish()
  }

  private send(type: PacketType, data?: unknown, id?: number): void {
    if (this.state === 'ended') return
    const packet: Packet = { type, nsp: this.namespace, data, ...(id === undefined ? {} : { id }) }
    for (const piece of this.encoder.encode(packet) as string[]) this.engine.write(piece)
  }

  private read({ type, nsp, data, id }: Packet): void {
    if (this.state === 'ended' || nsp !== this.namespace) return
    if (type === PacketType.CONNECT) {
      if (this.state === 'connected') return
      clearTimeout(this.timer)
      this.state = 'connected'
      this.events.onConnect()
    } else if (type === PacketType.CONNECT_ERROR) {
      const { message, data: more } = data as { message: string; data?: unknown }
      this.end(true, Object.assign(new Error(message), { data: more }))
    } else if (type === PacketType.DISCONNECT) {
      this.end(true, new Error('ended by the server'))
    } else if (type === PacketType.ACK || type === PacketType.BINARY_ACK) {
      const answered = this.acks.get(id as number)
      this.acks.delete(id as number)
      answered?.((data as unknown[])[0])
    } else {
      const [event, ...payload] = data as [string, ...unknown[]]
      if (id !== undefined) payload.push((answer: unknown) => this.send(PacketType.ACK, [answer], id))
      this.events.onEvent(event, payload)
    }
  }

  private end(byServer: boolean, refusal: Refusal): void {
    const { state } = this
    if (state === 'ended') return
    this.finish()
    if (state === 'opening') this.events.onRefused(refusal)
    else this.events.onEnd(byServer)
  }

  private finish(): void {
    clearTimeout(this.timer)
    this.state = 'ended'
    this.acks.clear()
    this.decoder.destroy()
    this.engine.close()
  }
}

/** A server that is full says so in the body of what it answers, before there is a Socket.IO to say it with. */
function refusalOf(error: unknown): Refusal {
  const refusal = error instanceof Error ? error : new Error(String(error))
  try {
    return Object.assign(refusal, { data: JSON.parse((error as { context: XMLHttpRequest }).context.responseText) as unknown })
  } catch {
    return refusal // no answer, or none of the server
  }
}
