/** The provider against the real server. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { CollabProvider, type ProviderOptions } from '../src/index.js'
import { CollabServer, ScriptedServer, until, welcome } from './server.js'

let server: CollabServer
let folder: string
const providers: CollabProvider[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'collab-'))
  server = new CollabServer(`sqlite:///${folder}/test.db`)
})

afterEach(async () => {
  for (const provider of providers.splice(0)) provider.destroy()
  await server.kill()
  rmSync(folder, { recursive: true, force: true })
})

function open(document: string, options: ProviderOptions = {}): CollabProvider & { text: Y.Text } {
  const doc = new Y.Doc()
  const provider = new CollabProvider(server.url, document, doc, {
    tabs: false,
    stream: false,
    backoff: { base: 50, cap: 200 },
    ...options,
  })
  providers.push(provider)
  return Object.assign(provider, { text: doc.getText('body') })
}

const live = (provider: CollabProvider): Promise<void> => until(() => provider.details.phase === 'live', 'live')

test('two providers converge, and nothing is called saved before it is', async () => {
  await server.start()
  const ann = open('two')
  const ben = open('two')
  await live(ann)
  await live(ben)
  ann.text.insert(0, 'hello')
  expect(ann.unsaved).toBe(1)
  await ann.saved()
  expect(ann.unsaved).toBe(0)
  await until(() => ben.text.toString() === 'hello', 'Ben has it')
  ben.text.insert(5, ' world')
  await until(() => ann.text.toString() === 'hello world', 'Ann has it')
  expect(ann.session?.document).toBe('two')
  expect(ann.position).toBeTypeOf('number')
})

test('edits of an outage arrive after it, and are counted until they are on the disk', async () => {
  await server.start()
  const ann = open('outage')
  await live(ann)
  ann.text.insert(0, 'before ')
  await ann.saved()
  await server.kill()
  await until(() => ann.details.phase === 'offline', 'offline', 2000)
  ann.text.insert(7, 'a')
  ann.text.insert(8, 'b')
  ann.text.delete(0, 1)
  expect(ann.details.unsaved).toBe(3)
  await server.start()
  await ann.saved()
  await server.kill()
  await server.start()
  const ben = open('outage')
  await live(ben)
  expect(ben.text.toString()).toBe('efore ab')
})

test('edits in flight when the server dies are not lost', async () => {
  await server.start()
  const ann = open('flight')
  await live(ann)
  for (let i = 0; i < 200; i++) ann.text.insert(i, 'x')
  await server.kill()
  expect(ann.text.length).toBe(200)
  await server.start()
  await ann.saved()
  const ben = open('flight')
  await live(ben)
  expect(ben.text.toString()).toBe('x'.repeat(200))
})

test('a server that is not there yet is waited for', async () => {
  await server.start()
  const { url } = server
  await server.kill()
  const ann = open('later')
  expect(ann.details.phase).toBe('connecting')
  await until(() => ann.details.phase === 'offline', 'offline')
  expect(ann.details.wasLive).toBe(false)
  expect(ann.details.retryAt).toBeTypeOf('number')
  ann.text.insert(0, 'early')
  expect(ann.unsaved).toBe(1)
  await server.start()
  expect(server.url).toBe(url)
  ann.retryNow()
  await ann.saved()
  expect(ann.details.transport).toBe('websocket')
})

test('polling alone is enough', async () => {
  await server.start()
  const ann = open('poll', { transports: ['polling'] })
  const ben = open('poll')
  await live(ann)
  await live(ben)
  expect(['polling', 'websocket']).toContain(ann.details.transport)
  ann.text.insert(0, 'x'.repeat(300_000))
  await ann.saved()
  await until(() => ben.text.length === 300_000, 'Ben has it')
})

test('people come and go, and are there again at once after an outage', async () => {
  await server.start()
  const ann = open('people')
  const ben = open('people')
  ann.awareness.setLocalStateField('user', { name: 'Ann' })
  await live(ann)
  await live(ben)
  ben.awareness.setLocalStateField('user', { name: 'Ben' })
  const sees = (provider: CollabProvider, name: string): boolean =>
    [...provider.awareness.getStates().values()].some((state) => (state['user'] as { name?: string } | undefined)?.name === name)
  await until(() => sees(ann, 'Ben') && sees(ben, 'Ann'), 'they see each other')
  await server.kill()
  await until(() => !sees(ann, 'Ben'), 'nobody is shown who cannot be known to be there', 2000)
  await server.start()
  await until(() => sees(ann, 'Ben') && sees(ben, 'Ann'), 'they see each other again', 4000)
  ben.destroy()
  await until(() => !sees(ann, 'Ben'), 'Ben has left', 1000)
})

test('a role that only reads sends nothing', async () => {
  server = new CollabServer('memory://', ['--default-role', 'viewer'])
  await server.start()
  const ann = open('read')
  await live(ann)
  expect(ann.details.readOnly).toBe(true)
  ann.text.insert(0, 'mine')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(ann.traffic.sentUpdates).toBe(0)
  expect(ann.unsaved).toBe(1)
})

test('a name that is not allowed is refused in words, without another try', async () => {
  await server.start()
  const ann = open('a//b')
  await until(() => ann.details.phase === 'refused', 'refused')
  expect(ann.details.fault?.code).toBe('invalid_document')
  expect(ann.details.fault?.message).not.toBe('')
  expect(ann.details.retryAt).toBeNull()
})

test('a local copy is loaded first, and what only it has is sent', async () => {
  await server.start()
  const doc = new Y.Doc()
  const local = { whenSynced: Promise.resolve() }
  const before = new Y.Doc()
  before.getText('body').insert(0, 'from the copy')
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(before), local)
  const ann = new CollabProvider(server.url, 'copy', doc, { tabs: false, local, ledger: null })
  providers.push(ann)
  await live(ann)
  await ann.saved()
  const ben = open('copy')
  await live(ben)
  await until(() => ben.text.toString() === 'from the copy', 'the copy arrived')
})

test('an awareness of somebody else can be used, and destroying ends everything', async () => {
  await server.start()
  const doc = new Y.Doc()
  const awareness = new Awareness(doc)
  const ann = new CollabProvider(server.url, 'own', doc, { awareness, tabs: false })
  expect(ann.awareness).toBe(awareness)
  await live(ann)
  ann.destroy()
  expect(ann.details.phase).toBe('closed')
  doc.getText('body').insert(0, 'x')
  ann.connect()
  ann.retryNow()
  expect(ann.details.phase).toBe('closed')
  awareness.destroy()
})

test('tabs of one browser pass on what an offline one wrote', async () => {
  await server.start()
  const live1 = open('tabs', { tabs: true })
  await live(live1)
  const alone = open('tabs', { tabs: true, connect: false })
  alone.text.insert(0, 'by the other tab')
  await until(() => live1.text.toString() === 'by the other tab', 'heard')
  await live1.saved()
  const ben = open('tabs')
  await live(ben)
  await until(() => ben.text.toString() === 'by the other tab', 'passed on')
})

test('free fields of a person reach the server, and what a token says of them is shown here', async () => {
  const asked: unknown[] = []
  const scripted = await new ScriptedServer().start((socket) => {
    asked.push((socket.handshake.auth as { user?: unknown }).user)
    welcome(socket, { user: { id: 'ann', agent: false, name: 'Ann of the token', title: 'Editor' } })
  })
  const user = { id: 'mine', name: 'Ann', color: '', avatar: 'https://people.example/ann.png', floor: 3 }
  const provider = new CollabProvider(scripted.url, 'people', null, { user })
  providers.push(provider)
  await until(() => provider.status === 'live', 'live')
  expect(asked).toEqual([{ name: 'Ann', avatar: 'https://people.example/ann.png', floor: 3 }])
  expect(provider.awareness.getLocalState()?.['user']).toMatchObject({ name: 'Ann of the token', title: 'Editor', avatar: user.avatar })
  await scripted.stop()
})
