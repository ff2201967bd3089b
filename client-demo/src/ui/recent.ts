/** What this browser remembers of documents, for the person of this tab: opened ones, hidden ones, refused ones. */

import type { Kind } from '../editors/editor'
import type { Fault } from 'collab-client'
import { keptName, subjectOfTab } from './identity'

export interface Recent {
  name: string
  title: string
  /** Null for a document of another editor. */
  kind: Kind | null
  /** Epoch milliseconds. */
  opened: number
}

const RECENT = 'collab:recent'
const HIDDEN = 'collab:hidden'
const REFUSED = 'collab:refused'
const AT_MOST = 100
const KINDS: readonly unknown[] = ['text', 'code', 'board']

/** What was opened here, newest first. */
export function recentDocuments(): Recent[] {
  const value = read(RECENT)
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: Partial<Recent> | null) => {
    const { name, title, kind, opened } = entry ?? {}
    if (typeof name !== 'string' || typeof opened !== 'number') return []
    return [{ name, title: typeof title === 'string' ? title : name, kind: KINDS.includes(kind) ? (kind as Kind) : null, opened }]
  })
}

/** Put a document on top; it is on the list again. */
export function remember(document: Recent): void {
  write(RECENT, [document, ...recentDocuments().filter((entry) => entry.name !== document.name)].slice(0, AT_MOST))
  if (hiddenDocuments().has(document.name)) write(HIDDEN, [...hiddenDocuments()].filter((name) => name !== document.name))
}

/** What is there no more is not remembered. */
export function forget(name: string): void {
  write(RECENT, recentDocuments().filter((entry) => entry.name !== name))
}

/** Take a document off the list, also where the server lists it; until it is opened again. */
export function hide(name: string): void {
  forget(name)
  write(HIDDEN, [name, ...[...hiddenDocuments()].filter((other) => other !== name)].slice(0, 10 * AT_MOST))
}

/** Put a document that was hidden on the list again. */
export function unhide(name: string): void {
  write(HIDDEN, [...hiddenDocuments()].filter((other) => other !== name))
}

/** Names of documents that are not to be listed. */
export function hiddenDocuments(): Set<string> {
  const value = read(HIDDEN)
  return new Set(Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [])
}

/** The server said no, and its copy here stays closed until it says yes; null takes that back. */
export function rememberRefusal(name: string, fault: Fault | null): void {
  const { [name]: _, ...others } = refusals()
  const { code, message } = fault ?? {}
  write(REFUSED, fault === null ? others : { ...others, [name]: { code, message } })
}

/** What the server last said to the person of this tab about a document, where that was no. */
export function rememberedRefusal(name: string): Fault | null {
  const known = refusals()
  const { code, message } = (Object.hasOwn(known, name) ? known[name] : null) ?? {}
  return typeof code === 'string' && typeof message === 'string' ? { code, message, retryable: false } : null
}

function refusals(): Record<string, Partial<Fault>> {
  const value = read(REFUSED)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, Partial<Fault>>) : {}
}

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(keptName(key, subjectOfTab())) ?? 'null')
  } catch {
    return null
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(keptName(key, subjectOfTab()), JSON.stringify(value))
  } catch {
    // Without storage nothing is remembered; everything else works.
  }
}
