/** Who is who: own identity, names and colours of the others. */

import type { User } from 'collab-client'

/**
 * Twelve colours of about the same lightness, by hue. They were searched for the largest smallest distance to all eyes: hues
 * at equal steps are pairwise the same to whoever sees no red, so that some are paler than their neighbours.
 */
export const PEOPLE_COLOURS = [
  '#e5546a', '#f64510', '#bd6941', '#9f8f28', '#2b9667', '#559ab5',
  '#5d91e7', '#7281fb', '#9051fc', '#b84ac0', '#be5e98', '#bb7e90',
] as const

/** As `PEOPLE_COLORS` of the server has them. */
const SERVER_COLOURS = [
  '#e5484d', '#f76b15', '#d9a404', '#46a758', '#12a594', '#0ea5c6',
  '#3e63dd', '#6e56cf', '#ab4aba', '#e93d82', '#8d6e63', '#5b7083',
] as const

const ADJECTIVES = ['Quiet', 'Bright', 'Calm', 'Swift', 'Kind', 'Bold', 'Gentle', 'Clever', 'Merry', 'Steady']
const ANIMALS = ['Otter', 'Heron', 'Lynx', 'Robin', 'Badger', 'Wren', 'Fox', 'Seal', 'Hare', 'Falcon', 'Marten', 'Crane']
const ME = 'collab:me'
const MAX_NAME = 40

/** A person as others see them. */
export interface Person {
  name: string
  color: string
}

/** This browser's identity; made once, kept in localStorage. */
export interface Me extends Person {
  id: string
}

/** A colour that a text, such as an id, keeps for good. */
export function colourOf(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return PEOPLE_COLOURS[(hash >>> 0) % PEOPLE_COLOURS.length] ?? PEOPLE_COLOURS[0]
}

/** The colour that the server gives to a participant whose token names none. */
export function colourByServer(participant: string): string {
  let crc = ~0
  for (const byte of new TextEncoder().encode(participant)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return SERVER_COLOURS[(~crc >>> 0) % SERVER_COLOURS.length] ?? SERVER_COLOURS[0]
}

/** Steps through the palette from a taken colour: neighbours look alike, these do not. */
const STEP = 5

/** One colour each: the wanted one where it is free or is the same person's, else a free one while there are any. */
export function distinctColours(people: readonly { who: string; color: string }[]): string[] {
  const taken = new Map<string, string>()
  const byPerson = new Map<string, string>()
  return people.map(({ who, color }) => {
    const known = byPerson.get(who)
    if (known !== undefined) return known
    const chosen = taken.has(color) ? freeColour(color, taken) : color
    taken.set(chosen, who)
    byPerson.set(who, chosen)
    return chosen
  })
}

function freeColour(wanted: string, taken: ReadonlyMap<string, string>): string {
  const from = Math.max(0, PEOPLE_COLOURS.indexOf(wanted as (typeof PEOPLE_COLOURS)[number]))
  for (let i = 1; i < PEOPLE_COLOURS.length; i++) {
    const colour = PEOPLE_COLOURS[(from + i * STEP) % PEOPLE_COLOURS.length] ?? wanted
    if (!taken.has(colour)) return colour
  }
  return wanted
}

/** Black or white, whichever reads better on a `#rrggbb` colour. */
export function inkOn(colour: string): '#000000' | '#ffffff' {
  const channel = (at: number): number => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  const luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? '#000000' : '#ffffff'
}

/** A person out of whatever somebody sent: the name is cut, the colour is a colour. */
export function personOf(user: unknown, client: number): Person {
  const { name, color, id } = (typeof user === 'object' && user !== null ? user : {}) as Record<string, unknown>
  const shown = typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, MAX_NAME) : 'Guest'
  const valid = typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color)
  return { name: shown, color: valid ? color : colourOf(typeof id === 'string' ? id : String(client)) }
}

/** One or two letters for an avatar. */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean)
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]]
  return letters.map((word) => [...(word ?? '?')][0]?.toUpperCase() ?? '').join('')
}

/** Who this browser is. */
export function me(): Me {
  try {
    const kept = JSON.parse(localStorage.getItem(ME) ?? 'null') as Partial<Me> | null
    if (typeof kept?.id === 'string' && typeof kept.name === 'string') {
      return { id: kept.id, name: kept.name.slice(0, MAX_NAME), color: colourOf(kept.id) }
    }
  } catch {
    // Nothing readable there: somebody new.
  }
  const id = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const fresh = { id, name: `${pick(ADJECTIVES)} ${pick(ANIMALS)}`, color: colourOf(id) }
  keep(fresh)
  return fresh
}

/** Take another name. */
export function rename(person: Me, name: string): Me {
  const renamed = { ...person, name: name.trim().slice(0, MAX_NAME) || person.name }
  keep(renamed)
  return renamed
}

/** What goes over the wire about somebody. */
export function asUser(person: Person): User {
  return { name: person.name, color: person.color }
}

function keep(person: Me): void {
  try {
    localStorage.setItem(ME, JSON.stringify({ id: person.id, name: person.name }))
  } catch {
    // A stranger on every visit, then.
  }
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? 'Quiet'
}
