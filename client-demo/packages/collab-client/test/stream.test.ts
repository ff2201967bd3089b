import { expect, test } from 'vitest'
import { fromBase64, StreamParser, type StreamEvent } from '../src/stream.js'

const TEXT = ': hello\r\nid: 7\r\nevent: update\r\ndata: AAA=\r\n\r\ndata: one\ndata: two\n\nevent: empty\n\ndata:x\rid: 8\r\r'
const EVENTS: StreamEvent[] = [
  { id: '7', event: 'update', data: 'AAA=' },
  { id: '7', event: 'message', data: 'one\ntwo' },
  { id: '8', event: 'message', data: 'x' },
]

function parse(pieces: string[]): StreamEvent[] {
  const events: StreamEvent[] = []
  const parser = new StreamParser((event) => events.push(event))
  for (const piece of pieces) parser.feed(piece)
  parser.feed('\n')
  return events
}

test('events are read whatever their line ends', () => {
  expect(parse([TEXT])).toEqual(EVENTS)
})

test('and in whatever pieces they arrive', () => {
  for (let size = 1; size < TEXT.length; size++) {
    const pieces = TEXT.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    expect(parse(pieces), `pieces of ${size}`).toEqual(EVENTS)
  }
})

test('bytes come as base64, plain, quoted or for addresses', () => {
  expect([...fromBase64('+/8=')]).toEqual([251, 255])
  expect([...fromBase64('"+/8="')]).toEqual([251, 255])
  expect([...fromBase64('-_8=')]).toEqual([251, 255])
})
