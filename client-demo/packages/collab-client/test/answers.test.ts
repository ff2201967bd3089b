/** The provider against a server that says what real ones say on bad days. */

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Socket } from 'socket.io'
import * as Y from 'yjs'
import { CollabProvider, type Notice } from '../src/index.js'
import { ScriptedServer, until, welcome } from './server.js'

type Ack = (answer: object) => void

let server: ScriptedServer
let provider: CollabProvider | undefined

beforeEach(() => {
  server = new ScriptedServer()
})

afterEach(async () => {
  provider?.destroy()
  await server.stop()
})

function open(): { provider: CollabProvider; text: Y.Text; notices: Notice[] } {
  const doc = new Y.Doc()
  provider = new CollabProvider(server.url, 'd', doc, { tabs: false, stream: false, backoff: { base: 20, cap: 50 } })
  const notices: Notice[] = []
  provider.on('notice', (notice) => notices.push(notice))
  return { provider, text: doc.getText('body'), notices }
}

function answering(answers: (update: Uint8Array, ack: Ack, socket: Socket) => void): Promise<ScriptedServer> {
  return server.start((socket) => {
    welcome(socket)
    socket.on('sync-update', (update: Uint8Array, ack: Ack) => answers(update, ack, socket))
  })
}

const OK = { ok: true, durable: true, position: 1 }
const error = (code: string, more: object = {}): object => ({ ok: false, error: { code, message: code, retryable: false, ...more } })
const live = (which: CollabProvider): Promise<void> => until(() => which.details.phase === 'live', 'live')

test('an ack that does not come keeps the change unsaved', async () => {
  await answering(() => undefined)
  const { provider, text } = open()
  await live(provider)
  text.insert(0, 'a')
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(provider.details.unsaved).toBe(1)
})

test('quick edits travel together, none is lost', async () => {
  const received = new Y.Doc()
  let events = 0
  await answering((update, ack) => {
    events += 1
    Y.applyUpdate(received, new Uint8Array(update))
    ack(OK)
  })
  const { provider, text } = open()
  await live(provider)
  for (let i = 0; i < 500; i++) text.insert(i, String(i % 10))
  await provider.saved()
  expect(received.getText('body').toString()).toBe(text.toString())
  expect(events).toBeLessThan(10)
})

test('a disk that fails: the edit is held, and sent again when the trouble is over', async () => {
  let trouble = true
  const received: number[] = []
  let peer: Socket | undefined
  await answering((update, ack, socket) => {
    peer = socket
    received.push(update.byteLength)
    ack(trouble ? error('storage_unavailable', { retryable: true, retry_after: 60 }) : OK)
  })
  const { provider, text } = open()
  await live(provider)
  text.insert(0, 'a')
  await until(() => received.length === 1, 'sent')
  peer?.emit('notice', { code: 'storage_unavailable', message: 'no', retryable: true })
  await until(() => provider.details.storageTrouble, 'told')
  expect(provider.details.unsaved).toBe(1)
  trouble = false
  peer?.emit('notice', { code: 'storage_unavailable', message: 'yes', retryable: true, resolved: true })
  await provider.saved()
  expect(received).toHaveLength(2)
  expect(provider.details.storageTrouble).toBe(false)
})

test('a store without room: the edit is kept, not refused for good, and sent again when there is room', async () => {
  let full = true
  const received: number[] = []
  let peer: Socket | undefined
  await answering((update, ack, socket) => {
    peer = socket
    received.push(update.byteLength)
    ack(full ? error('store_full', { retryable: true, retry_after: 60 }) : OK)
  })
  const { provider, text } = open()
  await live(provider)
  text.insert(0, 'a')
  await until(() => received.length === 1, 'sent')
  expect(provider.details.unsaved).toBe(1)
  expect(text.toString()).toBe('a')
  full = false
  peer?.emit('notice', { code: 'store_full', message: 'room', retryable: true, resolved: true })
  await provider.saved()
  expect(received).toHaveLength(2)
})

test('missing dependencies: the next step 1 is answered with everything that is missing', async () => {
  const received = new Y.Doc()
  let refused = 0
  await answering((update, ack, socket) => {
    if (refused === 0) {
      refused += 1
      ack(error('missing_dependencies', { retryable: true }))
      socket.emit('sync-step-1', Buffer.from(Y.encodeStateVector(received)), () => undefined)
      return
    }
    Y.applyUpdate(received, new Uint8Array(update))
    ack(OK)
  })
  const { provider, text } = open()
  await live(provider)
  text.insert(0, 'abc')
  await provider.saved()
  expect(received.getText('body').toString()).toBe('abc')
})

test('an edit that can never be saved says so, and is not called saved', async () => {
  await answering((_update, ack) => ack(error('update_too_large')))
  const { provider, text, notices } = open()
  await live(provider)
  text.insert(0, 'a')
  await until(() => provider.details.blocked !== null, 'blocked')
  expect(provider.details.blocked?.code).toBe('update_too_large')
  expect(provider.details.unsaved).toBe(1)
  expect(notices.map((notice) => notice.code)).toEqual(['update_too_large'])
})

test('read_only in an ack makes the page a reader', async () => {
  await answering((_update, ack) => ack(error('read_only')))
  const { provider, text } = open()
  await live(provider)
  text.insert(0, 'a')
  await until(() => provider.details.readOnly, 'read-only')
  expect(provider.details.unsaved).toBe(1)
})

test('lagging, then caught up', async () => {
  let peer: Socket | undefined
  await server.start((socket) => {
    peer = socket
    welcome(socket)
  })
  const { provider } = open()
  await live(provider)
  peer?.emit('notice', { code: 'lagging', message: 'slow', retryable: true })
  await until(() => provider.details.behind, 'behind')
  peer?.emit('sync-update', Buffer.from([0, 0]))
  await until(() => !provider.details.behind, 'caught up')
})

test('draining is believed for a moment, then it is an outage like others', async () => {
  let peer: Socket | undefined
  await server.start((socket) => {
    peer = socket
    welcome(socket)
  })
  const { provider } = open()
  await live(provider)
  peer?.emit('notice', { code: 'draining', message: 'moving', retryable: true, retry_after: 0.05 })
  await until(() => provider.details.draining, 'told')
  await server.stop()
  await until(() => provider.details.phase === 'offline' && !provider.details.draining, 'offline', 2000)
})

test('a kick with a reason is final; without one it is an accident', async () => {
  let connections = 0
  await server.start((socket) => {
    connections += 1
    welcome(socket)
    if (connections === 1) setTimeout(() => socket.disconnect(), 30)
    if (connections === 2) {
      setTimeout(() => {
        socket.emit('notice', { code: 'document_deleted', message: 'gone', retryable: false })
        socket.disconnect()
      }, 30)
    }
  })
  const { provider } = open()
  await until(() => provider.details.phase === 'refused', 'refused')
  expect(connections).toBe(2)
  expect(provider.details.fault?.code).toBe('document_deleted')
})

test('a token that runs out is renewed without a reconnect', async () => {
  const tokens: string[] = []
  let peer: Socket | undefined
  await server.start((socket) => {
    peer = socket
    welcome(socket, { role: 'viewer' })
    socket.on('authenticate', ({ token }: { token: string }, ack: Ack) => {
      tokens.push(token)
      ack({ ok: true, role: 'editor', expires_at: 99 })
    })
    socket.on('sync-update', (_update: Uint8Array, ack: Ack) => ack(OK))
  })
  const doc = new Y.Doc()
  let made = 0
  provider = new CollabProvider(server.url, 'd', doc, { tabs: false, token: () => `token ${(made += 1)}` })
  const renewing = provider
  await live(renewing)
  expect((peer?.handshake.auth as { token?: string }).token).toBe('token 1')
  peer?.emit('notice', { code: 'token_expired', message: 'soon', retryable: false, retry_after: 5 })
  await until(() => tokens.length === 1, 'renewed')
  expect(tokens).toEqual(['token 2'])
  await until(() => renewing.session?.expires_at === 99 && !renewing.details.readOnly, 'and with a better role')
  doc.getText('body').insert(0, 'now')
  await renewing.saved()
})

test('a connection that says nothing any more is given up', async () => {
  let silent = false
  await server.start((socket) => {
    socket.emit('session', { role: 'editor', limits: {}, server: {} })
    socket.emit('sync-step-1', Buffer.from([0]), () => undefined)
    socket.on('sync-step-1', (_vector: Buffer, ack: (update: Buffer) => void) => {
      if (!silent) ack(Buffer.from([0, 0]))
    })
  })
  const { provider, text } = open()
  await live(provider)
  silent = true
  text.insert(0, 'a')
  await until(() => provider.details.phase !== 'live', 'given up', 15_000)
  expect(provider.details.unsaved).toBe(1)
}, 20_000)
