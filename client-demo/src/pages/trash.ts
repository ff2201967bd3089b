/** What was deleted and can be brought back, below the list of the home page; nothing where there is nothing. */

import { Undo2 } from 'lucide'
import { ApiError, type Api, type Deleted } from '../ui/api'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { untitled } from '../ui/location'
import { toast } from '../ui/toasts'
import { ago, bytes } from '../ui/words'

/** The section, and how to ask the server again; `back` is called with what was brought back. */
export function trash(api: Api, back: (name: string) => void): { section: HTMLElement; refresh: () => Promise<void> } {
  const list = h('ul', {})
  const section = h('section', { class: 'trash', 'aria-label': 'Deleted', hidden: true }, h('div', { class: 'documents-head' }, h('h2', {}, 'Deleted')), h('div', { class: 'rows' }, list))

  const restore = async (name: string): Promise<void> => {
    try {
      await api.undelete(name)
      toast({ words: `“${untitled(name)}” is back.`, tone: 'good' })
      back(name)
    } catch (error) {
      toast({ words: error instanceof ApiError ? error.message : 'The document could not be brought back.', tone: 'bad' })
    }
    await refresh()
  }
  const refresh = async (): Promise<void> => {
    const { documents } = await api.deleted().catch(() => ({ documents: [] as Deleted[] }))
    section.hidden = documents.length === 0
    const latest = [...documents].sort((a, b) => (a.deleted_at < b.deleted_at ? 1 : -1))
    const focused = list.contains(document.activeElement) ? document.activeElement?.closest('li')?.dataset['name'] : undefined
    fill(list, ...latest.map((each) => rowOf(each, () => void restore(each.name))))
    if (focused !== undefined) list.querySelector<HTMLElement>(`li[data-name="${CSS.escape(focused)}"] button`)?.focus({ preventScroll: true })
  }
  return { section, refresh }
}

function rowOf({ name, size, deleted_at, expires_at }: Deleted, restore: () => void): HTMLElement {
  return h(
    'li',
    { class: 'deleted-row', 'data-name': name },
    h('span', { class: 'row-title' }, untitled(name)),
    h('span', { class: 'row-time', title: `Gone for good ${ago(Date.parse(expires_at))}` }, `deleted ${ago(Date.parse(deleted_at))}`),
    h('span', { class: 'row-size' }, bytes(size)),
    h('button', { class: 'button', type: 'button', 'aria-label': `Restore ${untitled(name)}`, onclick: restore }, icon(Undo2), 'Restore'),
  )
}
