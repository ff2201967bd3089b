/**
 * Whose this tab is. What a browser keeps of documents belongs to the person who read them: copies for work without a
 * network, the list of documents, and what tabs tell each other are kept by subject, and nobody else's page opens them.
 */

import { digest } from 'lib0/hash/sha256'
import { tokenOfTab } from './location'
import { personOf, type Person } from './people'

/** What a token says about its holder. The server checks it; here it only decides what is shown and kept where. */
export interface Claims {
  sub?: unknown
  name?: unknown
  color?: unknown
  exp?: unknown
  grants?: unknown
}

/** The claims of a JWT, unchecked; empty for any other token. */
export function claimsOf(token: string | null): Claims {
  const payload = token?.split('.')[1]
  if (payload === undefined) return {}
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof claims === 'object' && claims !== null ? claims : {}
  } catch {
    return {}
  }
}

const SUBJECTS = 'collab:subjects'

/** The subject of a token: its `sub`, or, where it cannot be read, whom the server once called its holder; '' for nobody. */
export function subjectOf(token: string | null): string {
  if (token === null) return ''
  const { sub } = claimsOf(token)
  if (typeof sub === 'string' && sub !== '') return sub
  const print = fingerprint(token)
  return learned().tokens[print] ?? `token-${print}`
}

/** The subject of this tab. */
export function subjectOfTab(): string {
  return subjectOf(tokenOfTab())
}

/**
 * The server said whose an opaque token is. A later token of the same person then leads to the same copies.
 * @returns the subject from now on.
 */
export function learnSubject(token: string, participant: string): string {
  if (typeof claimsOf(token).sub === 'string') return subjectOf(token)
  const known = learned()
  const subject = Object.hasOwn(known.people, participant) ? (known.people[participant] ?? '') : subjectOf(token)
  const print = fingerprint(token)
  if (known.tokens[print] !== subject || known.people[participant] !== subject) {
    known.tokens[print] = subject
    known.people[participant] = subject
    try {
      localStorage.setItem(SUBJECTS, JSON.stringify(known))
    } catch {
      // Then the copies belong to this token alone.
    }
  }
  return subject
}

/** The name under which something of a subject is kept. `?` is in no document's name and in no encoded subject. */
export function keptName(prefix: string, subject: string, rest = ''): string {
  return subject === '' ? `${prefix}${rest}` : `${prefix}?${encodeURIComponent(subject)}?${rest}`
}

const PERSON = 'collab:person'

/** The server said how a subject is shown; so it stays while nobody answers. */
export function rememberPerson(subject: string, person: Person): void {
  try {
    localStorage.setItem(keptName(PERSON, subject), JSON.stringify(person))
  } catch {
    // The token says the most of it.
  }
}

/** How a subject was shown last. */
export function rememberedPerson(subject: string): Person | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keptName(PERSON, subject)) ?? 'null')
    return kept === null ? null : personOf(kept, 0)
  } catch {
    return null
  }
}

interface Learned {
  /** Fingerprint of a token -> subject. */
  tokens: Record<string, string>
  /** Participant, as the server calls them -> subject. */
  people: Record<string, string>
}

function learned(): Learned {
  try {
    const { tokens, people } = JSON.parse(localStorage.getItem(SUBJECTS) ?? '{}') as Partial<Learned>
    return { tokens: { ...tokens }, people: { ...people } }
  } catch {
    return { tokens: {}, people: {} }
  }
}

function fingerprint(token: string): string {
  return [...digest(new TextEncoder().encode(token)).subarray(0, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
