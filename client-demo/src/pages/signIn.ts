/** Signing in and out, and forgetting: dialogs and entries of menus, the same on every page. */

import { forgetDevice, signOut, unsavedOnDevice } from '../ui/device'
import { h } from '../ui/dom'
import { asToken, tokenOfTab } from '../ui/location'
import { openDialog, type MenuItem } from '../ui/overlays'

/** Ask for a token; `use` gets it. */
export function askForToken(use: (token: string) => void): void {
  const field = h('input', { class: 'field', placeholder: 'Paste a token or a link', 'aria-label': 'Token', autocomplete: 'off' })
  const form = h('form', { class: 'row', method: 'dialog' }, field, h('button', { class: 'button primary', type: 'submit' }, 'Sign in'))
  const close = openDialog('Sign in', h('p', { class: 'quiet' }, 'Paste the access token that you were given. It stays in this tab.'), form)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const token = asToken(field.value)
    if (token === null) return
    close()
    use(token)
  })
}

/** Entries of a menu for whoever leaves this device. `close` ends what the page keeps open. */
export function leavingItems(close: () => void): MenuItem[] {
  return [
    ...(tokenOfTab() === null ? [] : [{ label: 'Sign out', run: () => askToSignOut(close) }]),
    { label: 'Forget this device...', run: () => askToForget(close) },
  ]
}

function askToSignOut(close: () => void): void {
  const unsaved = unsavedOnDevice()
  if (unsaved === 0) return signOut(close)
  ask('Sign out?', `${changes(unsaved)} not on the server yet. They are kept on this device, closed to everybody else, and sent when you sign in here again.`, 'Sign out', () => signOut(close))
}

function askToForget(close: () => void): void {
  const unsaved = unsavedOnDevice()
  const lost = unsaved === 0 ? '' : ` ${changes(unsaved)} not on the server yet: they would be lost.`
  ask(
    'Forget this device?',
    `This browser deletes what it keeps: its copies of documents, the list of what was opened, your name and settings, for everybody who used it.${lost} Documents on the server stay as they are.`,
    'Forget everything here',
    () => void forgetDevice(close),
  )
}

function changes(count: number): string {
  return count === 1 ? '1 change is' : `${count} changes are`
}

function ask(title: string, words: string, label: string, run: () => void): void {
  const close = openDialog(
    title,
    h('p', {}, words),
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'button danger', type: 'button', onclick: () => { close(); run() } }, label),
      h('button', { class: 'button', type: 'button', onclick: () => close() }, 'Cancel'),
    ),
  )
}
