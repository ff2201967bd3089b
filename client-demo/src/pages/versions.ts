/** Versions: a timeline by day; a click previews, Restore brings back. */

import { X } from 'lucide'
import * as Y from 'yjs'
import type { Kind } from '../editors/editor'
import { ApiError, type Api, type Version } from '../ui/api'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { openDialog } from '../ui/overlays'
import { toast } from '../ui/toasts'
import { ago, bytes } from '../ui/words'
import { versionPreview } from './versionPreview'
import './versions.css'

/** Whom the server names as the author where nobody signs in. */
const ANONYMOUS = 'Anonymous'
/** How long a version waits for edits that are on their way. */
const SAVING_PATIENCE = 3_000
/** How often an open list looks for what others named. */
const REFRESH = 4_000

export interface VersionsOptions {
  api: Api
  doc: Y.Doc
  document: string
  /** Null for a document of another editor. */
  kind: Kind | null
  readOnly: () => boolean
  /** Show an element instead of the editor, or the editor again. */
  onPreview: (element: HTMLElement | null) => void
  onClose: () => void
  /** Resolves once this page's edits are on the server, where versions are made. */
  saved: () => Promise<void>
}

/** Make the panel from a first list; it asks again after every change of its own. */
export function versionsPanel(first: Version[], options: VersionsOptions): { element: HTMLElement; destroy(): void } {
  const { api, document: name } = options
  const list = h('div', { class: 'versions-list' })
  const field = h('input', { class: 'field', placeholder: 'Name this version', 'aria-label': 'Name of the version', maxLength: 80 })
  const form = h('form', { class: 'row versions-name' }, field, h('button', { class: 'button', type: 'submit' }, 'Save'))
  /** Display names by participant; of those who have left, their ids are all there is. */
  const names = new Map<string, string>()
  let versions = first
  let shown: string | null = null

  const reload = async (): Promise<void> => {
    const before = JSON.stringify(versions)
    versions = (await api.versions(name)) ?? []
    if (JSON.stringify(versions) === before && form.hidden === options.readOnly()) return
    render()
    void learnNames()
  }
  const learnNames = async (): Promise<void> => {
    if (!versions.some(({ author }) => author !== null && author !== ANONYMOUS && !names.has(author))) return
    for (const [id, called] of await api.names(name).catch(() => [])) names.set(id, called)
    render()
  }

  const render = (): void => {
    // Whoever is in the list stays where they are.
    const at = document.activeElement?.closest<HTMLElement>('.version')?.dataset['id']
    draw()
    if (at !== undefined) list.querySelector<HTMLElement>(`.version[data-id="${CSS.escape(at)}"] button`)?.focus({ preventScroll: true })
  }
  const draw = (): void => {
    form.hidden = options.readOnly()
    if (versions.length === 0) {
      const naming = options.readOnly() ? '.' : '; name one to keep it for good.'
      fill(list, h('p', { class: 'quiet versions-empty' }, `No versions yet. The server keeps one from time to time${naming}`))
      return
    }
    const days = new Map<string, Version[]>()
    for (const version of versions) {
      const day = new Date(version.created).toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
      days.set(day, [...(days.get(day) ?? []), version])
    }
    fill(
      list,
      ...[...days].map(([day, entries]) => h('section', {}, h('h3', {}, day), h('ol', {}, ...entries.map((version) => entry(version))))),
    )
  }

  const entry = (version: Version): HTMLElement => {
    const time = new Date(version.created).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
    const words = version.name ?? 'Automatic'
    const author = version.author === null || version.author === ANONYMOUS ? null : (names.get(version.author) ?? version.author)
    return h(
      'li',
      { class: version.automatic ? 'version automatic' : 'version', 'data-id': version.id, 'aria-current': version.id === shown ? 'true' : undefined },
      h(
        'button',
        { type: 'button', title: ago(version.created), onclick: () => void show(version) },
        h('span', { class: 'version-time' }, time),
        h('span', { class: 'version-words' }, version.automatic ? words : h('strong', {}, words), author !== null && h('span', { class: 'quiet' }, author)),
        h('span', { class: 'quiet small' }, bytes(version.size)),
      ),
    )
  }

  const show = async (version: Version): Promise<void> => {
    if (shown === version.id) return back()
    shown = version.id
    render()
    try {
      const preview = await versionPreview({
        version,
        kind: options.kind,
        live: options.doc,
        load: () => load(version),
        onBack: back,
        onRestore: options.readOnly() ? null : () => askRestore(version),
      })
      if (shown === version.id) options.onPreview(preview)
    } catch (error) {
      if (shown === version.id) back()
      toast({ words: wordsOf(error, 'This version cannot be shown.'), tone: 'bad' })
    }
  }
  const load = async (version: Version): Promise<{ then: Y.Doc; before: Y.Doc | null }> => {
    const older = versions[versions.findIndex(({ id }) => id === version.id) + 1]
    const [then, before] = await Promise.all([stateOf(version), older === undefined ? null : stateOf(older)])
    return { then, before }
  }
  const stateOf = async (version: Version): Promise<Y.Doc> => {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, await api.version(name, version.id))
    return doc
  }
  const back = (): void => {
    shown = null
    options.onPreview(null)
    render()
  }

  const askRestore = (version: Version): void => {
    const close = openDialog(
      'Restore this version?',
      h('p', {}, `The document becomes “${version.name ?? 'Automatic version'}” of ${when(version.created)} again, for everybody who has it open. What is there now is kept in the list of versions first.`),
      h(
        'div',
        { class: 'row' },
        h('button', { class: 'button primary', type: 'button', onclick: () => { close(); void restore(version) } }, 'Restore'),
        h('button', { class: 'button', type: 'button', onclick: () => close() }, 'Cancel'),
      ),
    )
  }
  const restore = async (version: Version): Promise<void> => {
    try {
      await settled()
      // The way back: what was there, under a name.
      const before = await api.nameVersion(name, 'Before restoring')
      await api.restore(name, version.id)
      back()
      toast({
        words: 'Version restored.',
        tone: 'good',
        action: { label: 'Undo', run: () => void undo(before) },
      })
      await reload()
    } catch (error) {
      toast({ words: wordsOf(error, 'This version could not be restored.'), tone: 'bad' })
    }
  }
  const undo = async (before: Version): Promise<void> => {
    try {
      await api.restore(name, before.id)
      toast({ words: 'The document is as it was before.', tone: 'good' })
      await reload()
    } catch (error) {
      toast({ words: wordsOf(error, 'This could not be undone.'), tone: 'bad' })
    }
  }

  /** A version holds what the server has; edits on their way there belong into it. */
  const settled = (): Promise<unknown> => Promise.race([options.saved().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, SAVING_PATIENCE))])

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const words = field.value.trim()
    if (words === '') return
    field.value = ''
    void settled().then(() => api.nameVersion(name, words)).then(reload).catch((error: unknown) => toast({ words: wordsOf(error, 'The version could not be saved.'), tone: 'bad' }))
  })
  const onKey = (event: KeyboardEvent): void => {
    // A dialog that asks takes Escape for itself.
    if (event.key === 'Escape' && shown !== null && document.querySelector('dialog[open]') === null) back()
  }
  addEventListener('keydown', onKey)
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') void reload().catch(() => undefined)
  }, REFRESH)
  render()
  void learnNames()
  return {
    element: h(
      'aside',
      { class: 'side-panel', 'aria-label': 'Versions' },
      h(
        'div',
        { class: 'side-head' },
        h('h2', {}, 'Versions'),
        h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Close versions', onclick: options.onClose }, icon(X)),
      ),
      form,
      list,
    ),
    destroy: () => {
      clearInterval(timer)
      removeEventListener('keydown', onKey)
      options.onPreview(null)
    },
  }
}

function when(time: number): string {
  return new Date(time).toLocaleString(undefined, { day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' })
}

function wordsOf(error: unknown, otherwise: string): string {
  return error instanceof ApiError ? error.message : otherwise
}
