/** The text editor: ProseMirror on the document's root fragment `content`. */

import 'prosemirror-view/style/prosemirror.css'
import 'prosemirror-gapcursor/style/gapcursor.css'
import { dropCursor } from 'prosemirror-dropcursor'
import { gapCursor } from 'prosemirror-gapcursor'
import { EditorState, Plugin, Selection } from 'prosemirror-state'
import { EditorView } from 'prosemirror-view'

import { h, oncePerFrame } from '../../ui/dom'
import { untitled } from '../../ui/location'
import { peersOf } from '../../ui/presence'
import type { Editor, EditorContext } from '../editor'
import { NODE_VIEWS } from './blocks'
import { carrying } from './carrying'
import { CONTENT } from './carry'
import { composing } from './composing'
import { countWords } from './counting'
import { download, type Format } from './download'
import { findPlugin } from './find'
import { findBar } from './findBar'
import { keys } from './keys'
import { pasting } from './paste'
import { choosePictures, picturePlaces } from './pictureBlocks'
import { placeIn, teller } from './places'
import { remoteCarets } from './remoteCarets'
import { makeSchema } from './schema'
import { slashMenu } from './slash'
import { sync } from './sync'
import { tableBar, tables } from './tableBar'
import { firstHeading, firstWords } from './title'
import { tolerant } from './tolerance'
import { toolbar } from './toolbar'
import { markdownTyping } from './typing'
import './text.css'
import './print.css'

/** What a screen reader hears of the text. */
const KEYS = 'Alt F10 leads to the formatting bar, Escape back. A slash on an empty line lists what it can become. Tab indents in lists and code; after Escape it always moves on.'
const PLACEHOLDER = 'Write something. “/” lists what a line can be, “# ” makes a heading, “- ” a list.'
/** Texts of more blocks are laid out where they are looked at only. */
const LONG = 250
const PLACEHOLDER_OF_READERS = 'Nothing is written here yet.'

/** Fill `host` with a text editor. */
export function mount(host: HTMLElement, context: EditorContext): Editor {
  const { doc, awareness } = context
  const page = h('div', { class: 'text-page' })
  const scroller = h('div', { class: 'text-scroller' }, page)
  const count = h('div', { class: 'text-count', 'aria-live': 'off' })
  const help = h('p', { id: 'text-keys', hidden: true }, KEYS)
  host.append(scroller, count, help)

  const nameless = untitled(context.provider.document) !== context.provider.document
  let readOnly = false
  let changed = (): void => undefined
  const schema = tolerant(makeSchema())
  const synced = sync(doc.getXmlFragment(CONTENT))
  const addPicture = (): void => choosePictures(view, context.toast)
  const view: EditorView = new EditorView(page, {
    state: EditorState.create({
      schema,
      plugins: [
        ...synced.plugins,
        composing(),
        leaving(),
        slashMenu(addPicture),
        ...markdownTyping(schema, () => synced.steps.stop()),
        ...keys(schema, synced.steps),
        pasting(context),
        picturePlaces(),
        findPlugin(),
        tables(),
        gapCursor(),
        dropCursor({ class: 'text-drop', width: 2, color: false }),
        new Plugin({ view: () => ({ update: () => changed() }) }),
      ],
    }),
    nodeViews: NODE_VIEWS,
    editable: () => !readOnly,
    attributes: () => ({
      role: 'textbox',
      'aria-label': 'Text',
      'aria-multiline': 'true',
      'aria-describedby': help.id,
      'aria-readonly': String(readOnly),
      'data-placeholder': readOnly ? PLACEHOLDER_OF_READERS : PLACEHOLDER,
      tabindex: '0',
      class: 'text-body',
    }),
    // A link that is followed leaves nothing selected that the next key would replace.
    handleClick: (_view, _at, event) => (event.ctrlKey || event.metaKey) && (event.target as Element).closest('a') !== null,
    handleDOMEvents: {
      beforeinput: (_view, event) => {
        // The browser's own undo would undo what others did.
        if (event.inputType === 'historyUndo') synced.steps.undo()
        else if (event.inputType === 'historyRedo') synced.steps.redo()
        else return false
        event.preventDefault()
        return true
      },
    },
  })

  const carets = remoteCarets(view, page, awareness)
  const tools = toolbar(view, page, addPicture)
  const bar = tableBar(view, page)
  const find = findBar(view, host)
  const tell = teller(awareness)
  const carry = carrying(doc, context.provider, page, () => readOnly)

  // -- after every change ----------------------------------------------------------------------
  let touched = false
  const showCount = oncePerFrame(() => {
    if (!view.isDestroyed) count.textContent = countWords(view.state)
  })
  const placeTools = (): void => {
    tools.update()
    bar.update()
  }
  const showTools = oncePerFrame(() => {
    if (view.isDestroyed) return
    placeTools()
    find.update()
    // A name that somebody thought of says more than the words that it begins with.
    context.onHeading(firstHeading(view.state.doc) ?? (nameless ? firstWords(view.state.doc) : null))
  })
  const tellPlace = oncePerFrame(() => {
    touched ||= view.hasFocus()
    if (!view.isDestroyed && touched) tell(view.state)
  })
  changed = () => {
    view.dom.classList.toggle('blank', isBlank(view.state))
    view.dom.classList.toggle('long', view.state.doc.childCount > LONG)
    showCount()
    showTools()
    tellPlace()
    carets.soon()
  }
  changed()
  const onFocus = (): void => {
    touched = true
    tellPlace()
    showTools()
  }
  view.dom.addEventListener('focusin', onFocus)
  view.dom.addEventListener('focusout', () => setTimeout(showTools))
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Tab') {
      // This key may go to the tools: those of what was typed and selected just now. Browsers tell of a selection late.
      document.dispatchEvent(new Event('selectionchange'))
      placeTools()
    } else if (event.key === 'F10' && event.altKey) {
      event.preventDefault()
      tools.enter()
    } else if (event.key === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && view.hasFocus() && !readOnly) {
      event.preventDefault()
      tools.askLink()
    }
  }
  view.dom.addEventListener('keydown', onKey)

  // -- follow ----------------------------------------------------------------------------------
  let followed: number | null = null
  const keepInView = (): void => {
    const peer = peersOf(awareness).find((other) => other.client === followed)
    const place = peer === undefined ? null : placeIn(view.state, peer)
    if (place === null) return
    const top = view.coordsAtPos(place.head).top - page.getBoundingClientRect().top + page.offsetTop
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
  for (const event of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
    scroller.addEventListener(event, () => followed !== null && context.onFollowEnd(), { passive: true })
  }
  // A click below the last line means the end of the text.
  scroller.addEventListener('click', (event) => {
    if ((event.target !== scroller && event.target !== page) || readOnly) return
    view.dispatch(view.state.tr.setSelection(Selection.atEnd(view.state.doc)))
    view.focus()
  })

  const save = (format: Format) => () => void download(view.state.doc, context.title(), format)
  return {
    setReadOnly: (now) => {
      readOnly = now
      help.textContent = now ? '' : KEYS
      view.setProps({})
      if (now) tools.hide()
      carry.update()
      changed()
    },
    follow: (client) => {
      followed = client
      keepInView()
    },
    focus: () => view.dom.focus({ preventScroll: true }),
    menu: () => [
      ...(readOnly
        ? []
        : [
            { label: 'Undo', hint: 'Ctrl Z', run: () => synced.steps.undo() },
            { label: 'Redo', hint: 'Ctrl Shift Z', run: () => synced.steps.redo() },
            { label: 'Format', hint: 'Alt F10', run: () => tools.enter() },
            { label: 'Insert picture', run: addPicture },
          ]),
      { label: readOnly ? 'Find' : 'Find and replace', hint: 'Ctrl F', run: () => find.open() },
      { label: 'Download as Markdown', run: save('markdown') },
      { label: 'Download as HTML', run: save('html') },
      { label: 'Download as text', run: save('text') },
      { label: 'Print', hint: 'Ctrl P', run: () => print() },
    ],
    destroy: () => {
      awareness.off('change', onAwareness)
      awareness.setLocalStateField('cursor', null)
      context.onHeading(null)
      carry.destroy()
      carets.destroy()
      tools.destroy()
      bar.destroy()
      find.destroy()
      view.destroy()
      synced.destroy()
      for (const part of [scroller, count, help]) part.remove()
    },
  }
}

function isBlank({ doc }: EditorState): boolean {
  return doc.childCount === 1 && doc.firstChild?.type.name === 'paragraph' && doc.firstChild.content.size === 0
}

/** Escape, then Tab leaves also where Tab indents, as in the code editor; readers leave with Tab at once. */
function leaving(): Plugin {
  let leaves = false
  const stay = (): false => {
    leaves = false
    return false
  }
  return new Plugin({
    props: {
      handleDOMEvents: {
        // What ProseMirror does not hear of, the browser does: the focus moves on.
        keydown: (view, event) => {
          if (event.key === 'Tab' && (leaves || !view.editable)) return true
          if (event.key !== 'Shift') leaves = event.key === 'Escape'
          return false
        },
        focusout: stay,
        pointerdown: stay,
      },
    },
  })
}
