/** Changes of others as Server-Sent Events, while no socket gets through. */

import type { BroadcastMessage } from './options.js'
import { EventStream, fromBase64, type StreamEvent } from './stream.js'

export interface ReadingOptions {
  /** Where the stream is. */
  url: string
  /** The stream stands; false if it is not wanted any more. */
  onOpen: () => boolean
  /** An update, and what the server has with it: its state vector, or null where more is to come before that is known. */
  onUpdate: (update: Uint8Array, vector: Uint8Array | null) => void
  onBroadcast: (message: BroadcastMessage) => void
  onNotice: (notice: unknown) => void
  /** A stream that stood is gone. */
  onEnd: () => void
}

export class Reading {
  private stream: EventStream | null = null
  private open = false
  /** Where the last stream ended; the next one goes on from there. */
  private lastEventId: string | null = null

  constructor(private readonly options: ReadingOptions) {}

  /** Whether events come in. */
  get isOpen(): boolean {
    return this.open
  }

  /** Try to open a stream, unless there is one. */
  begin(token: string | null): void {
    if (this.stream !== null) return
    const stream = new EventStream(this.options.url, {
      token,
      lastEventId: this.lastEventId,
      onOpen: () => {
        if (this.stream !== stream) return
        this.open = true
        if (!this.options.onOpen()) this.close()
      },
      onEvent: (event) => {
        if (this.stream === stream) this.onEvent(event)
      },
      onEnd: () => {
        if (this.stream !== stream) return
        const wasOpen = this.open
        this.close()
        if (wasOpen) this.options.onEnd()
      },
    })
    this.stream = stream
  }

  /** End it without a word. */
  close(): void {
    this.stream?.close()
    this.stream = null
    this.open = false
  }

  private onEvent({ id, event, data }: StreamEvent): void {
    if (id !== null) this.lastEventId = id
    try {
      if (event === 'update') this.options.onUpdate(fromBase64(data), id === null ? null : fromBase64(id))
      else if (event === 'broadcast') this.options.onBroadcast(JSON.parse(data) as BroadcastMessage)
      else if (event === 'notice') this.options.onNotice(JSON.parse(data))
    } catch {
      // What cannot be read is asked for again by the next stream.
      this.lastEventId = null
    }
  }
}
