/** What is true about a connection right now. */

import type { Fault } from './errors.js'
import type { Notice } from './options.js'

/**
 * - `idle`: nobody asked for a connection yet, or it was ended on purpose
 * - `connecting`: an attempt is under way
 * - `syncing`: connected, both sides exchange what the other lacks
 * - `live`: everything of the server is here; edits go out at once
 * - `offline`: no connection; the next attempt is at `retryAt`
 * - `refused`: the server said no; only a person or a new token changes that
 * - `closed`: destroyed
 */
export type Phase = 'idle' | 'connecting' | 'syncing' | 'live' | 'offline' | 'refused' | 'closed'

/** The five words of `provider.status`; what lies behind them is {@link Status}. */
export type State = 'connecting' | 'syncing' | 'live' | 'offline' | 'closed'

/** As y-websocket calls it, for whatever expects such a provider. */
export type ConnectionStatus = 'connecting' | 'connected' | 'disconnected'

const STATES: Record<Phase, State> = {
  idle: 'offline',
  connecting: 'connecting',
  syncing: 'syncing',
  live: 'live',
  offline: 'offline',
  refused: 'closed',
  closed: 'closed',
}

export function stateOf({ phase }: Status): State {
  return STATES[phase]
}

export function connectionOf({ phase }: Status): ConnectionStatus {
  if (phase === 'connecting') return 'connecting'
  return phase === 'syncing' || phase === 'live' ? 'connected' : 'disconnected'
}

/** From each phase, those that may follow. */
export const MOVES: Record<Phase, readonly Phase[]> = {
  idle: ['connecting', 'closed'],
  connecting: ['syncing', 'offline', 'refused', 'idle', 'closed'],
  syncing: ['live', 'offline', 'refused', 'idle', 'closed'],
  // To `syncing` from reading along, when a socket gets through again.
  live: ['syncing', 'offline', 'refused', 'idle', 'closed'],
  // To `syncing` without a socket, where reading along begins.
  offline: ['connecting', 'syncing', 'refused', 'idle', 'closed'],
  refused: ['connecting', 'idle', 'closed'],
  closed: [],
}

export type TransportName = 'websocket' | 'polling' | 'sse'

export interface Status {
  phase: Phase
  /** Whether the document was in step with the server at least once. */
  wasLive: boolean
  /** Local changes that the server has not confirmed to be on disk. */
  unsaved: number
  /** How much of something large is saved, from 0 to 1; null where nothing goes in parts. */
  progress: number | null
  /** How many changes the server would not have; {@link CollabProvider.refused} holds them. */
  refused: number
  transport: TransportName | null
  /** The server does not take edits from us. */
  readOnly: boolean
  /** The server paused our stream and will replace it by one diff. */
  behind: boolean
  /** The server said that it is about to go away. */
  draining: boolean
  /** The server cannot write to its disk at the moment. */
  storageTrouble: boolean
  /** The server has lost touch with the rest of its cluster. */
  degraded: boolean
  /** Epoch milliseconds of the next attempt, while `offline`. */
  retryAt: number | null
  /** Why the connection was refused or lost, where the server said so. */
  fault: Fault | null
  /** Why the server does not take our edits; they stay here. */
  blocked: Fault | null
}

export const FIRST_STATUS: Status = {
  phase: 'idle',
  wasLive: false,
  unsaved: 0,
  progress: null,
  refused: 0,
  transport: null,
  readOnly: false,
  behind: false,
  draining: false,
  storageTrouble: false,
  degraded: false,
  retryAt: null,
  fault: null,
  blocked: null,
}

/** What a notice of the server makes true. */
export function saidByNotice({ code, resolved }: Notice): Partial<Status> {
  if (code === 'lagging') return { behind: true }
  if (code === 'draining') return { draining: true }
  if (code === 'storage_unavailable') return { storageTrouble: resolved !== true }
  if (code === 'cluster_degraded') return { degraded: resolved !== true }
  return {}
}

/** Why the server does not let us in, while it does not; that it is moving is another matter. */
export function turnedAway({ phase, fault }: Status): Fault | null {
  const outside = phase === 'refused' || phase === 'offline' || phase === 'connecting' || phase === 'syncing'
  return outside && fault?.code !== 'draining' ? fault : null
}

/** The status, and the only way to change it. */
export class StatusMachine {
  private status = FIRST_STATUS

  /** @param onChange is called after every change. */
  constructor(private readonly onChange: (now: Status, before: Status) => void) {}

  /** What is true right now; a new object after every change. */
  get now(): Status {
    return this.status
  }

  /**
   * Go to another phase.
   * @throws Error where {@link MOVES} has no such move.
   */
  move(phase: Phase, more: Partial<Status> = {}): void {
    if (!MOVES[this.status.phase].includes(phase)) {
      throw new Error(`a provider cannot go from ${this.status.phase} to ${phase}`)
    }
    this.patch({ ...more, phase })
  }

  /** Change what is true within a phase. */
  patch(change: Partial<Status>): void {
    const before = this.status
    const keys = Object.keys(change) as (keyof Status)[]
    if (keys.every((key) => Object.is(before[key], change[key]))) return
    this.status = { ...before, ...change }
    this.onChange(this.status, before)
  }
}
