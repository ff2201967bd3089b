/** Streams against the real server: ordered, each once, kept over outages on both sides. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { CollabError, CollabProvider, type ProviderOptions } from '../src/index.js'
import { CollabServer, ScriptedServer, until, welcome } from './server.js'

let folder: string
let server: CollabServer
const providers: CollabProvider[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'collab-streams-'))
  server = await new CollabServer(`sqlite:///${folder}/kept.db`).start()
})
afterAll(async () => {
  await server.kill()
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  for (const provider of providers.splice(0)) provider.destroy()
})

function open(name: string, options: ProviderOptions = {}): CollabProvider {
  const provider = new CollabProvider(server.url, name, null, { backoff: { base: 50, cap: 200 }, ...options })
  providers.push(provider)
  return provider
}

const said = (provider: CollabProvider): unknown[] => provider.stream('chat').events.map(({ data }) => data)

test('what is published is there for everybody, in order, with who said it', async () => {
  const [ann, ben] = [open('told', { user: { name: 'Ann' } }), open('told', { user: { name: 'Ben' } })]
  let heard = 0
  const stop = ben.stream('chat').follow(() => (heard += 1))
  ann.stream('chat').follow(() => undefined)
  const chat = ann.stream<string>('chat')
  expect(await Promise.all([chat.publish('one'), chat.publish('two'), chat.publish('three', 'shout')])).toEqual([1, 2, 3])
  await until(() => said(ben).length === 3 && said(ann).length === 3, 'all of them')
  expect(said(ben)).toEqual(['one', 'two', 'three'])
  expect(ben.stream('chat').events[2]).toMatchObject({ stream: 'chat', offset: 3, event: 'shout', from: { name: 'Ann', agent: false } })
  expect(chat.waiting).toEqual([])
  expect(ben.stream('chat')).toBe(ben.stream('chat'))
  const before = heard
  stop()
  await chat.publish('four')
  await until(() => said(ann).length === 4, 'who follows hears')
  expect([heard, said(ben).length]).toEqual([before, 3])
})

test('what is published during an outage waits, and is there once; what others said meanwhile comes too', async () => {
  const [ann, ben] = [open('outage'), open('outage')]
  for (const each of [ann, ben]) each.stream('chat').follow(() => undefined)
  await ann.stream('chat').publish('before')
  await until(() => said(ben).length === 1, 'Ben has it')
  // In flight when the server dies: it stands still before, or it might have answered.
  server.signal('SIGSTOP')
  const flying = ann.stream('chat').publish('in flight')
  await server.kill()
  await until(() => ann.status === 'offline' && ben.status === 'offline', 'offline')
  const offline = [ann.stream('chat').publish('offline'), ben.stream('chat').publish('Ben, offline')]
  expect(ann.stream('chat').waiting.map(({ data }) => data)).toEqual(['in flight', 'offline'])
  await server.start()
  await Promise.all([flying, ...offline])
  await until(() => said(ann).length === 4 && said(ben).length === 4, 'both have all')
  expect(said(ann)).toEqual(said(ben))
  expect(new Set(said(ann)).size).toBe(4)
  expect(ann.stream('chat').events.map(({ offset }) => offset)).toEqual([1, 2, 3, 4])
  expect(ann.stream('chat').waiting).toEqual([])
})

test('what is published again under its key, by a later page, is one event', async () => {
  const [ann, later] = [open('again', { user: { name: 'Ann' } }), open('again', { user: { name: 'Ann' } })]
  expect(await ann.stream('chat').publish('once', 'message', 'a key')).toBe(1)
  expect(await later.stream('chat').publish('once', 'message', 'a key')).toBe(1)
  expect(await later.stream('chat').publish('twice')).toBe(2)
})

test('the newest hundred come by themselves, older ones when they are asked for', async () => {
  const ann = open('long')
  const chat = ann.stream<number>('chat')
  await Promise.all(Array.from({ length: 130 }, (_, at) => chat.publish(at)))
  const ben = open('long')
  const read = ben.stream<number>('chat')
  read.follow(() => undefined)
  await until(() => read.events.length === 100, 'the newest')
  expect(read.events[0]?.offset).toBe(31)
  expect(await read.more(20)).toBe(true)
  expect(await read.more(20)).toBe(false)
  expect(await read.more(20)).toBe(false)
  expect(read.events.map(({ data }) => data)).toEqual(Array.from({ length: 130 }, (_, at) => at))
})

test('what the server will not have is refused; so is what waits when the provider ends', async () => {
  const ann = open('refused')
  const failure = (promise: Promise<number>): Promise<unknown> => promise.catch((error: unknown) => (error as CollabError).code)
  expect(await failure(ann.stream('No such name').publish('x'))).toBe('invalid_payload')
  const late = open('refused', { connect: false })
  const waiting = failure(late.stream('chat').publish('x'))
  late.destroy()
  expect(await waiting).toBe('internal')
})

test('an event whose ack was lost is sent again under its key, behind those that were heard already', async () => {
  const keys: string[] = []
  const afters: unknown[] = []
  const scripted = await new ScriptedServer().start((socket) => {
    welcome(socket)
    socket.on('subscribe', ({ after }: { after?: number }, ack: (answer: object) => void) => {
      afters.push(after)
      const event = { stream: 'chat', event: 'message', data: 'old', from: { participant: null, name: null, agent: false }, at: '' }
      ack({ ok: true, offset: 7, events: after === undefined ? [{ ...event, offset: 7 }] : [] })
    })
    socket.on('publish', ({ key }: { key: string }, ack: (answer: object) => void) => {
      keys.push(key)
      if (keys.length === 1) socket.conn.close()
      else if (keys.length === 2) ack({ ok: false, error: { code: 'storage_unavailable', message: 'later', retryable: true, retry_after: 0.05 } })
      else ack({ ok: true, durable: true, offset: 8 })
    })
  })
  const provider = new CollabProvider(scripted.url, 'd', null, { backoff: { base: 20, cap: 50 } })
  providers.push(provider)
  const chat = provider.stream<string>('chat')
  chat.follow(() => undefined)
  expect(await chat.publish('once')).toBe(8)
  expect([keys.length, new Set(keys).size]).toEqual([3, 1])
  expect(keys[0]).toMatch(/^.{8,200}$/)
  expect(afters).toEqual([undefined, 7])
  provider.destroy()
  await scripted.stop()
})
