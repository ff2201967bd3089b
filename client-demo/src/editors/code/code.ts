/** The code editor: CodeMirror 6 on the document's root text `body`. */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language'
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState } from '@codemirror/state'
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  placeholder,
  rectangularSelection,
} from '@codemirror/view'
import { yUndoManagerKeymap } from 'y-codemirror.next'
import * as Y from 'yjs'

import { h } from '../../ui/dom'
import { openMenu } from '../../ui/overlays'
import { peersOf } from '../../ui/presence'
import { saveFile } from '../../ui/saveFile'
import type { Editor, EditorContext } from '../editor'
import { placeOf } from '../places'
import { ENDINGS, languageOfName, languageOfText } from './guess'
import { languageId, LANGUAGES } from './languages'
import { largePastes } from './pasting'
import { remoteCarets } from './remoteCarets'
import { isComposing, textSync, toScreen } from './sync'
import { codeTheme } from './theme'
import './code.css'

/** CodeMirror's words for its search panel, written like our other buttons. */
const SEARCH_WORDS = {
  next: 'Next',
  previous: 'Previous',
  all: 'Select all',
  'match case': 'Match case',
  regexp: 'Regular expression',
  'by word': 'Whole words',
  replace: 'Replace',
  'replace all': 'Replace all',
  close: 'Close search',
}

/** Milliseconds after which one looks again what language this is. */
const GUESS = 400

/** Fill `host` with a code editor. */
export function mount(host: HTMLElement, context: EditorContext): Editor {
  const { doc, meta, provider } = context
  const text = doc.getText('body')
  const { awareness } = context
  const undoManager = new Y.UndoManager(text, { captureTimeout: 400 })
  const writable = new Compartment()
  const forWriters = placeholder('Type code here')
  const language = new Compartment()
  let followed: number | null = null

  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        lineNumbers(),
        foldGutter({ openText: '⌄', closedText: '›' }),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        drawSelection(),
        dropCursor(),
        rectangularSelection(),
        EditorState.allowMultipleSelections.of(true),
        indentOnInput(),
        indentUnit.of('  '),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        search({ top: true }),
        EditorState.phrases.of(SEARCH_WORDS),
        highlightSelectionMatches(),
        keymap.of([
          ...yUndoManagerKeymap,
          ...closeBracketsKeymap,
          ...searchKeymap,
          ...foldKeymap,
          ...completionKeymap,
          ...defaultKeymap,
          indentWithTab,
        ]),
        // A document may hold any line ends; splitting at "\n" only keeps our positions those of the Y.Text.
        EditorState.lineSeparator.of('\n'),
        textSync(text, undoManager),
        remoteCarets(text, awareness),
        largePastes(undoManager, context.toast),
        writable.of(forWriters),
        language.of([]),
        codeTheme,
        EditorView.contentAttributes.of({ 'aria-label': 'Code' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged || update.selectionSet) showPosition()
          if (update.docChanged) guessSoon()
        }),
        EditorView.domEventHandlers({
          wheel: () => endFollow(),
          pointerdown: () => endFollow(),
          keydown: () => endFollow(),
        }),
      ],
    }),
  })

  // -- status line: language and position ------------------------------------------------------
  const position = h('span', { class: 'code-position' })
  const languageButton = h('button', { class: 'button plain', type: 'button', title: 'Language' })
  const bar = h('footer', { class: 'code-bar' }, languageButton, position)
  host.append(bar)

  function showPosition(): void {
    const { head, empty, from, to } = view.state.selection.main
    const line = view.state.doc.lineAt(head)
    const selected = empty ? '' : ` (${to - from} selected)`
    position.textContent = `Ln ${line.number}, Col ${head - line.from + 1}${selected}`
  }

  let shownLanguage = ''
  let guessing: ReturnType<typeof setTimeout> | undefined
  function guessSoon(): void {
    if (meta.get('language') !== undefined) return
    guessing ??= setTimeout(() => {
      guessing = undefined
      // Colours that come into a line disturb whoever composes letters in it.
      if (isComposing(view)) guessSoon()
      else showLanguage()
    }, GUESS)
  }
  /** What was chosen, else what the name or the first lines say. */
  function languageNow(): string {
    const chosen = meta.get('language')
    if (chosen !== undefined) return languageId(chosen)
    return languageOfName(context.title()) ?? languageOfName(provider.document) ?? languageOfText(view.state.sliceDoc(0, 4_000)) ?? 'plain'
  }
  function showLanguage(): void {
    const id = languageNow()
    languageButton.title = meta.get('language') === undefined ? 'Language, as it looks' : 'Language'
    if (id === shownLanguage) return
    shownLanguage = id
    languageButton.textContent = LANGUAGES[id]?.label ?? id
    if (id === 'plain') {
      view.dispatch({ effects: language.reconfigure([]) })
      return
    }
    void LANGUAGES[id]?.load().then((support) => {
      if (shownLanguage === id) view.dispatch({ effects: language.reconfigure(support) })
    })
  }
  languageButton.onclick = () =>
    openMenu(
      languageButton,
      Object.entries(LANGUAGES).map(([id, { label }]) => ({ label, checked: id === shownLanguage, run: () => void meta.set('language', id) })),
    )
  meta.observe(showLanguage)

  // -- follow ----------------------------------------------------------------------------------
  function endFollow(): void {
    if (followed !== null) context.onFollowEnd()
  }
  function keepInView(): void {
    const peer = peersOf(awareness).find((other) => other.client === followed)
    const place = peer === undefined ? null : placeOf(peer, text)
    if (place === null) return
    view.dispatch({ effects: EditorView.scrollIntoView(Math.min(toScreen(view, place.head), view.state.doc.length), { y: 'center' }) })
  }
  const onAwareness = (): void => {
    if (followed !== null) keepInView()
  }
  awareness.on('change', onAwareness)

  showPosition()
  showLanguage()
  return {
    setReadOnly: (readOnly) => {
      view.dispatch({ effects: writable.reconfigure(readOnly ? EditorState.readOnly.of(true) : forWriters) })
      languageButton.disabled = readOnly
    },
    follow: (client) => {
      followed = client
      keepInView()
    },
    focus: () => view.focus(),
    menu: () => [
      { label: view.state.readOnly ? 'Find' : 'Find and replace', hint: 'Ctrl F', run: () => void openSearchPanel(view) },
      {
        label: 'Download',
        run: () => {
          const title = context.title()
          const ending = languageOfName(title) === null ? `.${ENDINGS[shownLanguage]?.[0] ?? 'txt'}` : ''
          saveFile(view.state.doc.toString(), title, ending, 'text/plain')
        },
      },
    ],
    destroy: () => {
      clearTimeout(guessing)
      meta.unobserve(showLanguage)
      awareness.off('change', onAwareness)
      view.destroy()
      undoManager.destroy()
      bar.remove()
    },
  }
}
