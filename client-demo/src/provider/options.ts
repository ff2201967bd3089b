/** What goes into a provider, and what comes out of it. */

import type { Awareness } from 'y-protocols/awareness'
import type { BackoffOptions } from './backoff'
import type { Fault } from './errors'
import type { Ledger } from './ledger'
import type { Status } from './status'

/** A token, or a function that gets a fresh one; null for nobody in particular. */
export type TokenSource = string | null | (() => string | null | Promise<string | null>)

export interface User {
  name?: string
  color?: string
  id?: string
}

/** The server's `session` event. */
export interface Session {
  document: string
  session: string
  client_id: number
  role: 'viewer' | 'editor' | 'admin'
  user: User
  limits: Record<string, number>
  expires_at: number | null
  server: { name: string; version: string }
}

/** The server's `notice` event; `resolved` says that a trouble is over. */
export type Notice = Fault & { resolved?: boolean }

/** A persistence such as y-indexeddb's: its own transactions are no new changes. */
export interface LocalCopy {
  whenSynced: Promise<unknown>
}

export interface ProviderOptions {
  awareness?: Awareness
  token?: TokenSource
  /** Display only; with a token the server uses what the token says. */
  user?: User
  /** Connect at once (default), or when `connect` is called. */
  connect?: boolean
  /** The local copy, if there is one: it is awaited before the first sync. */
  local?: LocalCopy | null
  /** Where the number of unsaved changes survives a reload; by default localStorage, with a `local` copy. */
  ledger?: Ledger | null
  /** Exchange edits with other tabs of this browser while offline. */
  tabs?: boolean
  /** In the order in which they are tried. */
  transports?: ('websocket' | 'polling')[]
  backoff?: Partial<BackoffOptions>
  /** Read along over Server-Sent Events where nothing else gets through (default true). */
  stream?: boolean
  /** The server's path. */
  path?: string
}

/** What went over the wire since the page was opened. */
export interface Traffic {
  sentUpdates: number
  sentBytes: number
  receivedUpdates: number
  receivedBytes: number
  awarenessSent: number
  awarenessReceived: number
  connections: number
  /** Milliseconds from the last edit's departure to its durable ack. */
  lastAckMs: number | null
}

export const NO_TRAFFIC: Traffic = {
  sentUpdates: 0,
  sentBytes: 0,
  receivedUpdates: 0,
  receivedBytes: 0,
  awarenessSent: 0,
  awarenessReceived: 0,
  connections: 0,
  lastAckMs: null,
}

export type ProviderEvents = {
  status: (status: Status, before: Status) => void
  notice: (notice: Notice) => void
  session: (session: Session) => void
  synced: () => void
  broadcast: (message: { event: string; data: unknown; from: string }) => void
}

export type Timer = ReturnType<typeof setTimeout> | undefined

/** An ack of the server. */
export type Answer = { ok: boolean; error?: unknown; [field: string]: unknown }
