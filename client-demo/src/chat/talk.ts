/** What chat says, as shapes: the words of a message in pieces, and messages out of the events of a stream. No page. */

import type { StreamedEvent } from 'collab-client'
import { safeHref } from '../editors/text/safety'

/** What a message carries in the stream `chat`, event `message`. */
export interface Said {
  /** Plain words; `@[sub]` mentions somebody. */
  body: string
  /** The offset of the message that this one answers. */
  reply_to?: number
  /** What somebody without a sign-in is called by now; whoever is signed in has a name by that. */
  name?: string
}

/** The event that takes a message back: `{offset}`, by whoever wrote it. */
export const TAKEN_BACK = 'taken-back'
/** So much of a message of another program is shown. */
const MOST = 8_000
const LONGEST_MENTION = 200

export type Piece = { text: string } | { href: string; text: string } | { mention: string }

/** As the server reads a participant in a mention. */
const NAMED = `[^\\[\\]\\u0000-\\u001f\\u007f]{1,${LONGEST_MENTION}}`
const LIVE = new RegExp(`@\\[(${NAMED})\\]|(?:https?://|mailto:)[^\\s<>"]+`, 'giu')

/** Words in pieces: links that may be followed, people who are mentioned, and the rest. */
export function piecesOf(body: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  const add = (text: string): void => {
    if (text !== '') pieces.push({ text })
  }
  for (const found of body.matchAll(LIVE)) {
    add(body.slice(at, found.index))
    at = found.index + found[0].length
    const mentioned = found[1]
    if (mentioned !== undefined) {
      pieces.push({ mention: mentioned })
      continue
    }
    const address = withoutFullStop(found[0])
    at -= found[0].length - address.length
    const href = safeHref(address)
    if (href === null) add(address)
    else pieces.push({ href, text: address })
  }
  add(body.slice(at))
  return pieces
}

/** An address in a sentence, without what ends the sentence or the brackets around it. */
function withoutFullStop(address: string): string {
  let rest = address
  for (;;) {
    const last = rest.at(-1) ?? ''
    const unopened = (open: string): boolean => rest.split(last).length > rest.split(open).length
    if (!/[.,;:!?'*_]/.test(last) && !(last === ')' && unopened('(')) && !(last === ']' && unopened('['))) return rest
    rest = rest.slice(0, -1)
  }
}

/** Somebody who can be mentioned. */
export interface Mentionable {
  name: string
  /** The participant's id; null for somebody who is not signed in, who is only called by name. */
  id: string | null
}

/** What was typed, with the names of those who were picked as the mentions that the server knows. */
export function withMentions(typed: string, picked: readonly Mentionable[]): string {
  const byName = new Map(picked.flatMap(({ name, id }) => (id === null ? [] : [[name, id]])))
  const names = [...byName.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (names.length === 0) return typed
  return typed.replace(new RegExp(`@(${names.join('|')})(?![\\p{L}\\p{N}_])`, 'gu'), (_, name: string) => `@[${byName.get(name)}]`)
}

/** Whether an id can stand in a mention. */
export function canBeMentioned(id: string): boolean {
  return new RegExp(`^${NAMED}$`, 'u').test(id)
}

/** Plain words of a message, its mentions by name. */
export function plainWords(body: string, nameOf: (id: string) => string): string {
  return piecesOf(body).map((piece) => ('mention' in piece ? `@${nameOf(piece.mention)}` : piece.text)).join('')
}

/** One to three emoji and nothing else: shown large. */
export function onlyEmoji(body: string): boolean {
  return /^(?:\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier}|\u200D\p{Extended_Pictographic})*\s*){1,3}$/u.test(body.trim())
}

/** A message that is not in the stream yet. */
export interface Draft {
  key: string
  data: Said
  /** Epoch milliseconds. */
  at: number
  /** The last offset that was known when it was written. */
  after: number
}

export interface Message {
  id: string
  /** Null for one that is not in the stream yet. */
  offset: number | null
  key: string | null
  body: string
  /** The offset of what it answers. */
  replyTo: number | null
  participant: string | null
  name: string
  agent: boolean
  /** Epoch milliseconds. */
  at: number
  own: boolean
  /** It is ours, and others would believe that. */
  mayTakeBack: boolean
  takenBack: boolean
}

export interface Self {
  participant: string | null
  name: string
  /** What the server calls us: whoever is not signed in can have renamed themselves since they came. */
  called: string | null
  /** Offsets that this browser sent: of use where nobody is signed in. */
  sent: ReadonlySet<number>
}

/** Whether both are the same person. Who is not signed in is only known by name. */
function sameSender(message: StreamedEvent['from'], said: string | undefined, { participant, name }: Pick<StreamedEvent['from'], 'participant' | 'name'>): boolean {
  return message.participant === participant && (participant !== null || name === message.name || name === said)
}

/** Messages, oldest first: those of the stream, then those of ours that are not in it yet. */
export function messagesOf(events: readonly StreamedEvent[], drafts: readonly Draft[], self: Self): Message[] {
  const messages: Message[] = []
  const byOffset = new Map<number, { message: Message; from: StreamedEvent['from']; called: string | undefined }>()
  for (const event of events) {
    const { offset, from } = event
    if (event.event === TAKEN_BACK) {
      const meant = byOffset.get((event.data as { offset?: number } | null)?.offset ?? 0)
      if (meant !== undefined && sameSender(meant.from, meant.called, from)) meant.message.takenBack = true
      continue
    }
    const said = event.event === 'message' ? asSaid(event.data) : null
    if (said === null) continue
    const own = from.participant === null ? self.participant === null && self.sent.has(offset) : from.participant === self.participant
    const message = {
      id: `o${offset}`, offset, key: null, body: said.body, replyTo: said.reply_to ?? null, participant: from.participant,
      name: (from.participant === null ? said.name : undefined) ?? from.name ?? 'Guest', agent: from.agent, at: Date.parse(event.at), own,
      mayTakeBack: own && sameSender(from, said.name, { participant: self.participant, name: self.called }), takenBack: false,
    }
    byOffset.set(offset, { message, from, called: said.name })
    messages.push(message)
  }
  return [...messages, ...waiting(messages, drafts, self)]
}

/** What the stream has is no draft any more, although its ack may be on the way. */
function waiting(messages: readonly Message[], drafts: readonly Draft[], self: Self): Message[] {
  const left = messages.filter(({ own, participant, name }) => own || (self.participant === null && participant === null && name === self.name))
  const arrived = new Set<Message>()
  return drafts.flatMap(({ key, data, at, after }) => {
    const there = left.find((each) => !arrived.has(each) && (each.offset ?? 0) > after && each.body === data.body && each.replyTo === (data.reply_to ?? null))
    if (there !== undefined) {
      there.own = true
      arrived.add(there)
      return []
    }
    return [{ id: `d${key}`, offset: null, key, body: data.body, replyTo: data.reply_to ?? null, participant: self.participant, name: self.name, agent: false, at, own: true, mayTakeBack: false, takenBack: false }]
  })
}

/** What others sent, if it is a message: any program may write into the stream. */
export function asSaid(data: unknown): Said | null {
  const { body, reply_to, name } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>
  if (typeof body !== 'string' || body.trim() === '') return null
  return {
    body: body.slice(0, MOST),
    ...(typeof reply_to === 'number' ? { reply_to } : {}),
    ...(typeof name === 'string' && name.trim() !== '' ? { name: name.trim().slice(0, 40) } : {}),
  }
}

const TOGETHER = 5 * 60_000

/** Whether a message stands under the one before without a head of its own. */
export function continues(before: Message | undefined, message: Message): boolean {
  return (
    before !== undefined && message.replyTo === null && before.participant === message.participant && before.name === message.name &&
    before.own === message.own && message.at - before.at < TOGETHER && dayOf(before.at) === dayOf(message.at)
  )
}

/** A day, as a key. */
export function dayOf(time: number): string {
  return new Date(time).toDateString()
}

/** "Ann is typing". */
export function typingWords(names: readonly string[]): string {
  const [one, two] = names
  if (one === undefined) return ''
  if (two === undefined) return `${one} is typing`
  return names.length === 2 ? `${one} and ${two} are typing` : 'Several people are typing'
}
