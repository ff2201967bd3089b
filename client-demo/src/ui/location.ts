/** Addresses of pages: `/` and `/d/<document>`. */

import type { Kind } from '../editors/editor'

/** The document's name in the address, or null where there is none. */
export function documentInAddress(): string | null {
  const { pathname } = window.location
  if (!pathname.startsWith('/d/')) return null
  try {
    return decodeURIComponent(pathname.slice(3)).normalize('NFC') || null
  } catch {
    return null
  }
}

/** The address of a document's page; `kind` is a wish for one that does not exist yet. */
export function addressOf(document: string, kind?: Kind): string {
  const path = document.split('/').map(encodeURIComponent).join('/')
  return `/d/${path}${kind === undefined ? '' : `?kind=${kind}`}`
}

/** The kind wished for in the address. */
export function kindInAddress(): Kind | null {
  const kind = new URLSearchParams(window.location.search).get('kind')
  return kind === 'text' || kind === 'code' || kind === 'board' ? kind : null
}

/** A name for a new document: short to read out, long enough not to be met by chance. */
export function freshName(kind: Kind): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  const random = crypto.getRandomValues(new Uint8Array(10))
  return `${kind}-${[...random].map((byte) => letters[byte % letters.length]).join('')}`
}

const TOKEN = 'collab:token'
/** Where the browser keeps nothing for the tab. */
let tokenOfPage: string | null = null

/**
 * The token of this tab. A link carries it behind `#token=`, which browsers never send to a server;
 * it is taken out of the address at once, so that it is not shared by accident.
 */
export function tokenOfTab(): string | null {
  const fragment = new URLSearchParams(window.location.hash.slice(1))
  const token = fragment.get('token')
  if (token !== null) {
    history.replaceState(null, '', window.location.pathname + window.location.search)
    setTokenOfTab(token)
    return token
  }
  try {
    return sessionStorage.getItem(TOKEN)
  } catch {
    return tokenOfPage
  }
}

/** Keep another token for this tab. */
export function setTokenOfTab(token: string): void {
  tokenOfPage = token
  try {
    sessionStorage.setItem(TOKEN, token)
  } catch {
    // Then it holds until the page is reloaded.
  }
}

/** What to call a document that nobody has named: its name, unless that was made up by {@link freshName}. */
export function untitled(document: string): string {
  const found = /^(text|code|board)-[a-z2-9]{10}$/.exec(document)
  return found === null ? document : `Untitled ${found[1]}`
}
