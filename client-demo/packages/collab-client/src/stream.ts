/** Server-Sent Events, for readers whose network lets neither WebSockets nor long-polling through. */

import type { Timer } from './options.js'

/** Milliseconds: a server says something at least every 15 seconds; who has said nothing for so long is not there. */
const SILENCE = 40_000

export interface StreamEvent {
  id: string | null
  event: string
  data: string
}

export interface StreamOptions {
  token: string | null
  /** Where an earlier stream ended; the server goes on from there. */
  lastEventId: string | null
  onOpen: () => void
  onEvent: (event: StreamEvent) => void
  /** The stream ended, or never began. */
  onEnd: () => void
}

/** One stream, read with fetch: EventSource cannot send a token in a header. */
export class EventStream {
  private readonly abort = new AbortController()
  private ended = false
  private silence: Timer

  constructor(url: string, private readonly options: StreamOptions) {
    this.heard()
    void this.run(url)
  }

  /** End it without a word. */
  close(): void {
    this.ended = true
    clearTimeout(this.silence)
    this.abort.abort()
  }

  /** A network that is gone ends no request by itself: we wait for so long, and no longer. */
  private heard(): void {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => this.abort.abort(), SILENCE)
  }

  private async run(url: string): Promise<void> {
    const { token, lastEventId } = this.options
    try {
      const answer = await fetch(url, {
        signal: this.abort.signal,
        cache: 'no-store',
        headers: {
          Accept: 'text/event-stream',
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
          ...(lastEventId === null ? {} : { 'Last-Event-ID': lastEventId }),
        },
      })
      const kind = answer.headers.get('Content-Type') ?? ''
      if (!answer.ok || answer.body === null || !kind.startsWith('text/event-stream')) throw new Error('no stream')
      if (this.ended) return
      this.options.onOpen()
      const parser = new StreamParser((event) => {
        if (!this.ended) this.options.onEvent(event)
      })
      const reader = answer.body.getReader()
      const decoder = new TextDecoder()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        this.heard()
        parser.feed(decoder.decode(value, { stream: true }))
      }
    } catch {
      // Refused, cut or closed: onEnd says so.
    }
    if (this.ended) return
    this.ended = true
    clearTimeout(this.silence)
    this.options.onEnd()
  }
}

/** Reads the lines of an event stream, in whatever pieces they come. */
export class StreamParser {
  private rest = ''
  private id: string | null = null
  private event = 'message'
  private data: string[] = []

  constructor(private readonly onEvent: (event: StreamEvent) => void) {}

  feed(text: string): void {
    // A carriage return at the end may be half of a line end.
    const all = this.rest + text
    const lines = all.split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop() ?? ''
    for (const line of lines) this.line(line)
  }

  private line(line: string): void {
    if (line === '') {
      if (this.data.length > 0) this.onEvent({ id: this.id, event: this.event, data: this.data.join('\n') })
      this.event = 'message'
      this.data = []
      return
    }
    if (line.startsWith(':')) return
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') this.data.push(value)
    else if (field === 'event') this.event = value
    else if (field === 'id' && !value.includes('\0')) this.id = value
  }
}

/** The bytes of a base64 text, quoted as JSON or not. */
export function fromBase64(text: string): Uint8Array {
  const plain = text.startsWith('"') ? (JSON.parse(text) as string) : text
  const binary = atob(plain.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
