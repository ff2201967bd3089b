/** The text editor: Quill on the document's root text `body`. */

import 'quill/dist/quill.core.css'
import { QuillBinding } from 'y-quill'
import * as Y from 'yjs'

import { h, oncePerFrame } from '../../ui/dom'
import { peersOf } from '../../ui/presence'
import type { Editor, EditorContext } from '../editor'
import { pictureOf } from '../pictures'
import { placeOf, placeTeller } from '../places'
import { markdownShortcuts } from './markdown'
import { remoteCarets } from './remoteCarets'
import { Delta, FORMATS, Quill, TABS } from './setup'
import { tolerated } from './tolerance'
import { toolbar } from './toolbar'
import './text.css'

/** What a screen reader hears of the text. */
const KEYS = 'Alt F10 leads to the formatting bar, Escape back. Tab indents in lists and code; after Escape it always moves on.'

/** Typing without a pause for so many milliseconds is one step of undo. */
const LONGEST_STEP = 1500

const PLACEHOLDER = 'Write something. “# ” makes a heading, “- ” a list, “[] ” a task.'

/** Fill `host` with a text editor. */
export function mount(host: HTMLElement, context: EditorContext): Editor {
  const { doc, awareness } = context
  const text = doc.getText('body')
  const page = h('div', { class: 'text-page' })
  const scroller = h('div', { class: 'text-scroller' }, page)
  const count = h('div', { class: 'text-count', 'aria-live': 'off' })
  host.append(scroller, count)

  const quill = new Quill(page, {
    formats: FORMATS,
    placeholder: PLACEHOLDER,
    modules: {
      keyboard: { bindings: TABS },
      // Undo is the Y.UndoManager's; Quill's own history would undo what others did.
      history: { maxStack: 0 },
      uploader: { mimetypes: ['image/png', 'image/jpeg', 'image/gif', 'image/webp'], handler: (range: { index: number }, files: File[]) => void insertPictures(range.index, files) },
    },
  })
  quill.root.setAttribute('aria-label', 'Text')
  quill.root.setAttribute('role', 'textbox')
  quill.root.tabIndex = 0
  quill.root.setAttribute('aria-multiline', 'true')
  const keys = h('p', { id: 'text-keys', hidden: true }, KEYS)
  host.append(keys)
  quill.root.setAttribute('aria-describedby', keys.id)
  // A page may not load pictures from elsewhere; a link to one is better than a broken frame.
  quill.clipboard.addMatcher('IMG', (node, delta) => {
    const { src, alt } = node as HTMLImageElement
    if (src.startsWith('data:')) return delta
    const words = alt || src
    return delta.slice(0, 0).insert(words, { link: src })
  })

  const binding = new QuillBinding(text, tolerant(quill))
  const undo = undoOfOwn(quill, text, binding)
  const stopCarets = remoteCarets(quill, text, awareness)
  markdownShortcuts(quill, () => undo.manager.stopCapturing())
  const tools = toolbar(quill, choosePictures)
  tabLeaves(quill)

  const tellPlace = placeTeller(text, awareness)
  quill.on('editor-change', () => {
    const range = quill.getSelection()
    if (range !== null) tellPlace({ anchor: range.index, head: range.index + range.length })
  })

  // -- words -----------------------------------------------------------------------------------
  const showCount = oncePerFrame(() => {
    const range = quill.getSelection()
    const selected = range !== null && range.length > 0
    const words = selected ? quill.getText(range.index, range.length) : quill.getText()
    const characters = selected ? range.length : quill.getLength() - 1
    count.textContent = `${counted(countWords(words), 'word')} · ${counted(characters, 'character')}${selected ? ' selected' : ''}`
  })
  quill.on('editor-change', showCount)
  showCount()

  // -- pictures --------------------------------------------------------------------------------
  async function insertPictures(index: number, files: Iterable<File>): Promise<void> {
    for (const file of files) {
      try {
        const { url } = await pictureOf(file)
        const at = Math.min(index, quill.getLength() - 1)
        const alt = file.name.replace(/\.\w+$/, '') || 'Picture'
        quill.updateContents(new Delta().retain(at).insert({ image: url }, { alt }), 'user')
        index = at + 1
        quill.setSelection(index, 0, 'user')
      } catch (error) {
        context.toast({ words: error instanceof Error ? error.message : 'This picture cannot be used.', tone: 'warn' })
      }
    }
  }
  function choosePictures(): void {
    const index = quill.getSelection()?.index ?? quill.getLength() - 1
    const input = h('input', { type: 'file', accept: 'image/*', multiple: true })
    input.addEventListener('change', () => void insertPictures(index, input.files ?? []))
    input.click()
  }

  // -- follow ----------------------------------------------------------------------------------
  let followed: number | null = null
  const keepInView = (): void => {
    const peer = peersOf(awareness).find((other) => other.client === followed)
    const place = peer === undefined ? null : placeOf(peer, text)
    const at = place === null ? null : quill.getBounds(Math.min(place.head, quill.getLength() - 1))
    if (at === null) return
    const top = page.offsetTop + at.top
    const { scrollTop, clientHeight } = scroller
    if (top < scrollTop + 80 || top > scrollTop + clientHeight - 120) {
      const still = matchMedia('(prefers-reduced-motion: reduce)').matches
      scroller.scrollTo({ top: top - clientHeight / 2, behavior: still ? 'instant' : 'smooth' })
    }
  }
  const onAwareness = (): void => {
    if (followed !== null) keepInView()
  }
  awareness.on('change', onAwareness)
  const endFollow = (): void => {
    if (followed !== null) context.onFollowEnd()
  }
  for (const event of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
    scroller.addEventListener(event, endFollow, { passive: true })
  }
  // A click below the last line means the end of the text.
  scroller.addEventListener('click', (event) => {
    if (event.target === scroller && quill.isEnabled()) quill.setSelection(quill.getLength(), 0, 'user')
  })

  return {
    setReadOnly: (readOnly) => {
      quill.enable(!readOnly)
      quill.root.setAttribute('aria-readonly', String(readOnly))
      quill.root.dataset['placeholder'] = readOnly ? 'Nothing is written here yet.' : PLACEHOLDER
      keys.textContent = readOnly ? '' : KEYS
      if (readOnly) tools.hide()
    },
    follow: (client) => {
      followed = client
      keepInView()
    },
    focus: () => quill.focus({ preventScroll: true }),
    menu: () =>
      quill.isEnabled()
        ? [
            { label: 'Undo', hint: 'Ctrl Z', run: () => undo.manager.undo() },
            { label: 'Redo', hint: 'Ctrl Shift Z', run: () => undo.manager.redo() },
            { label: 'Format', hint: 'Alt F10', run: () => tools.enter() },
            { label: 'Insert picture', run: choosePictures },
          ]
        : [],
    destroy: () => {
      awareness.off('change', onAwareness)
      awareness.setLocalStateField('cursor', null)
      stopCarets()
      tools.destroy()
      undo.destroy()
      binding.destroy()
      for (const part of [scroller, count, keys]) part.remove()
    },
  }
}

/** Escape, then Tab leaves also where Tab indents, as in the code editor; readers leave with Tab at once. */
function tabLeaves(quill: Quill): void {
  let leaving = false
  const onKey = (event: KeyboardEvent): void => {
    // What Quill does not hear of, the browser does: the focus moves on.
    if (event.key === 'Tab' && (leaving || !quill.isEnabled())) event.stopPropagation()
    else if (event.key !== 'Shift') leaving = event.key === 'Escape'
  }
  quill.container.addEventListener('keydown', onKey, true)
  for (const event of ['focusout', 'pointerdown']) quill.container.addEventListener(event, () => (leaving = false))
}

/** What y-quill sees of an editor: deltas from elsewhere are made safe on their way in. */
function tolerant(quill: Quill): Quill {
  return new Proxy(quill, {
    get(target, property) {
      if (property === 'updateContents' || property === 'setContents') {
        return (delta: never, source: never) => target[property](tolerated(delta) as never, source)
      }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Undo of one's own edits only; the caret goes back to where it was. */
function undoOfOwn(quill: Quill, text: Y.Text, binding: QuillBinding): { manager: Y.UndoManager; destroy(): void } {
  const manager = new Y.UndoManager(text, { trackedOrigins: new Set([binding]), captureTimeout: 500 })
  const caret = Symbol('caret')
  let began = 0
  manager.on('stack-item-updated', () => {
    // Somebody who types on and on wants back a few words, not a page.
    if (Date.now() - began > LONGEST_STEP) manager.stopCapturing()
  })
  manager.on('stack-item-added', ({ stackItem }) => {
    began = Date.now()
    const range = quill.getSelection()
    if (range !== null && !stackItem.meta.has(caret)) {
      stackItem.meta.set(caret, Y.createRelativePositionFromTypeIndex(text, Math.min(range.index, text.length)))
    }
  })
  manager.on('stack-item-popped', ({ stackItem }) => {
    const position = stackItem.meta.get(caret) as Y.RelativePosition | undefined
    const at = position === undefined ? null : Y.createAbsolutePositionFromRelativePosition(position, text.doc as Y.Doc)
    if (at !== null) quill.setSelection(at.index, 0, 'user')
  })
  const onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !quill.isEnabled()) return
    const key = event.key.toLowerCase()
    if (key === 'z' && !event.shiftKey) manager.undo()
    else if (key === 'y' || (key === 'z' && event.shiftKey)) manager.redo()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const onBeforeInput = (event: InputEvent): void => {
    if (event.inputType === 'historyUndo') manager.undo()
    else if (event.inputType === 'historyRedo') manager.redo()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  quill.container.addEventListener('keydown', onKey, true)
  quill.container.addEventListener('beforeinput', onBeforeInput, true)
  return {
    manager,
    destroy: () => {
      quill.container.removeEventListener('keydown', onKey, true)
      quill.container.removeEventListener('beforeinput', onBeforeInput, true)
      manager.destroy()
    },
  }
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function countWords(text: string): number {
  if (typeof Intl.Segmenter === 'undefined' || text.length > 50_000) return text.match(/\S+/g)?.length ?? 0
  let words = 0
  for (const { isWordLike } of new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text)) {
    if (isWordLike === true) words += 1
  }
  return words
}
