/** Awareness, out at a bearable rate and in from whoever is here. */

import { applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates, type Awareness } from 'y-protocols/awareness'
import type { Link } from './link.js'
import type { Timer, Traffic } from './options.js'

const AWARENESS_INTERVAL = 30

type Change = { added: number[]; updated: number[]; removed: number[] }

export class Presence {
  private link: Link | null = null
  private timer: Timer
  private lastSend = 0

  /**
   * @param own the client id of this page.
   * @param origin what changes that come from the server have as their origin.
   */
  constructor(
    private readonly awareness: Awareness,
    private readonly own: number,
    private readonly origin: unknown,
    private readonly traffic: Traffic,
  ) {
    awareness.on('update', this.onUpdate)
  }

  /** Everything is exchanged over `link` now; say who we are. */
  begin(link: Link): void {
    this.link = link
    this.send()
  }

  /** The connection is gone; `forget` the others unless it is known that they stay. */
  end(forget: boolean): void {
    this.link = null
    clearTimeout(this.timer)
    this.timer = undefined
    if (forget) this.forgetPeers()
  }

  /** Take in what the server sent. */
  receive(update: Uint8Array): void {
    this.traffic.awarenessReceived += 1
    applyAwarenessUpdate(this.awareness, update, this.origin)
  }

  /** The server tells who left. Without this, people whose tab sleeps would vanish after 30 s. */
  keepAlive(): void {
    const seen = Date.now()
    for (const [client, meta] of this.awareness.meta) {
      if (client !== this.own) meta.lastUpdated = seen
    }
  }

  destroy(): void {
    this.end(false)
    this.awareness.off('update', this.onUpdate)
  }

  private readonly onUpdate = ({ added, updated, removed }: Change, origin: unknown): void => {
    if (origin === this.origin || this.link === null || this.timer !== undefined) return
    if (![added, updated, removed].some((clients) => clients.includes(this.own))) return
    const wait = this.lastSend + AWARENESS_INTERVAL - performance.now()
    if (wait <= 0) this.send()
    else this.timer = setTimeout(this.send, wait)
  }

  private readonly send = (): void => {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.link?.connected !== true || !this.awareness.meta.has(this.own)) return
    this.lastSend = performance.now()
    this.traffic.awarenessSent += 1
    this.link.emit('awareness-update', encodeAwarenessUpdate(this.awareness, [this.own]))
  }

  private forgetPeers(): void {
    const peers = [...this.awareness.getStates().keys()].filter((client) => client !== this.own)
    removeAwarenessStates(this.awareness, peers, this.origin)
    // Without this, the same state of somebody who never left would be taken for old news.
    for (const client of [...this.awareness.meta.keys()]) {
      if (client !== this.own) this.awareness.meta.delete(client)
    }
  }
}
