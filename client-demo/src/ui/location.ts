/** Addresses of pages: `/` and `/d/<document>`. */

import type { Kind } from '../editors/editor'

/** The document's name in the address, or null where there is none. */
export function documentInAddress(): string | null {
  const { pathname } = window.location
  if (!pathname.startsWith('/d/') || pathname === '/d/') return null
  try {
    return decodeURIComponent(pathname.slice(3)).normalize('NFC')
  } catch {
    // No name at all; as it stands there, so that the page can say so.
    return pathname.slice(3)
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
export function freshName(kind: Kind, folder = ''): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  const random = crypto.getRandomValues(new Uint8Array(10))
  return `${folder}${kind}-${[...random].map((byte) => letters[byte % letters.length]).join('')}`
}

const TOKEN = 'collab:token'
/** Where the browser keeps nothing for the tab. */
let tokenOfPage: string | null = null

/**
 * The token of this tab. A link carries it behind `#token=`, which browsers never send to a server;
 * it is taken out of the address at once, so that it is not shared by accident.
 */
export function tokenOfTab(): string | null {
  const brought = takeToken()
  if (brought !== null) {
    setTokenOfTab(brought)
    return brought
  }
  try {
    return sessionStorage.getItem(TOKEN)
  } catch {
    return tokenOfPage
  }
}

/** A link with a token was opened in this tab, which is not loaded anew for that: call back with what it brought. */
export function onTokenInAddress(use: (token: string) => void): void {
  addEventListener('hashchange', () => {
    const brought = takeToken()
    if (brought !== null) use(brought)
  })
}

/** Take the token out of the address; what else is behind `#` stays. */
function takeToken(): string | null {
  const { hash, pathname, search } = window.location
  const parts = hash.slice(1).split('&')
  const token = parts.find((part) => part.startsWith('token='))
  if (token === undefined) return null
  const rest = parts.filter((part) => !part.startsWith('token=')).join('&')
  history.replaceState(history.state, '', pathname + search + (rest === '' ? '' : `#${rest}`))
  return asToken(token)
}

/** The token in whatever was pasted: itself, or a link that carries it. Null where there is none. */
export function asToken(words: string): string | null {
  const carried = /(?:^|[#&])token=([^&\s]*)/.exec(words.trim())?.[1] ?? words.trim()
  try {
    return decodeURIComponent(carried) || null
  } catch {
    return carried || null
  }
}

/** Keep another token for this tab, or none. */
export function setTokenOfTab(token: string | null): void {
  tokenOfPage = token
  try {
    if (token === null) sessionStorage.removeItem(TOKEN)
    else sessionStorage.setItem(TOKEN, token)
  } catch {
    // Then it holds until the page is reloaded.
  }
}

/** What to call a document that nobody has named: its name, unless that was made up by {@link freshName}. */
export function untitled(document: string): string {
  const found = /(?:^|\/)(text|code|board)-[a-z2-9]{10}$/.exec(document)
  return found === null ? document : `Untitled ${found[1]}`
}
