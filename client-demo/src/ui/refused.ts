/** What the server would not have: shown, so that it can be copied, and one goes on. */

import { Copy } from 'lucide'
import { adviceFor, asText, type CollabProvider, type Refused } from 'collab-client'
import { fill, h } from './dom'
import { icon } from './icons'
import { openDialog } from './overlays'
import { closeToast, toast } from './toasts'
import './refused.css'

/** So much of one is shown; all of it is copied. */
const SHOWN = 4_000

/** Tell of every change that could not be saved. */
export function watchRefused(provider: CollabProvider): void {
  provider.on('refused', () => {
    const count = provider.refused.length
    toast({
      key: 'refused',
      tone: 'warn',
      sticky: true,
      words: count === 1 ? '1 change could not be saved. Everything else is.' : `${count} changes could not be saved. Everything else is.`,
      action: { label: 'Show', run: () => showRefused(provider) },
    })
  })
}

/** The dialog with all of them. */
export function showRefused(provider: CollabProvider): void {
  const list = provider.refused
  if (list.length === 0) return
  closeToast('refused')
  const done = h('button', { class: 'button', type: 'button' }, 'Done')
  const close = openDialog(
    list.length === 1 ? 'A change could not be saved' : `${list.length} changes could not be saved`,
    h('p', { class: 'quiet' }, 'The server would not take this, so it was taken out of the document, for everybody alike. Copy what you need; everything else is saved.'),
    h('div', { class: 'refused-list' }, ...list.map((refused) => entry(refused))),
    h('div', { class: 'row' }, done),
  )
  done.onclick = () => {
    provider.forgetRefused()
    close()
  }
}

function entry(refused: Refused): HTMLElement {
  const whole = asText(refused)
  const shown = whole.length > SHOWN ? `${whole.slice(0, SHOWN)}...` : whole
  const copy = h('button', { class: 'button plain', type: 'button' }, icon(Copy), 'Copy')
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(whole)
      fill(copy, icon(Copy), 'Copied')
    } catch {
      toast({ words: 'The browser does not let this page copy. Select the text and copy it by hand.', tone: 'warn' })
    }
  }
  const when = new Date(refused.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  return h(
    'section',
    { class: 'refused' },
    h('div', { class: 'refused-head' }, h('strong', { class: 'grow' }, reason(refused)), copy),
    h('pre', { class: 'refused-content', tabIndex: 0 }, shown),
    h('div', { class: 'quiet small' }, `${when} · ${sizeInWords(refused.bytes)} · `, h('code', {}, refused.fault.code)),
  )
}

function reason({ fault }: Refused): string {
  return fault.code === 'update_too_large' ? 'Too large to be one change.' : [fault.message, adviceFor(fault)].filter(Boolean).join(' ')
}

function sizeInWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
