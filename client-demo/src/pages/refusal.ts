/** What stands where the document would be, for those whom the server does not let in. */

import { adviceFor, turnedAway, type Fault, type Status } from 'collab-client'
import { h } from '../ui/dom'

/** Whoever is told one of these sees nothing of the document, whatever this browser keeps of it. */
const HIDING = new Set(['unauthorized', 'forbidden', 'invalid_document'])

/** Whether an answer of the server closes the copy in this browser, too. */
export function hides(fault: Fault): boolean {
  return HIDING.has(fault.code) && !fault.retryable
}

/**
 * Why there is nothing to show, or null.
 * @param kept whether this page has something of the document.
 * @param before what the server said to an earlier page of the same person.
 */
export function whyNothing(status: Status, kept: boolean, before: Fault | null): Fault | null {
  const fault = turnedAway(status)
  if (fault !== null && hides(fault)) return fault
  if (before !== null && status.phase !== 'live') return before
  if (status.wasLive || fault === null) return null
  // An expired sign-in is nobody's, until it was renewed.
  return kept && fault.code !== 'token_expired' ? null : fault
}

/** The words, and what can be done. */
export function refusalPage(fault: Fault, unsaved: number, on: { retry(): void; signIn(): void }): HTMLElement {
  const action =
    fault.code === 'invalid_document'
      ? null
      : fault.retryable
        ? h('button', { class: 'button', type: 'button', onclick: on.retry }, 'Try now')
        : h('button', { class: 'button', type: 'button', onclick: on.signIn }, fault.code === 'token_expired' ? 'Sign in again' : 'Use an access token')
  const kept = unsaved > 0 && `${unsaved === 1 ? 'One change of yours is' : `${unsaved} changes of yours are`} kept on this device until you are let in again.`
  return h(
    'section',
    { class: 'refusal' },
    h('h1', {}, fault.message),
    h('p', { class: 'quiet' }, [adviceFor(fault), fault.retryable && 'This page goes on trying, and opens by itself.', kept].filter(Boolean).join(' ')),
    h('p', { class: 'row' }, h('a', { class: 'button', href: '/' }, 'All documents'), action),
    h('p', { class: 'small quiet' }, fault.code),
  )
}
