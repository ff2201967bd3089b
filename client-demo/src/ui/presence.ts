/** Who is here: one entry per person, read from an awareness. */

import type { Awareness } from 'y-protocols/awareness'
import { personOf, type Person } from './people'

/** Somebody else on this document. */
export interface Peer extends Person {
  client: number
  state: Record<string, unknown>
}

/** Everybody but ourselves, in the order in which their ids sort. */
export function peersOf(awareness: Awareness): Peer[] {
  const peers: Peer[] = []
  for (const [client, state] of awareness.getStates()) {
    if (client === awareness.clientID || typeof state !== 'object' || state === null) continue
    peers.push({ client, state, ...personOf(state['user'], client) })
  }
  return peers.sort((a, b) => a.client - b.client)
}
