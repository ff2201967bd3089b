/** Deleting a document for everybody: what will happen is said first. */

import { ApiError, type Api } from '../ui/api'
import { h } from '../ui/dom'
import { openDialog } from '../ui/overlays'
import { toast } from '../ui/toasts'
import { span } from '../ui/words'

export interface Deleting {
  api: Api
  document: string
  title: string
  /** How many others are here now. */
  others: number
  /** It is gone: nothing of it is to stay here. */
  onGone: () => Promise<void>
}

/** Ask, and delete. */
export async function askDelete(asked: Deleting): Promise<void> {
  const { api, title, others } = asked
  const { keep } = await api.deleted().catch(() => ({ keep: 0 }))
  const undoing = keep > 0 ? `For ${span(keep)} the home page can bring it back.` : 'This cannot be undone.'
  const lost = others === 0 ? 'It is gone for everybody' : `It is gone for everybody, also for the ${others === 1 ? 'person' : `${others} people`} here now`
  const close = openDialog(
    `Delete “${title}”?`,
    h('p', {}, `${lost}, with all its versions. ${undoing}`),
    h('div', { class: 'row' },
      h('button', { class: 'button danger', type: 'button', onclick: () => { close(); void remove(asked) } }, 'Delete for everybody'),
      h('button', { class: 'button', type: 'button', onclick: () => close() }, 'Cancel'),
    ),
  )
}

async function remove({ api, document, onGone }: Deleting): Promise<void> {
  try {
    await api.remove(document)
    await onGone()
    location.assign('/')
  } catch (error) {
    toast({ words: error instanceof ApiError ? error.message : 'The document could not be deleted.', tone: 'bad' })
  }
}
