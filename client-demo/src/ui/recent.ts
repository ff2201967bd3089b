/** Documents that this browser opened, newest first. */

import type { Kind } from '../editors/editor'

export interface Recent {
  name: string
  title: string
  kind: Kind
  /** Epoch milliseconds. */
  opened: number
}

const KEY = 'collab:recent'
const AT_MOST = 100

/** What was opened here. */
export function recentDocuments(): Recent[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    if (!Array.isArray(value)) return []
    return value.filter((entry): entry is Recent => typeof entry?.name === 'string' && typeof entry.opened === 'number')
  } catch {
    return []
  }
}

/** Put a document on top. */
export function remember(document: Recent): void {
  store([document, ...recentDocuments().filter((entry) => entry.name !== document.name)].slice(0, AT_MOST))
}

/** Take a document off the list. */
export function forget(name: string): void {
  store(recentDocuments().filter((entry) => entry.name !== name))
}

function store(entries: Recent[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries))
  } catch {
    // Without storage there is no list; everything else works.
  }
}
