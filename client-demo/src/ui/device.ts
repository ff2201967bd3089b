/** Leaving: signing out of every tab, and forgetting what this browser keeps. */

import { subjectOf } from './identity'
import { setTokenOfTab, tokenOfTab } from './location'

const PREFIX = 'collab:'
const UNSAVED = 'collab:unsaved:'
const CHAT = 'collab:chat:'
/** A database that a sleeping tab holds open is deleted when that tab is gone; nobody waits for it. */
const PATIENCE = 2_000

type Letter = { kind: 'sign-out'; subject: string } | { kind: 'forget' }

const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('collab:device')

/** Another tab signed out, or forgets: call back before this one leaves, so that it writes nothing more. */
export function onLeaving(close: () => void): void {
  channel?.addEventListener('message', ({ data }: MessageEvent<Letter>) => {
    if (data.kind === 'sign-out' && data.subject !== subjectOf(tokenOfTab())) return
    close()
    setTokenOfTab(null)
    location.assign('/')
  })
  // A page that comes out of the browser's memory may be that of somebody who has left.
  const subject = subjectOf(tokenOfTab())
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted && subject !== subjectOf(tokenOfTab())) location.reload()
  })
}

/** Sign out of all tabs of this person. Their copies stay, closed to others, until they sign in again. */
export function signOut(close: () => void): void {
  channel?.postMessage({ kind: 'sign-out', subject: subjectOf(tokenOfTab()) } satisfies Letter)
  close()
  setTokenOfTab(null)
  location.assign('/')
}

/** Delete everything that pages of this server keep in this browser. */
export async function forgetDevice(close: () => void): Promise<void> {
  channel?.postMessage({ kind: 'forget' } satisfies Letter)
  close()
  setTokenOfTab(null)
  for (const store of [() => localStorage, () => sessionStorage]) clear(store)
  await Promise.race([deleteDatabases(), new Promise((resolve) => setTimeout(resolve, PATIENCE))])
  // What a page wrote while it was closed.
  clear(() => localStorage)
  location.assign('/')
}

/** Changes of anybody that are kept in this browser only. */
export function unsavedOnDevice(): number {
  let sum = 0
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(CHAT)) sum += (JSON.parse(localStorage.getItem(key) ?? '{}') as { drafts?: unknown[] }).drafts?.length ?? 0
      if (!key.startsWith(UNSAVED)) continue
      const entries = JSON.parse(localStorage.getItem(key) ?? '{}') as Record<string, unknown>
      for (const changes of Object.values(entries)) if (typeof changes === 'number' && changes > 0) sum += changes
    }
  } catch {
    // Nothing readable, nothing to count.
  }
  return sum
}

function clear(store: () => Storage): void {
  try {
    for (const key of Object.keys(store())) if (key.startsWith(PREFIX)) store().removeItem(key)
  } catch {
    // A storage that is forbidden holds nothing.
  }
}

async function deleteDatabases(): Promise<void> {
  if (typeof indexedDB === 'undefined') return
  const names = (await indexedDB.databases()).flatMap(({ name }) => (name?.startsWith(PREFIX) === true ? [name] : []))
  await Promise.all(
    names.map(
      (name) =>
        new Promise<void>((resolve) => {
          const request = indexedDB.deleteDatabase(name)
          request.onsuccess = request.onerror = () => resolve()
        }),
    ),
  )
}
