/** What goes into a provider, and what comes out of it. */

import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { BackoffOptions } from './backoff.js'
import type { Fault } from './errors.js'
import type { Ledger } from './ledger.js'
import type { Refused } from './refused.js'
import type { ConnectionStatus, State, Status } from './status.js'

/** A token, or a function that gets a fresh one; null for nobody in particular. */
export type TokenSource = string | null | (() => string | null | Promise<string | null>)

export interface User {
  name?: string
  color?: string
  /** Only the server says it. */
  id?: string
  /** Whatever else your pages show, such as `avatar`: up to 16 fields, 2 KiB in all. */
  [field: string]: string | number | boolean | null | undefined
}

/** What one may do: `viewer` and `commenter` change nothing in the document. */
export type Role = 'viewer' | 'commenter' | 'editor' | 'admin'

/** The server's `session` event. */
export interface Session {
  document: string
  session: string
  client_id: number
  role: Role
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
  /** Called with the provider's own, where that made the copy. */
  destroy?: () => unknown
}

/** Opens the copy of a document; `place` is another one for each server, document and subject. */
export type MakeLocalCopy = (doc: Y.Doc, place: string) => LocalCopy | null

export interface ProviderOptions {
  awareness?: Awareness
  token?: TokenSource
  /** Display only; with a token the server uses what the token says. */
  user?: User
  /** Connect at once (default), or when `connect` is called. */
  connect?: boolean
  /** The local copy, or what opens it (`keepOffline` of `collab-client/offline`): it is awaited before the first sync. */
  local?: LocalCopy | MakeLocalCopy | null
  /** Where the number of unsaved changes survives a reload; by default localStorage, with a `local` copy. */
  ledger?: Ledger | null
  /** Whose edits these are: the number of unsaved ones, and what tabs tell each other, is between pages of one subject. */
  subject?: string
  /** Exchange edits with other tabs of this browser while offline. */
  tabs?: boolean
  /** In the order in which they are tried. */
  transports?: ('websocket' | 'polling')[]
  backoff?: Partial<BackoffOptions>
  /** Read along over Server-Sent Events where nothing else gets through (default true). */
  stream?: boolean
  /** The path of its Socket.IO (default: `socket.io/` below the address). */
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

/** What the event `status` says. */
export interface StatusEvent {
  status: ConnectionStatus
  state: State
  /** Why it is not connected, where the server said so. */
  error: Fault | null
}

export interface BroadcastMessage {
  event: string
  data: unknown
  from: string
}

/** Something that was said to us. */
export interface InboxEntry {
  /** Rises, with gaps. */
  id: number
  /** `mention`, `reply`, ...; others may come. */
  type: string
  document: string
  /** Of an event of a stream: which, and where it stands. */
  stream?: string
  offset?: number
  from: { participant: string | null; name: string | null; agent: boolean }
  /** The server's time, RFC 3339. */
  at: string
  excerpt: string
  read: boolean
}

/** What is new in the inbox; without events, others were read somewhere. */
export interface InboxNews {
  events: InboxEntry[]
  /** How many of all are not read. */
  unread: number
}

export type ProviderEvents = {
  /** Another state, or another reason for it. */
  status: (event: StatusEvent) => void
  /** Whether the document holds everything that the server has. */
  synced: (synced: boolean) => void
  /** The same, by the name that y-websocket has for it. */
  sync: (synced: boolean) => void
  unsaved: (unsaved: number) => void
  role: (role: Role) => void
  notice: (notice: Notice) => void
  broadcast: (message: BroadcastMessage) => void
  /** Mentions and replies in any document; only with a token. */
  inbox: (news: InboxNews) => void
  session: (session: Session) => void
  /** The server will not have this change; it is not in the document any more. */
  refused: (refused: Refused) => void
  /** Anything in {@link Status} is another. */
  details: (now: Status, before: Status) => void
  destroy: () => void
}

export type Timer = ReturnType<typeof setTimeout> | undefined

/** An ack of the server. */
export type Answer = { ok: boolean; error?: unknown; [field: string]: unknown }
