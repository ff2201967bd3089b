/** What the hooks of one `<CollabDocument>` look at; it outlives the providers that strict mode makes and throws away. */

import * as Y from 'yjs'
import type { CollabProvider } from './CollabProvider.js'
import type { BroadcastMessage, Notice, Role, User } from './options.js'

/** What is listened to: the connection, the people, the notices. */
export type Topic = 'connection' | 'people' | 'notices'

export interface Other<State = Record<string, unknown>> {
  /** The Yjs client id. */
  clientId: number
  user: User
  /** Everything else that they show: a cursor, a selection, that they type. */
  state: State
}

export interface Self<State = Record<string, unknown>> extends Other<State> {
  /** What we may do here; null before the server said. */
  role: Role | null
}

/** `id` counts up, `at` is in epoch milliseconds. */
export type KeptNotice = Notice & { id: number; at: number }

const KEPT_NOTICES = 20

export class Place {
  provider: CollabProvider | null = null
  others: readonly Other[] = []
  self: Self
  notices: readonly KeptNotice[] = []
  /** Shown before there is a provider. */
  private early: Record<string, unknown> = {}
  private noticeId = 0
  private readonly listeners: Record<Topic, Set<() => void>> = { connection: new Set(), people: new Set(), notices: new Set() }
  private readonly hearers = new Set<(message: BroadcastMessage) => void>()

  constructor(readonly doc: Y.Doc) {
    this.self = { clientId: doc.clientID, user: {}, state: {}, role: null }
  }

  on(topic: Topic, listener: () => void): () => void {
    this.listeners[topic].add(listener)
    return () => void this.listeners[topic].delete(listener)
  }

  hear(hearer: (message: BroadcastMessage) => void): () => void {
    this.hearers.add(hearer)
    return () => void this.hearers.delete(hearer)
  }

  /** Use a provider from now on; returns how to let go of it and end it. */
  use(provider: CollabProvider): () => void {
    this.provider = provider
    const { awareness } = provider
    const onPeople = (): void => this.lookAtPeople()
    provider.on('details', () => this.tell('connection'))
    provider.on('role', onPeople)
    provider.on('notice', (notice) => this.note(notice))
    provider.on('broadcast', (message) => {
      for (const hearer of this.hearers) hearer(message)
    })
    awareness.on('change', onPeople)
    if (Object.keys(this.early).length > 0) this.show(this.early)
    this.lookAtPeople()
    this.tell('connection')
    return () => {
      // What we show is shown again by the next one, if there is one.
      const { user: _user, ...shown } = awareness.getLocalState() ?? {}
      this.early = shown
      awareness.off('change', onPeople)
      provider.destroy()
      this.provider = null
      this.others = []
    }
  }

  /** Add to what others see of us. */
  show(fields: Record<string, unknown>): void {
    const { provider } = this
    if (provider === null) {
      this.early = { ...this.early, ...fields }
      return
    }
    provider.awareness.setLocalState({ ...provider.awareness.getLocalState(), ...fields })
  }

  private lookAtPeople(): void {
    const { provider, doc } = this
    if (provider === null) return
    const others: Other[] = []
    const before = new Map(this.others.map((other) => [other.clientId, other]))
    let self: Other | undefined
    for (const [clientId, shown] of provider.awareness.getStates()) {
      const { user, ...state } = shown as { user?: User }
      const seen: Other = { clientId, user: user ?? {}, state }
      if (clientId === doc.clientID) self = seen
      else others.push(keep(before.get(clientId), seen))
    }
    others.sort((one, other) => one.clientId - other.clientId)
    if (others.length !== this.others.length || others.some((other, at) => other !== this.others[at])) this.others = others
    this.self = keep(this.self, { clientId: doc.clientID, user: {}, state: {}, ...self, role: provider.role })
    this.tell('people')
  }

  private note(notice: Notice): void {
    const rest = notice.resolved === true ? this.notices.filter(({ code }) => code !== notice.code) : this.notices
    this.notices = [...rest, { ...notice, id: (this.noticeId += 1), at: Date.now() }].slice(-KEPT_NOTICES)
    this.tell('notices')
  }

  private tell(topic: Topic): void {
    for (const listener of this.listeners[topic]) listener()
  }
}

/** The value from before where it says the same: what compares by identity sees no change. */
export function keep<T>(before: T | undefined, now: T): T {
  return before !== undefined && alike(before, now) ? before : now
}

function alike(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const [names, others] = [Object.keys(one), Object.keys(other)]
  return (
    names.length === others.length &&
    names.every((name) => Object.hasOwn(other, name) && alike((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]))
  )
}
