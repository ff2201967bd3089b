/**
 * Hooks for React 18 and newer. Each renders its component when what it answers has changed, and for nothing else.
 * On a server they answer what is true before a connection; the page then goes on from there without a difference.
 */

import {
  createContext, createElement, useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore,
} from 'react'
import type { ReactElement, ReactNode } from 'react'
import * as Y from 'yjs'

import { CollabProvider } from './CollabProvider.js'
import { CollabError } from './errors.js'
import type { ProviderOptions, TokenSource, User } from './options.js'
import { keep, Place, type KeptNotice, type Other, type Self, type Topic } from './place.js'
import type { State } from './status.js'
import type { StreamedEvent, WaitingEvent } from './streams.js'

export type { KeptNotice, Other, Self } from './place.js'

export interface CollabDocumentProps extends Omit<ProviderOptions, 'awareness'> {
  /** The server, such as `https://example.org`; empty for the page's own. */
  url: string
  /** The document's name. */
  name: string
  /** A token, or a function that gets a fresh one: asked at every connect, always the one of the last render. */
  token?: TokenSource
  user?: User
  /** What is kept in step; made, where it is left out. */
  doc?: Y.Doc
  children?: ReactNode
}

const Context = createContext<Place | null>(null)
/** Effects before those of children see a provider; a server has none, and React 18 would warn. */
const useEarlyEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect

/** Connects while it is mounted; another `url`, `name` or `subject` is another document. */
export function CollabDocument(props: CollabDocumentProps): ReactElement {
  const { url, name, subject } = props
  return createElement(Connected, { ...props, key: JSON.stringify([url, name, subject]) })
}

function Connected({ url, name, token, user, doc, children, ...options }: CollabDocumentProps): ReactElement {
  const [kept, setPlace] = useState(() => new Place(doc ?? new Y.Doc()))
  let place = kept
  if (doc !== undefined && doc !== place.doc) setPlace((place = new Place(doc)))
  const latest = useRef({ url, name, token, user, options })
  const used = useRef({ token, user })

  useEarlyEffect(() => {
    latest.current = { url, name, token, user, options }
  })
  useEarlyEffect(() => {
    const { url, name, token, user, options } = latest.current
    used.current = { token, user }
    const ask = typeof token === 'function' ? () => asked(latest.current.token) : token
    return place.use(new CollabProvider(url, name, place.doc, { ...options, ...(ask === undefined ? {} : { token: ask }), ...(user === undefined ? {} : { user }) }))
  }, [place])
  useEarlyEffect(() => {
    if (typeof token === 'function' || token === used.current.token) return
    used.current.token = token
    void place.provider?.authenticate(token ?? null)
  }, [place, token])
  useEarlyEffect(() => {
    if (user === undefined || keep(used.current.user, user) === used.current.user) return
    used.current.user = user
    place.provider?.setUser(user)
  }, [place, user])
  return createElement(Context.Provider, { value: place }, children)
}

function asked(token: TokenSource | undefined): string | null | Promise<string | null> {
  return typeof token === 'function' ? token() : (token ?? null)
}

function usePlace(): Place {
  const place = useContext(Context)
  if (place === null) throw new Error('this hook needs a <CollabDocument> around it')
  return place
}

/** Render again when `look` answers something else; `first` is what it answers on a server. */
function useWatched<T>(topic: Topic, look: (place: Place) => T, first: (place: Place) => T): T {
  const place = usePlace()
  const subscribe = useCallback((listener: () => void) => place.on(topic, listener), [place, topic])
  return useSyncExternalStore(
    subscribe,
    () => look(place),
    () => first(place),
  )
}

/** The document. It is there at once, and filled when `useSynced()` says so. */
export function useDoc(): Y.Doc {
  return usePlace().doc
}

/** The provider, for bindings of editors; null on a server and in the first render. */
export function useProvider(): CollabProvider | null {
  return useWatched('connection', (place) => place.provider, () => null)
}

/** `connecting`, `syncing`, `live`, `offline` or `closed`. */
export function useStatus(): State {
  return useWatched('connection', ({ provider }) => provider?.status ?? 'connecting', () => 'connecting')
}

/** Whether the document holds everything that the server has. */
export function useSynced(): boolean {
  return useWatched('connection', ({ provider }) => provider?.synced ?? false, () => false)
}

/** How many local changes are not on the server's disk yet. */
export function useUnsaved(): number {
  return useWatched('connection', ({ provider }) => provider?.unsaved ?? 0, () => 0)
}

const NOBODY: readonly Other[] = []

/** The others who are here, by client id. */
export function useOthers<S = Record<string, unknown>>(): readonly Other<S>[]
/** What `select` makes of them; renders when that is another value, however often somebody's cursor moves. */
export function useOthers<T, S = Record<string, unknown>>(select: (others: readonly Other<S>[]) => T): T
export function useOthers(select: (others: readonly Other[]) => unknown = same): unknown {
  const last = useRef<unknown>(undefined)
  const look = (others: readonly Other[]): unknown => (last.current = keep(last.current, select(others)))
  return useWatched('people', ({ others }) => look(others), () => look(NOBODY))
}

function same<T>(value: T): T {
  return value
}

/** A server cannot know which client id the page will have. */
const UNKNOWN: Self = { clientId: 0, user: {}, state: {}, role: null }

/** How the others see us, and what we may do. */
export function useSelf<S = Record<string, unknown>>(): Self<S> {
  return useWatched('people', (place) => place.self, () => UNKNOWN) as Self<S>
}

/** What we show to the others beside our name, and how to change it: the fields that are given, the rest stays. */
export function usePresence<S extends object = Record<string, unknown>>(): [Partial<S>, (fields: Partial<S>) => void] {
  const place = usePlace()
  const { state } = useSelf<S>()
  const show = useCallback((fields: Partial<S>) => place.show(fields as Record<string, unknown>), [place])
  return [state, show]
}

const NO_NOTICES: readonly KeptNotice[] = []

/** What the server said that people should know, the newest last; what is over takes what it was about along. */
export function useNotices(): readonly KeptNotice[] {
  return useWatched('notices', (place) => place.notices, () => NO_NOTICES)
}

/**
 * Hear what the others broadcast as `event`, and send to them; nobody keeps it.
 * @returns what sends; it answers false where there is no connection.
 */
export function useBroadcast<T = unknown>(event: string, listener?: (data: T, from: string) => void): (data: T) => boolean {
  const place = usePlace()
  const latest = useRef(listener)
  useEarlyEffect(() => {
    latest.current = listener
  })
  useEffect(
    () =>
      place.hear((message) => {
        if (message.event === event) latest.current?.(message.data as T, message.from)
      }),
    [place, event],
  )
  return useCallback((data: T) => place.provider?.broadcast(event, data) ?? false, [place, event])
}

export interface UsedStream<T> {
  /** Oldest first: the newest hundred, whatever came since, and what `more` has loaded. */
  events: readonly StreamedEvent<T>[]
  /** Own ones that the server has not confirmed; without a connection they wait. */
  waiting: readonly WaitingEvent<T>[]
  /** Add an event; the promise has its offset, once it is on the server's disk. */
  publish: (data: T, event?: string) => Promise<number>
  /** Load older ones; whether there may be more. */
  more: (limit?: number) => Promise<boolean>
}

const NOTHING: readonly never[] = []

/** A stream of the document, such as `chat`. */
export function useStream<T = unknown>(name: string): UsedStream<T> {
  const provider = useProvider()
  const stream = useMemo(() => provider?.stream<T>(name) ?? null, [provider, name])
  const follow = useCallback((listener: () => void) => stream?.follow(listener) ?? (() => undefined), [stream])
  const events = useSyncExternalStore<readonly StreamedEvent<T>[]>(follow, () => stream?.events ?? NOTHING, () => NOTHING)
  const waiting = useSyncExternalStore<readonly WaitingEvent<T>[]>(follow, () => stream?.waiting ?? NOTHING, () => NOTHING)
  return useMemo(
    () => ({
      events,
      waiting,
      publish: (data, event) => stream?.publish(data, event) ?? Promise.reject(new CollabError(NOT_YET)),
      more: (limit) => stream?.more(limit) ?? Promise.resolve(false),
    }),
    [stream, events, waiting],
  )
}

const NOT_YET = { code: 'internal', message: 'There is no provider before the first effect.', retryable: true } as const
