/** Edits by plain requests, while changes come in as Server-Sent Events and no socket gets through. */

import { asFault } from './errors.js'
import type { Answer } from './options.js'
import type { Batch } from './outbox.js'

/** Milliseconds until a request that got no answer is made again, at first and at most. */
const FIRST_RETRY = 500
const LAST_RETRY = 5_000

/** What edits leave by. */
export interface Way {
  readonly connected: boolean
  /** Edits that wait for their ack, and when they left. */
  readonly waiting: Map<Batch, number>
  /** Send an update; `answered` gets the server's ack. */
  send: (update: Uint8Array, answered: (answer: Answer) => void) => void
}

export class Posting implements Way {
  readonly waiting = new Map<Batch, number>()
  private readonly abort = new AbortController()
  private last: Promise<void> = Promise.resolve()

  /** @param url of the document, below `/api/v1/documents`. */
  constructor(private readonly url: string, private readonly token: string | null) {}

  get connected(): boolean {
    return !this.abort.signal.aborted
  }

  /** Whether this person may write here, asked until the server says so; null where it never does. */
  async mayWrite(): Promise<boolean | null> {
    for (let wait = FIRST_RETRY; this.connected; wait = Math.min(2 * wait, LAST_RETRY)) {
      try {
        const answer = await fetch(`${this.url}/access`, { headers: this.headers, cache: 'no-store', signal: this.abort.signal })
        const { role } = (await answer.json()) as { role?: string }
        if (answer.ok) return role === 'editor' || role === 'admin'
        if (answer.status < 500 && answer.status !== 429) return null
      } catch {
        // No answer, or none of the server: again.
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
    return null
  }

  send(update: Uint8Array, answered: (answer: Answer) => void): void {
    // One after the other: what comes later may build on what came before.
    this.last = this.last.then(async () => {
      const answer = await this.post(update)
      if (answer !== null) answered(answer)
    })
  }

  close(): void {
    this.abort.abort()
  }

  private get headers(): Record<string, string> {
    return this.token === null ? {} : { Authorization: `Bearer ${this.token}` }
  }

  /** An edit may be sent twice: the second time it adds nothing, and is acknowledged. */
  private async post(update: Uint8Array): Promise<Answer | null> {
    for (let wait = FIRST_RETRY; this.connected; wait = Math.min(2 * wait, LAST_RETRY)) {
      try {
        const answer = await fetch(`${this.url}/update`, {
          method: 'POST',
          body: new Uint8Array(update),
          headers: { ...this.headers, 'Content-Type': 'application/octet-stream' },
          signal: this.abort.signal,
        })
        const said: unknown = await answer.json()
        if (answer.ok) return { ...(said as object), ok: true }
        const fault = asFault({ message: (said as { detail?: unknown }).detail, ...(said as object) })
        if (fault !== null) return { ok: false, error: fault }
      } catch {
        // No answer, or none of the server: again.
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
    return null
  }
}
