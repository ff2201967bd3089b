/** Words of the chat in pieces, and messages out of whatever a stream holds. */

import { expect, test } from 'vitest'
import type { StreamedEvent } from 'collab-client'
import { canBeMentioned, continues, messagesOf, onlyEmoji, piecesOf, plainWords, typingWords, withMentions, type Draft, type Message } from '../src/chat/talk'
import { colourByServer } from '../src/ui/people'

const ANN = { participant: 'ann', name: 'Ann', agent: false }
const NOBODY = { participant: null, name: 'Guest', agent: false }
const SELF = { participant: 'ann', name: 'Ann', called: 'Ann', sent: new Set<number>() }

function event(offset: number, data: unknown, from: StreamedEvent['from'] = ANN, name = 'message'): StreamedEvent {
  return { stream: 'chat', offset, event: name, data, from, at: new Date(offset * 60_000).toISOString() }
}

function draft(key: string, body: string, after = 0): Draft {
  return { key, data: { body }, at: 0, after }
}

test('links are those that lead somewhere harmless, without what ends the sentence', () => {
  const links = (body: string): string[] => piecesOf(body).flatMap((piece) => ('href' in piece ? [piece.href] : []))
  expect(links('See https://example.org/a_(b), (http://x.org/y) and mailto:ann@example.org.')).toEqual(['https://example.org/a_(b)', 'http://x.org/y', 'mailto:ann@example.org'])
  expect(links('javascript:alert(1) data:text/html,x JAVASCRIPT://example.org <a href="//x">https://')).toEqual([])
  const odd = '<img src=x onerror=alert(1)> @[a] https://x.org/"onclick="y'
  expect(piecesOf(odd).map((piece) => ('mention' in piece ? `@[${piece.mention}]` : piece.text)).join('')).toBe(odd)
})

test('people are mentioned by their ids, and read by their names', () => {
  const picked = [{ name: 'Ann', id: 'a' }, { name: 'Ann Lee', id: 'b:1' }, { name: 'Guest', id: null }]
  expect(withMentions('@Ann Lee, @Ann and @Guest; not @Anna', picked)).toBe('@[b:1], @[a] and @Guest; not @Anna')
  expect(piecesOf('Hi @[b:1]!')).toEqual([{ text: 'Hi ' }, { mention: 'b:1' }, { text: '!' }])
  expect(['ann', 'a b', 'ä'.repeat(200), 'x'.repeat(201), 'a]', 'a\nb', ''].map(canBeMentioned)).toEqual([true, true, true, false, false, false, false])
  expect(piecesOf('@[a\tb] @[]')).toEqual([{ text: '@[a\tb] @[]' }])
  expect(plainWords('@[b:1] https://x.org', () => 'Ann Lee')).toBe('@Ann Lee https://x.org')
})

test('what other programs write does no harm', () => {
  const odd = [null, 7, 'x', [], {}, { body: 3 }, { body: ' ' }, { body: 'fine', reply_to: 'x', name: {} }]
  const messages = messagesOf(odd.map((data, at) => event(at + 1, data)), [], SELF)
  expect(messages.map(({ body, replyTo, name }) => [body, replyTo, name])).toEqual([['fine', null, 'Ann']])
  expect(messagesOf([event(1, { body: 'x' }, ANN, 'reaction')], [], SELF)).toEqual([])
})

test('a draft is shown until the stream has it, and never beside it', () => {
  const drafts = [draft('k1', 'ok', 1), draft('k2', 'ok', 1)]
  const bodies = (messages: Message[]): string[] => messages.map(({ id }) => id)
  expect(bodies(messagesOf([event(1, { body: 'ok' })], drafts, SELF))).toEqual(['o1', 'dk1', 'dk2'])
  expect(bodies(messagesOf([event(1, { body: 'ok' }), event(2, { body: 'ok' })], drafts, SELF))).toEqual(['o1', 'o2', 'dk2'])
  // Without a sign-in it is known by its words, until the ack says where it stands.
  const guest = { participant: null, name: 'Guest', called: 'Guest', sent: new Set([3]) }
  const seen = messagesOf([event(2, { body: 'hi' }, NOBODY), event(3, { body: 'mine' }, NOBODY), event(4, { body: 'yours' }, NOBODY)], [draft('k', 'hi', 1)], guest)
  expect(seen.map(({ own }) => own)).toEqual([true, true, false])
})

test('only whoever wrote a message takes it back', () => {
  const said = [event(1, { body: 'one' }), event(2, { body: 'two' }, NOBODY)]
  const back = (from: StreamedEvent['from'], offset: number): boolean[] =>
    messagesOf([...said, event(3, { offset }, from, 'taken-back')], [], SELF).map(({ takenBack }) => takenBack)
  expect(back(ANN, 1)).toEqual([true, false])
  expect(back(NOBODY, 1)).toEqual([false, false])
  expect(back(ANN, 2)).toEqual([false, false])
  expect(back(NOBODY, 2)).toEqual([false, true])
  // Somebody without a sign-in who changed their name: by the one that they said themselves.
  const renamed = { ...NOBODY, name: 'Ann Lee' }
  const self = { participant: null, name: 'Ann Lee', called: 'Ann Lee', sent: new Set([1, 2]) }
  const messages = messagesOf([event(1, { body: 'a' }, NOBODY), event(2, { body: 'b', name: 'Ann Lee' }, NOBODY), event(3, { offset: 2 }, renamed, 'taken-back')], [], self)
  expect(messages.map(({ own, mayTakeBack, takenBack }) => [own, mayTakeBack, takenBack])).toEqual([[true, false, false], [true, true, true]])
})

test('messages of one person stand together for a while', () => {
  const [one, two, later, reply] = messagesOf([event(1, { body: 'a' }), event(2, { body: 'b' }), event(9, { body: 'c' }), event(10, { body: 'd', reply_to: 1 })], [], SELF)
  if (one === undefined || two === undefined || later === undefined || reply === undefined) throw new Error('four messages')
  expect([continues(undefined, one), continues(one, two), continues(two, later), continues(later, reply)]).toEqual([false, true, false, false])
})

test('small things', () => {
  expect(['🎉', '👍🏽 ❤️', '👩‍💻', 'ok 🎉', '42', '🎉🎉🎉🎉'].map(onlyEmoji)).toEqual([true, true, true, false, false, false])
  expect([[], ['Ann'], ['Ann', 'Ben'], ['Ann', 'Ben', 'Cleo']].map(typingWords)).toEqual(['', 'Ann is typing', 'Ann and Ben are typing', 'Several people are typing'])
  // As the server's color_for has it.
  expect(colourByServer('ann')).toBe('#46a758')
})
