// @vitest-environment happy-dom
/** The hooks in a page: what they answer, how often they render, and that nothing is left behind. */

import { act, StrictMode, useEffect, type ReactNode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import * as Y from 'yjs'

import {
  CollabDocument, useBroadcast, useDoc, useNotices, useOthers, usePresence, useProvider, useSelf, useStatus, useStream, useSynced, useUnsaved,
  type CollabDocumentProps, type UsedStream,
} from '../src/react.js'
import type { CollabProvider } from '../src/index.js'
import { CollabServer, ScriptedServer, until, welcome } from './server.js'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

let server: CollabServer
const roots: Root[] = []

beforeAll(async () => {
  server = await new CollabServer().start()
})
afterAll(() => server.kill())
afterEach(async () => {
  for (const root of roots.splice(0)) await act(async () => root.unmount())
})

async function show(what: ReactNode): Promise<{ root: Root; element: HTMLElement }> {
  const element = document.createElement('div')
  const root = createRoot(element)
  roots.push(root)
  await act(async () => root.render(what))
  return { root, element }
}

/** Wait inside `act`: what comes from the server renders there. */
const sees = (condition: () => boolean, what: string): Promise<void> => act(() => until(condition, what))

let names = 0
const props = (name: string, more: Partial<CollabDocumentProps> = {}): CollabDocumentProps => ({
  url: server.url, name, tabs: false, stream: false, backoff: { base: 50, cap: 200 }, ...more,
})

test('two people see each other, their words and what they show', async () => {
  const name = `together-${(names += 1)}`
  const heard: unknown[] = []
  const docs: Record<string, Y.Doc> = {}
  const sends: Record<string, (data: string) => boolean> = {}
  const types: Record<string, (fields: { typing: boolean }) => void> = {}
  function Person({ who }: { who: string }): ReactNode {
    docs[who] = useDoc()
    const others = useOthers<{ typing?: boolean }>()
    const self = useSelf()
    const [, present] = usePresence<{ typing: boolean }>()
    types[who] = present
    sends[who] = useBroadcast<string>('wave', (data) => heard.push([who, data]))
    return `${useStatus()} ${String(useSynced())} ${useUnsaved()} ${self.user.name ?? '?'} ${self.role ?? '?'} ` +
      others.map(({ user, state }) => `${user.name ?? '?'}${state.typing === true ? '*' : ''}`).join()
  }
  const person = (who: string): ReactNode => (
    <StrictMode><CollabDocument {...props(name, { user: { name: who, color: '#123456' } })}><Person who={who} /></CollabDocument></StrictMode>
  )
  const ann = await show(person('Ann'))
  const ben = await show(person('Ben'))
  await sees(() => ann.element.textContent === 'live true 0 Ann admin Ben', 'Ann sees Ben')
  await sees(() => ben.element.textContent === 'live true 0 Ben admin Ann', 'Ben sees Ann')
  act(() => types['Ben']?.({ typing: true }))
  await sees(() => ann.element.textContent === 'live true 0 Ann admin Ben*', 'Ben types')
  act(() => docs['Ben']?.getText('body').insert(0, 'hello'))
  await sees(() => docs['Ann']?.getText('body').toString() === 'hello', 'the words')
  expect(sends['Ann']?.('hi')).toBe(true)
  await sees(() => heard.length > 0, 'the wave')
  expect(heard).toEqual([['Ben', 'hi']])
  await act(async () => ben.root.unmount())
  await sees(() => ann.element.textContent === 'live true 0 Ann admin ', 'Ben has left')
})

test('nothing renders without a change of what it asked for', async () => {
  const name = `counted-${(names += 1)}`
  const renders: Record<string, number> = {}
  const counted = (what: string, hook: () => unknown) =>
    function Counted(): ReactNode {
      renders[what] = (renders[what] ?? 0) + 1
      return String(hook())
    }
  let provider: CollabProvider | null = null
  const parts = {
    doc: counted('doc', () => useDoc().clientID),
    provider: counted('provider', () => void (provider = useProvider())),
    status: counted('status', useStatus),
    synced: counted('synced', useSynced),
    notices: counted('notices', () => useNotices().length),
    broadcast: counted('broadcast', () => useBroadcast('none')),
    self: counted('self', () => useSelf().clientId),
    count: counted('count', () => useOthers((others) => others.length)),
    names: counted('names', () => useOthers((others) => others.map(({ user }) => user.name)).join()),
    others: counted('others', () => useOthers().length),
  }
  await show(<CollabDocument {...props(name)}>{Object.entries(parts).map(([key, Part]) => <Part key={key} />)}</CollabDocument>)
  let other: CollabProvider | null = null
  function Other(): ReactNode {
    other = useProvider()
    return null
  }
  await show(<CollabDocument {...props(name, { user: { name: 'Ben' } })}><Other /></CollabDocument>)
  await sees(() => provider?.synced === true && other?.synced === true && provider.awareness.getStates().size === 2, 'both are here')
  const [mine, theirs] = [provider as unknown as CollabProvider, other as unknown as CollabProvider]
  await act(() => mine.saved())
  const before = { ...renders }
  // Words of both, thirty cursors of the other, then one of our own.
  const body = theirs.doc.getText('body')
  await act(async () => {
    for (let at = 0; at < 30; at++) {
      body.insert(0, 'x')
      mine.doc.getText('mine').insert(0, 'y')
    }
    await Promise.all([mine.saved(), theirs.saved()])
  })
  await sees(() => mine.doc.getText('body').length === 30, 'the words')
  const cursor = async (at: number): Promise<void> => {
    act(() => theirs.awareness.setLocalStateField('cursor', at))
    await sees(() => mine.awareness.getStates().get(theirs.doc.clientID)?.['cursor'] === at, 'the cursor')
  }
  for (const at of [1, 2, 3]) await cursor(at)
  // The same again changes nothing.
  act(() => theirs.awareness.setLocalStateField('cursor', 3))
  await cursor(4)
  expect(renders).toEqual({ ...before, others: (before['others'] ?? 0) + 4 })
  act(() => mine.awareness.setLocalStateField('cursor', 1))
  expect(renders).toEqual({ ...before, others: (before['others'] ?? 0) + 4, self: (before['self'] ?? 0) + 1 })
})

test('strict mode connects once, asks for one token, and unmounting leaves no socket', async () => {
  const scripted = new ScriptedServer()
  let connected = 0
  let open = 0
  await scripted.start((socket) => {
    connected += 1
    open += 1
    socket.on('disconnect', () => (open -= 1))
    welcome(socket)
  })
  let tokens = 0
  const { root } = await show(
    <StrictMode><CollabDocument {...props('strict', { url: scripted.url, token: () => `token ${(tokens += 1)}` })}>x</CollabDocument></StrictMode>,
  )
  await sees(() => open === 1, 'connected')
  await act(async () => root.unmount())
  await until(() => open === 0 && scripted.io.engine.clientsCount === 0, 'gone')
  expect([connected, tokens]).toEqual([1, 1])
  await scripted.stop()
})

test('a child shows something in its first effect; another name is another document, a user is the same one', async () => {
  const seen: unknown[] = []
  let provider: CollabProvider | null = null
  function Child(): ReactNode {
    const [, present] = usePresence<{ here: number }>()
    provider = useProvider()
    useEffect(() => present({ here: 1 }), [present])
    seen.push(useDoc())
    return null
  }
  const of = (name: string, who: string): ReactNode => <CollabDocument {...props(name, { user: { name: who } })}><Child /></CollabDocument>
  const { root } = await show(of('first', 'Ann'))
  const first = provider as unknown as CollabProvider
  expect(first.awareness.getLocalState()).toEqual({ user: { name: 'Ann' }, here: 1 })
  await act(async () => root.render(of('first', 'Anna')))
  expect(provider).toBe(first)
  expect(first.awareness.getLocalState()).toMatchObject({ user: { name: 'Anna' } })
  await act(async () => root.render(of('second', 'Anna')))
  expect(first.status).toBe('closed')
  expect((provider as unknown as CollabProvider).document).toBe('second')
  expect(new Set(seen).size).toBe(2)
})

test('a new token goes to the connection that there is', async () => {
  const tokens: unknown[] = []
  const scripted = await new ScriptedServer().start((socket) => {
    tokens.push((socket.handshake.auth as { token?: string }).token)
    welcome(socket, { role: 'viewer' })
    socket.on('authenticate', ({ token }: { token: string }, ack: (answer: object) => void) => {
      tokens.push(token)
      ack({ ok: true, role: 'editor', expires_at: null })
    })
    socket.emit('notice', { code: 'storage_unavailable', message: 'The disk is full.', retryable: true })
  })
  function Told(): ReactNode {
    return `${useStatus()} ${useSelf().role ?? '?'} ${useNotices().map(({ code }) => code).join()}`
  }
  const of = (token: string): ReactNode => <CollabDocument {...props('renewed', { url: scripted.url, token })}><Told /></CollabDocument>
  const { root, element } = await show(of('one'))
  await sees(() => element.textContent === 'live viewer storage_unavailable', 'let in')
  await act(async () => root.render(of('two')))
  await sees(() => element.textContent === 'live editor storage_unavailable', 'with another role')
  expect(tokens).toEqual(['one', 'two'])
  await act(async () => root.unmount())
  await scripted.stop()
})

test('a stream renders for its own events, and for nothing else', async () => {
  const name = `stream-${(names += 1)}`
  const used: Record<string, UsedStream<string>> = {}
  const renders: Record<string, number> = {}
  function Chat({ of }: { of: string }): ReactNode {
    renders[of] = (renders[of] ?? 0) + 1
    const chat = useStream<string>(of)
    used[of] = chat
    return `${chat.events.map(({ data }) => data).join()} ${chat.waiting.length}`
  }
  const { element } = await show(
    <StrictMode><CollabDocument {...props(name)}><p><Chat of="chat" /></p><p><Chat of="other" /></p></CollabDocument></StrictMode>,
  )
  const first = used['chat']
  await act(() => first?.publish('one') ?? Promise.reject(new Error('no stream')))
  await act(() => used['chat']?.publish('two') ?? Promise.reject(new Error('no stream')))
  await sees(() => element.textContent === 'one,two 0 0', 'both')
  const before = renders['other']
  await act(() => used['chat']?.publish('three') ?? Promise.reject(new Error('no stream')))
  await sees(() => element.textContent === 'one,two,three 0 0', 'all three')
  expect(renders['other']).toBe(before)
})

test('what a server rendered is taken over without a warning', async () => {
  function Told(): ReactNode {
    const [state] = usePresence()
    return <p>{`${useStatus()} ${useUnsaved()} ${useOthers().length} ${useSelf().clientId} ${JSON.stringify(state)} ${useNotices().length}`}</p>
  }
  const page = <StrictMode><CollabDocument {...props('hydrated', { user: { name: 'Ann' } })}><Told /></CollabDocument></StrictMode>
  const element = document.createElement('div')
  element.innerHTML = renderToString(page)
  expect(element.textContent).toBe('connecting 0 0 0 {} 0')
  const complaints = vi.spyOn(console, 'error')
  await act(async () => void roots.push(hydrateRoot(element, page)))
  await sees(() => element.textContent?.startsWith('live 0 0 ') === true, 'live')
  expect(complaints).not.toHaveBeenCalled()
  complaints.mockRestore()
})

test('a hook without a document around it says so', async () => {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  function Lost(): ReactNode {
    return useStatus()
  }
  await expect(show(<Lost />)).rejects.toThrow('<CollabDocument>')
  complaints.mockRestore()
})
