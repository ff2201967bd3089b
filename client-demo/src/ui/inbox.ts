/** What was said to us: in words, as toasts, and, if one asked for that, as notifications of the browser. */

import type { InboxEntry } from 'collab-client'
import { plainWords } from '../chat/talk'
import type { Api } from './api'
import { claimsOf, rememberedPerson } from './identity'
import { addressOf, tokenOfTab } from './location'
import { toast } from './toasts'

const WANTED = 'collab:notify'
/** Characters of what was said that a line at the edge of the page has room for. */
const LONGEST = 80

/** "Ben mentioned you". */
export function whatHappened({ type, from }: InboxEntry): string {
  const who = from.name ?? 'Somebody'
  if (type === 'reply') return `${who} answered you`
  return type === 'mention' ? `${who} mentioned you` : `${who} wrote to you`
}

/** What was said, with us called by our name. */
export function whatWasSaid({ excerpt }: InboxEntry, subject: string): string {
  return plainWords(excerpt, (id) => (id === subject ? ownName(subject) : id))
}

function ownName(subject: string): string {
  const { name } = claimsOf(tokenOfTab())
  return rememberedPerson(subject)?.name ?? (typeof name === 'string' ? name : 'you')
}

/** Where it was said. */
export function whereItIs({ document }: InboxEntry): string {
  return `${addressOf(document)}#chat`
}

/** Tell of new entries; `show` leads to one. */
export function heard(entries: readonly InboxEntry[], subject: string, show: (entry: InboxEntry) => void): void {
  for (const entry of entries.filter(({ read }) => !read)) {
    toast({ key: `inbox ${entry.id}`, words: `${whatHappened(entry)}: ${shortened(whatWasSaid(entry, subject))}`, action: { label: 'Show', run: () => show(entry) } })
    notify(entry, subject, () => show(entry))
  }
}

function shortened(words: string): string {
  return words.length > LONGEST ? `${words.slice(0, LONGEST).trimEnd()}...` : words
}

/** The chat of a document is before our eyes: what the inbox has of it is read. */
export async function readInboxOf(api: Api, document: string): Promise<void> {
  if (tokenOfTab() === null) return
  try {
    const ids = ((await api.inbox(true))?.events ?? []).flatMap((entry) => (entry.document === document && entry.stream === 'chat' ? [entry.id] : []))
    if (ids.length > 0) await api.markRead({ ids })
  } catch {
    // It stays unread, then.
  }
}

// -- notifications of the browser --------------------------------------------------------------

/** `none`: this browser has none, or not for this address. */
export type Notifying = 'on' | 'off' | 'blocked' | 'none'

export function notifying(): Notifying {
  if (typeof Notification === 'undefined' || !isSecureContext) return 'none'
  if (Notification.permission === 'denied') return 'blocked'
  return Notification.permission === 'granted' && wanted() ? 'on' : 'off'
}

/** Ask for them, or have no more of them. Only after a click. */
export async function changeNotifying(): Promise<void> {
  const on = notifying() !== 'on' && (await Notification.requestPermission()) === 'granted'
  try {
    if (on) localStorage.setItem(WANTED, '1')
    else localStorage.removeItem(WANTED)
  } catch {
    // Then they are not shown.
  }
}

/** Once, however many tabs hear of it; and not to somebody who looks at the page. */
export function notify(entry: InboxEntry, subject: string, show: () => void): void {
  if (notifying() !== 'on' || (document.visibilityState === 'visible' && document.hasFocus())) return
  const title = whatHappened(entry)
  const options = { body: whatWasSaid(entry, subject), tag: `collab-${entry.id}`, icon: '/icon.svg', data: whereItIs(entry) }
  try {
    const shown = new Notification(title, options)
    shown.onclick = () => {
      shown.close()
      window.focus()
      show()
    }
  } catch {
    // Phones let only the service worker show them.
    void navigator.serviceWorker?.getRegistration().then((worker) => worker?.showNotification(title, options))
  }
}

function wanted(): boolean {
  try {
    return localStorage.getItem(WANTED) === '1'
  } catch {
    return false
  }
}
