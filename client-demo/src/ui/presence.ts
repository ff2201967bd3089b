/** Who is here: one entry per person, read from an awareness. */

import type { Awareness } from 'y-protocols/awareness'
import { distinctColours, personOf, type Person } from './people'

/** Somebody else on this document. */
export interface Peer extends Person {
  client: number
  state: Record<string, unknown>
}

/** The field in which a page says in which colour it is shown, where its own was taken. */
export const SHADE = 'shade'

/** Everybody but ourselves, in the order in which their ids sort; no two people in one colour while there are colours left. */
export function peersOf(awareness: Awareness): Peer[] {
  const own = wanted(awareness.clientID, awareness.getLocalState())
  const others: Wanted[] = []
  for (const [client, state] of awareness.getStates()) {
    if (client === awareness.clientID || typeof state !== 'object' || state === null) continue
    others.push(wanted(client, state))
  }
  others.sort((a, b) => a.client - b.client)
  // Those who chose where others were looking come first; who says nothing gives way, on all pages alike.
  const placed = [own, ...others.filter(({ chose }) => chose), ...others.filter(({ chose }) => !chose)]
  const colours = distinctColours(placed)
  const shown = new Map(placed.map(({ client }, i) => [client, colours[i]]))
  return others.map(({ client, state, name, color }) => ({ client, state, name, color: shown.get(client) ?? color }))
}

/** The colour in which we are shown. */
export function ownColour(awareness: Awareness): string {
  return wanted(awareness.clientID, awareness.getLocalState()).color
}

interface Wanted extends Peer {
  /** Who it is: pages of one person have one colour. */
  who: string
  /** Whether the page looked which colours are free. */
  chose: boolean
}

function wanted(client: number, state: Record<string, unknown> | null): Wanted {
  const person = personOf(state?.['user'], client)
  const shade = state?.[SHADE]
  const chose = typeof shade === 'string' && /^#[0-9a-f]{6}$/i.test(shade)
  const id = (state?.['user'] as { id?: unknown } | undefined)?.id
  return {
    client, state: state ?? {}, name: person.name, color: chose ? shade : person.color, chose,
    who: typeof id === 'string' ? `id ${id}` : `${person.name} ${person.color}`,
  }
}

/** After coming, a page takes a free colour at once; those who are there already keep theirs. */
const NEW_FOR = 1_500
/** Two who came together both see the other: the one with the larger id gives way, unless the other has by then. */
const PATIENCE = 1_000

/**
 * Show us in a colour that nobody else here has, and say which. Keeps the one that we have while it can.
 * @param onChange it is another one now.
 * @returns `came` is to be called when the document is in step with the server, `destroy` at the end.
 */
export function ownShade(awareness: Awareness, onChange: () => void): { came(): void; destroy(): void } {
  let cameAt: number | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  const rivals = (): number[] => {
    const own = wanted(awareness.clientID, awareness.getLocalState())
    const clients: number[] = []
    for (const [client, state] of awareness.getStates()) {
      if (client === awareness.clientID || typeof state !== 'object' || state === null) continue
      const other = wanted(client, state)
      if (other.chose && other.who !== own.who && other.color === own.color) clients.push(client)
    }
    return clients
  }
  const take = (): void => {
    const before = ownColour(awareness)
    const own = wanted(awareness.clientID, awareness.getLocalState())
    const others = [...awareness.getStates()]
      .filter(([client, state]) => client !== awareness.clientID && typeof state === 'object' && state !== null)
      .map(([client, state]) => wanted(client, state))
    const color = distinctColours([...others.filter(({ chose, who }) => chose && who !== own.who), own]).at(-1) ?? own.color
    if (own.chose && own.color === color) return
    awareness.setLocalStateField(SHADE, color)
    if (color !== before) onChange()
  }
  const look = (): void => {
    if (cameAt === null || awareness.getLocalState() === null) return
    if (Date.now() - cameAt < NEW_FOR) return take()
    if (rivals().length === 0) return
    timer ??= setTimeout(() => {
      timer = undefined
      if (rivals().some((client) => client < awareness.clientID)) take()
    }, PATIENCE)
  }
  awareness.on('change', look)
  return {
    came: () => {
      cameAt ??= Date.now()
      take()
    },
    destroy: () => {
      clearTimeout(timer)
      awareness.off('change', look)
    },
  }
}
