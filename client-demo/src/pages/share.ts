/** The share dialog: a link, and with access control the way to give somebody less than everything. */

import { Copy } from 'lucide'
import type { Session } from 'collab-client'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { addressOf } from '../ui/location'
import { openDialog } from '../ui/overlays'
import { toast } from '../ui/toasts'

const ROLE_WORDS: Record<string, string> = {
  viewer: 'You can view this document.',
  commenter: 'You can view this document and comment on it.',
  editor: 'You can edit this document.',
  admin: 'You can edit this document, and delete it.',
}

/** What a role lets one do; nothing is said of one that this page does not know. */
function roleWords(role: string): string {
  return Object.hasOwn(ROLE_WORDS, role) ? (ROLE_WORDS[role] ?? '') : ''
}

/** Open the dialog. `hasToken`: this tab signed in, so the server asks others to do so too. */
export function openShare(document: string, session: Session | null, hasToken: boolean): void {
  const address = location.origin + addressOf(document)
  const link = h('input', { class: 'field', readOnly: true, value: address, 'aria-label': 'Link' })
  link.addEventListener('focus', () => link.select())
  openDialog(
    'Share',
    h('p', { class: 'quiet' }, hasToken ? 'This link opens the document for people who are signed in.' : 'Whoever opens this link works on this document with you.'),
    h('div', { class: 'row' }, link, copyButton('Copy link', () => link.value, 'Link copied.')),
    hasToken && roleSection(document, address),
    session !== null && h('p', { class: 'small quiet' }, roleWords(session.role)),
  )
}

/** Tokens are made by whoever runs the server; this page helps to ask for the right one, and to pass it on. */
function roleSection(document: string, address: string): HTMLElement {
  const role = h('select', { class: 'field', 'aria-label': 'Role' }, h('option', { value: 'viewer' }, 'can view'), h('option', { value: 'editor' }, 'can edit'))
  const command = h('code', { class: 'share-command' })
  const token = h('input', { class: 'field', placeholder: 'Paste the token here', 'aria-label': 'Token for the link', autocomplete: 'off' })
  const withToken = (): string | null => {
    const words = token.value.trim()
    if (words !== '') return `${address}#token=${encodeURIComponent(words)}`
    token.focus()
    toast({ words: 'Paste the token first: without it the link lets nobody in.', tone: 'warn', key: 'copied' })
    return null
  }
  const show = (): void => fill(command, commandFor(document, role.value))
  role.addEventListener('change', show)
  show()
  return h(
    'div',
    { class: 'share-role' },
    h('h3', { class: 'small' }, 'A link that signs in'),
    h('div', { class: 'row' }, h('span', { class: 'quiet' }, 'Whoever has it'), role),
    h('p', { class: 'small quiet' }, 'Make a token on the server:'),
    h('div', { class: 'row' }, command, copyButton('Copy', () => command.textContent ?? '', 'Command copied.')),
    h(
      'div',
      { class: 'row' },
      token,
      copyButton('Copy link', withToken, 'Link with access copied.'),
    ),
  )
}

function commandFor(document: string, role: string): string {
  // Single quotes for the shell; a quote in the name ends them, stands by itself, begins them again.
  const entry = `${document}=${role}`.replaceAll("'", `'\\''`)
  // --document takes the name as it is: as a --grant, a document named `*` would open all of them.
  return `collab token create --sub guest --document '${entry}' --ttl 24h`
}

/** `textOf` gives null where there is nothing to copy, and has said why. */
function copyButton(label: string, textOf: () => string | null, done: string): HTMLElement {
  return h('button', { class: 'button', type: 'button', onclick: () => void copy(textOf(), done) }, icon(Copy), label)
}

async function copy(text: string | null, done: string): Promise<void> {
  if (text === null) return
  try {
    await navigator.clipboard.writeText(text)
    toast({ words: done, tone: 'good', key: 'copied' })
  } catch {
    toast({ words: 'The browser did not allow copying. Select the text and copy it by hand.', tone: 'warn', key: 'copied' })
  }
}
