/** A table of what can happen to a connection, and what the provider says of it: nothing but the truth, at every step. */

import { createHmac } from 'node:crypto'
import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'

import { CollabError, CollabProvider, type ErrorCode, type ProviderOptions, type State, type StatusEvent } from '../src/index.js'
import { CollabServer, until } from './server.js'

const SECRET = 'a secret of the tests, long enough for HS256'
const servers: Record<'open' | 'signed', CollabServer> = {
  open: new CollabServer('memory://', ['--max-participants', '2', '--drain-timeout', '5s']),
  signed: new CollabServer('memory://', ['--auth', 'jwt', '--jwt-secret', SECRET]),
}
const providers: CollabProvider[] = []
const closers: (() => Promise<unknown>)[] = []

beforeAll(() => Promise.all(Object.values(servers).map((server) => server.start())))
afterAll(() => Promise.all(Object.values(servers).map((server) => server.kill())))
afterEach(async () => {
  for (const provider of providers.splice(0)) provider.destroy()
  for (const close of closers.splice(0)) await close()
})

/** A token that lasts so many seconds. */
function token(role: string, seconds = 600): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + seconds
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'ann', name: 'Ann', exp, grants: [{ documents: 'mine-*', role }] })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

type Told = CollabProvider & { told: StatusEvent[]; states: () => string }

function open(url: string, name: string, options: ProviderOptions = {}): Told {
  const provider = new CollabProvider(url, name, null, { connect: false, backoff: { base: 20, cap: 100 }, ...options })
  providers.push(provider)
  const told: StatusEvent[] = []
  provider.on('status', (event) => {
    told.push(event)
    // What an event says is what is there to be read, and what a y-websocket provider would call it.
    expect([event.state, event.error]).toEqual([provider.status, provider.details.fault])
    const connected = event.state === 'live' || event.state === 'syncing'
    expect(event.status).toBe(connected ? 'connected' : event.state === 'connecting' ? 'connecting' : 'disconnected')
    expect(provider.details.phase === 'live').toBe(provider.synced)
  })
  provider.connect()
  return Object.assign(provider, { told, states: () => told.map(({ state }) => state).join(' ') })
}

let count = 0
const fresh = (): string => `mine-${(count += 1)}`
const failure = (promise: Promise<void>): Promise<unknown> => promise.then(() => 'saved', (error: unknown) => error)

/** Something between us and the server that lets through what `lets` says; the rest is refused, or gets no answer at all. */
async function between(
  url: string, lets: (what: 'websocket' | 'polling' | 'api', path: string) => boolean, otherwise: 'refused' | 'swallowed' = 'refused',
): Promise<string> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  const what = ({ url = '' }: IncomingMessage): 'polling' | 'api' => (url.startsWith('/socket.io/') ? 'polling' : 'api')
  const proxy: Server = createServer((asked, answer) => {
    if (!lets(what(asked), asked.url ?? '')) return otherwise === 'refused' ? void answer.writeHead(503).end() : undefined
    const passed = request({ hostname, port, path: asked.url, method: asked.method, headers: asked.headers }, (said) => {
      answer.writeHead(said.statusCode ?? 502, said.headers)
      said.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    answer.on('close', () => passed.destroy())
    asked.pipe(passed)
  })
  proxy.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  proxy.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!lets('websocket', asked.url ?? '')) return otherwise === 'refused' ? void socket.destroy() : undefined
    const passed = connect(Number(port), hostname, () => {
      const lines = Object.entries(asked.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`)
      passed.write(`GET ${asked.url ?? ''} HTTP/1.1\r\n${lines.join('')}\r\n`)
      passed.write(head)
      passed.pipe(socket).pipe(passed)
    })
    for (const end of [passed, socket]) end.on('error', () => [passed, socket].forEach((each) => each.destroy()))
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of open) socket.destroy()
    return new Promise((resolve) => proxy.close(resolve))
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

/** A network that takes so many milliseconds each way. */
async function slowly(url: string, delay: number): Promise<string> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  const proxy = createTcpServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [from, to] of [[near, far], [far, near]] as const) {
      open.add(from)
      from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), delay))
      from.on('error', () => from.destroy())
      from.on('close', () => setTimeout(() => to.destroy(), delay))
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of open) socket.destroy()
    return new Promise((resolve) => proxy.close(resolve))
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

// -- who is let in, and who is not ----------------------------------------------------------------------

interface Case {
  server: 'open' | 'signed'
  name?: string
  options?: () => ProviderOptions
  state: State
  error?: ErrorCode
  role?: string
  /** How `saved()` ends, after an edit: with this code. */
  saved?: ErrorCode | 'saved'
  states: string
}

const CASES: Record<string, Case> = {
  'an open server': { server: 'open', state: 'live', role: 'admin', saved: 'saved', states: 'connecting syncing live' },
  'a name that cannot be': { server: 'open', name: 'a//b', state: 'closed', error: 'invalid_document', saved: 'invalid_document', states: 'connecting closed' },
  'no token': { server: 'signed', state: 'closed', error: 'unauthorized', saved: 'unauthorized', states: 'connecting closed' },
  'a token of another server': { server: 'signed', options: () => ({ token: 'a.b.c' }), state: 'closed', error: 'unauthorized', saved: 'unauthorized', states: 'connecting closed' },
  'a token for other documents': { server: 'signed', name: 'theirs', options: () => ({ token: token('editor') }), state: 'closed', error: 'forbidden', saved: 'forbidden', states: 'connecting closed' },
  'a token that has expired': { server: 'signed', options: () => ({ token: token('editor', -600) }), state: 'closed', error: 'token_expired', saved: 'token_expired', states: 'connecting closed' },
  'an editor': { server: 'signed', options: () => ({ token: async () => token('editor') }), state: 'live', role: 'editor', saved: 'saved', states: 'connecting syncing live' },
  'a viewer': { server: 'signed', options: () => ({ token: token('viewer') }), state: 'live', role: 'viewer', saved: 'read_only', states: 'connecting syncing live' },
  'polling alone': { server: 'open', options: () => ({ transports: ['polling'] }), state: 'live', role: 'admin', saved: 'saved', states: 'connecting syncing live' },
}

test.each(Object.entries(CASES))('%s', async (_what, { server, name = fresh(), options, state, error, role, saved, states }) => {
  const provider = open(servers[server].url, name, options?.())
  await until(() => provider.status === state && provider.status !== 'connecting', state)
  expect(provider.states()).toBe(states)
  expect(provider.error?.code).toBe(error)
  expect(provider.role).toBe(role ?? null)
  expect(provider.synced).toBe(state === 'live')
  provider.doc.getText('body').insert(0, 'x')
  const end = await failure(provider.saved())
  expect(end instanceof CollabError ? end.code : end).toBe(saved)
  expect(provider.unsaved).toBe(saved === 'saved' ? 0 : 1)
})

test('a function is asked again for a token that has expired, and that is enough', async () => {
  const given = [token('editor', -600), token('editor')]
  let asked = 0
  const provider = open(servers.signed.url, fresh(), { token: () => given[Math.min(asked++, 1)] ?? null })
  await until(() => provider.status === 'live', 'live')
  expect(provider.states()).toBe('connecting offline connecting syncing live')
  expect(provider.told.map(({ error }) => error?.code)).toEqual([undefined, 'token_expired', 'token_expired', 'token_expired', undefined])
  expect(asked).toBe(2)
})

test('a function that fails is asked again', async () => {
  let asked = 0
  const provider = open(servers.signed.url, fresh(), {
    token: async () => {
      if ((asked += 1) < 3) throw new Error('the sign-in is away')
      return token('editor')
    },
  })
  await until(() => provider.status === 'live', 'live')
  expect(provider.states()).toBe('connecting offline connecting offline connecting syncing live')
})

test('a full document is tried again until somebody leaves', async () => {
  const name = fresh()
  const inside = [open(servers.open.url, name), open(servers.open.url, name)]
  await until(() => inside.every(({ status }) => status === 'live'), 'both are in')
  const third = open(servers.open.url, name)
  await until(() => third.status === 'offline', 'offline')
  expect(third.error).toMatchObject({ code: 'document_full', retryable: true })
  expect(third.details.retryAt).toBeGreaterThan(Date.now() - 1000)
  inside[0]?.destroy()
  await until(() => third.status === 'live' || (third.retryNow(), false), 'in')
  expect(third.error).toBeNull()
})

test('a server that has too many connections of us says so until there is room', async () => {
  const server = await new CollabServer('memory://', ['--max-connections-per-ip', '1']).start()
  closers.push(() => server.kill())
  const inside = open(server.url, fresh())
  await until(() => inside.status === 'live', 'in')
  const outside = open(server.url, fresh(), { stream: false })
  await until(() => outside.status === 'offline', 'out')
  expect(outside.error).toMatchObject({ code: 'too_many_connections', retryable: true })
  outside.doc.getText('body').insert(0, 'x')
  expect([outside.unsaved, outside.synced]).toEqual([1, false])
  inside.destroy()
  await until(() => outside.status === 'live' || (outside.retryNow(), false), 'room')
  await outside.saved()
  expect([outside.unsaved, outside.error]).toEqual([0, null])
})

test('a server that is full says so', async () => {
  const server = await new CollabServer('memory://', ['--max-connections', '1']).start()
  closers.push(() => server.kill())
  const inside = open(server.url, fresh())
  await until(() => inside.status === 'live' && inside.details.transport === 'websocket', 'in')
  const outside = open(server.url, fresh(), { stream: false })
  await until(() => outside.status === 'offline', 'out')
  expect(outside.error).toMatchObject({ code: 'too_many_connections', retryable: true })
})

test('a token that runs out: closed without another, live all along with a function', async () => {
  const name = fresh()
  const fixed = open(servers.signed.url, name, { token: token('editor', 5) })
  let asked = 0
  const renewed = open(servers.signed.url, name, { token: async () => token('editor', (asked += 1) === 1 ? 5 : 600) })
  await until(() => fixed.status === 'live' && renewed.status === 'live', 'both are in')
  await until(() => fixed.status === 'closed', 'closed')
  expect([fixed.error?.code, fixed.synced, fixed.states()]).toEqual(['token_expired', false, 'connecting syncing live closed'])
  fixed.doc.getText('body').insert(0, 'kept here')
  expect(await failure(fixed.saved())).toMatchObject({ code: 'token_expired' })
  expect(fixed.unsaved).toBe(1)
  renewed.doc.getText('body').insert(0, 'x')
  await renewed.saved()
  expect([renewed.status, renewed.error, asked]).toEqual(['live', null, 2])
  await fixed.authenticate(token('editor'))
  await fixed.saved()
  expect([fixed.status, fixed.unsaved, fixed.error]).toEqual(['live', 0, null])
})

test('a document that is deleted is closed, and says why', async () => {
  const name = fresh()
  const provider = open(servers.open.url, name)
  await until(() => provider.status === 'live', 'live')
  provider.doc.getText('body').insert(0, 'x')
  await provider.saved()
  await fetch(`${servers.open.url}/api/v1/documents/${name}`, { method: 'DELETE' })
  await until(() => provider.status === 'closed', 'closed')
  expect(provider.error?.code).toBe('document_deleted')
  expect(provider.synced).toBe(false)
})

// -- the server, and what is between -----------------------------------------------------------------------

test('a server that is killed: offline, edits are counted, and saved when it is back', async () => {
  const server = await new CollabServer().start()
  closers.push(() => server.kill())
  const provider = open(server.url, fresh())
  await until(() => provider.status === 'live', 'live')
  const synced: boolean[] = []
  provider.on('sync', (is) => synced.push(is))
  await server.kill()
  await until(() => provider.status === 'offline', 'offline')
  provider.doc.getText('body').insert(0, 'x')
  let saved = false
  const saving = provider.saved().then(() => (saved = true))
  await until(() => provider.told.filter(({ state }) => state === 'connecting').length > 3, 'tried again and again')
  expect([provider.unsaved, saved, provider.synced]).toEqual([1, false, false])
  await server.start()
  await saving
  expect([provider.unsaved, provider.status, provider.error]).toEqual([0, 'live', null])
  expect(synced).toEqual([false, true])
})

test('a server that drains says so, and its edits are saved by the one that follows', async () => {
  const server = await new CollabServer('memory://', ['--drain-timeout', '5s']).start()
  closers.push(() => server.kill())
  const provider = open(server.url, fresh())
  await until(() => provider.status === 'live', 'live')
  const notices: string[] = []
  provider.on('notice', ({ code }) => notices.push(code))
  const draining: boolean[] = []
  provider.on('details', (now, before) => now.draining !== before.draining && draining.push(now.draining))
  await server.kill('SIGTERM')
  await until(() => provider.status !== 'live' && provider.status !== 'syncing', 'away')
  expect(notices).toContain('draining')
  expect(draining[0]).toBe(true)
  provider.doc.getText('body').insert(0, 'x')
  expect(provider.unsaved).toBe(1)
  await server.start()
  await provider.saved()
  expect([provider.status, provider.details.draining]).toEqual(['live', false])
})

test('a server that stands still: nothing is called saved, and it is saved when it goes on', async () => {
  const server = await new CollabServer().start()
  closers.push(() => server.kill())
  const provider = open(server.url, fresh())
  await until(() => provider.status === 'live', 'live')
  server.signal('SIGSTOP')
  provider.doc.getText('body').insert(0, 'x')
  let saved = false
  const saving = provider.saved().then(() => (saved = true))
  // A round of the event loop of a server that goes on would have answered this many times over.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect([provider.unsaved, saved]).toEqual([1, false])
  server.signal('SIGCONT')
  await saving
  expect(provider.unsaved).toBe(0)
})

test('a network that is slow: live when everything is here, saved when the ack is', async () => {
  const delay = 150
  const name = fresh()
  const near = open(servers.open.url, name)
  near.doc.getText('body').insert(0, 'from the other side. ')
  await near.saved()
  const provider = open(await slowly(servers.open.url, delay), name)
  provider.on('status', ({ state }) => state === 'closed' || expect(provider.doc.getText('body').length > 0).toBe(state === 'live'))
  await until(() => provider.status === 'live', 'live')
  expect(provider.states()).toBe('connecting syncing live')
  const began = performance.now()
  provider.doc.getText('body').insert(0, 'x')
  expect([provider.status, provider.unsaved]).toEqual(['live', 1])
  await provider.saved()
  // There and back; a timer may be early by one.
  expect(performance.now() - began).toBeGreaterThanOrEqual(2 * delay - 2)
  expect([provider.status, provider.unsaved]).toEqual(['live', 0])
  await until(() => near.doc.getText('body').toString() === 'xfrom the other side. ', 'it went out')
})

const BLOCKED: Record<string, ['refused' | 'swallowed', ('websocket' | 'polling')[], string]> = {
  'a WebSocket that is refused': ['refused', ['websocket'], 'polling'],
  'long-polling that is refused': ['refused', ['polling'], 'websocket'],
  'both refused': ['refused', ['websocket', 'polling'], 'sse'],
  'a WebSocket that gets no answer': ['swallowed', ['websocket'], 'polling'],
  'long-polling that gets no answer': ['swallowed', ['polling'], 'websocket'],
  'neither gets an answer': ['swallowed', ['websocket', 'polling'], 'sse'],
}

/** Timers of so many milliseconds end after as many as are said here; what they would do, the newest last. */
function shorten(milliseconds: number, to: number): (() => void)[] {
  const made: (() => void)[] = []
  const before = globalThis.setTimeout
  const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, wait?: number, ...more: []) => {
    if (wait === milliseconds) made.push(act)
    return before(act, wait === milliseconds ? to : wait, ...more)
  }) as typeof setTimeout)
  closers.push(async () => spy.mockRestore())
  return made
}

test.each(Object.entries(BLOCKED))('%s', async (_what, [otherwise, blocked, transport]) => {
  shorten(6_000, 300) // until an attempt without an answer is given up
  const name = fresh()
  const url = await between(servers.open.url, (what) => what === 'api' || !blocked.includes(what), otherwise)
  const writer = open(servers.open.url, name)
  await until(() => writer.status === 'live', 'live')
  writer.doc.getText('body').insert(0, 'from the other side. ')
  await writer.saved()
  const provider = open(url, name)
  await until(() => provider.status === 'live', 'live')
  expect(provider.states()).toMatch(/^connecting( offline connecting)* (offline )?syncing live$/)
  expect(provider.details.transport).toBe(transport)
  // Live means that everything is here, by whatever way it came.
  expect(provider.doc.getText('body').toString()).toBe('from the other side. ')
  provider.doc.getText('body').insert(0, 'x')
  await provider.saved()
  await until(() => writer.doc.getText('body').toString() === 'xfrom the other side. ', 'it went out')
})

test('reading along at a server that stands still: not live any more, and saved when it goes on', async () => {
  const server = await new CollabServer().start()
  closers.push(() => server.kill())
  const silences = shorten(40_000, 40_000)
  const provider = open(await between(server.url, (what) => what === 'api'), fresh())
  await until(() => provider.status === 'live', 'live')
  expect(provider.details.transport).toBe('sse')
  provider.doc.getText('body').insert(0, 'x')
  await provider.saved()
  server.signal('SIGSTOP')
  provider.doc.getText('body').insert(0, 'y')
  const told = provider.told.length
  silences.at(-1)?.() // forty seconds later
  await until(() => provider.status === 'offline', 'offline')
  expect([provider.unsaved, provider.synced, provider.details.transport]).toEqual([1, false, null])
  let saved = false
  const saving = provider.saved().then(() => (saved = true))
  await until(() => provider.told.filter(({ state }) => state === 'connecting').length > 4, 'tried again')
  expect(provider.told.slice(told).map(({ state }) => state)).not.toContain('live')
  expect(saved).toBe(false)
  server.signal('SIGCONT')
  await saving
  expect([provider.status, provider.unsaved]).toEqual(['live', 0])
})

test('reading along, a server that cannot say at once who may write is asked again', async () => {
  let refusals = 2
  const url = await between(servers.open.url, (what, path) => what === 'api' && !(path.endsWith('/access') && refusals-- > 0))
  const provider = open(url, fresh())
  await until(() => provider.status === 'live', 'live')
  expect(provider.details.readOnly).toBe(true) // nobody said anything else yet
  provider.doc.getText('body').insert(0, 'x')
  await provider.saved()
  expect([provider.details.readOnly, provider.unsaved, refusals < 0]).toEqual([false, 0, true])
})

test('what is no server', async () => {
  expect(() => new CollabProvider('ftp://example.org', 'notes')).toThrow('is not the address of a server')
  expect(() => new CollabProvider('', 'notes')).toThrow('is not the address of a server')
  const provider = open('http://127.0.0.1:9', fresh())
  await until(() => provider.told.length > 4, 'tried again')
  expect(new Set(provider.told.map(({ state }) => state))).toEqual(new Set(['connecting', 'offline']))
  provider.disconnect()
  expect([provider.status, provider.details.phase]).toEqual(['offline', 'idle'])
  provider.destroy()
  expect(provider.status).toBe('closed')
  await expect(provider.saved()).rejects.toThrow('destroyed')
})
