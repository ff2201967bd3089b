/** Where words stand in a text: found again with every change, marked, and replaced. */

import type { Node } from 'prosemirror-model'
import { Plugin, PluginKey, TextSelection, type EditorState } from 'prosemirror-state'
import { Decoration, DecorationSet, type EditorView } from 'prosemirror-view'

/** More than a person goes through one by one. */
const MOST_SHOWN = 2_000

export interface Match {
  from: number
  to: number
}
interface Search {
  words: string
  matchCase: boolean
  matches: Match[]
  marks: DecorationSet
}

const NOTHING: Search = { words: '', matchCase: false, matches: [], marks: DecorationSet.empty }
const key = new PluginKey<Search>('find')
/** Matches in a line, which stays the same object for as long as nobody changes it. */
let known = new WeakMap<Node, number[]>()

/** Marks what is looked for. */
export function findPlugin(): Plugin<Search> {
  return new Plugin<Search>({
    key,
    state: {
      init: () => NOTHING,
      apply: (tr, search, _before, state) => {
        const asked = tr.getMeta(key) as Pick<Search, 'words' | 'matchCase'> | undefined
        if (asked !== undefined) known = new WeakMap()
        const next = asked ?? search
        if (next.words === '') return asked === undefined ? search : NOTHING
        if (asked === undefined && !tr.docChanged && !tr.selectionSet) return search
        const matches = asked === undefined && !tr.docChanged ? search.matches : matchesIn(state.doc, next.words, next.matchCase)
        const { from, to } = state.selection
        const shown = matches.slice(0, MOST_SHOWN).map((match) =>
          Decoration.inline(match.from, match.to, { class: match.from === from && match.to === to ? 'found current' : 'found' }),
        )
        return { words: next.words, matchCase: next.matchCase, matches, marks: DecorationSet.create(state.doc, shown) }
      },
    },
    props: { decorations: (state) => key.getState(state)?.marks },
  })
}

/** Look for words from now on; none to stop. */
export function look(view: EditorView, words: string, matchCase: boolean): void {
  view.dispatch(view.state.tr.setMeta(key, { words, matchCase }))
}

/** What was found, and which of it is selected (-1: none). */
export function found(state: EditorState): { matches: Match[]; current: number } {
  const matches = key.getState(state)?.matches ?? []
  const { from, to } = state.selection
  return { matches, current: matches.findIndex((match) => match.from === from && match.to === to) }
}

/** Select the next match, or the one before; round the end to the other one. */
export function step(view: EditorView, by: 1 | -1): void {
  const { matches } = found(view.state)
  const { from, to } = view.state.selection
  const next = by > 0 ? (matches.find((match) => match.from >= to && match.to > to) ?? matches[0]) : (matches.findLast((match) => match.to <= from) ?? matches.at(-1))
  if (next !== undefined) select(view, next)
}

/** Select the match at or behind the caret. */
export function stepHere(view: EditorView): void {
  const { matches } = found(view.state)
  const next = matches.find(({ from }) => from >= view.state.selection.from) ?? matches[0]
  if (next !== undefined) select(view, next)
}

function select(view: EditorView, { from, to }: Match): void {
  view.dispatch(view.state.tr.setSelection(TextSelection.create(view.state.doc, from, to)))
  const dom = view.domAtPos(from).node
  const element = dom instanceof Element ? dom : dom.parentElement
  element?.scrollIntoView({ block: 'center' })
}

/** Replace the match that is selected and go on to the next. */
export function replaceOne(view: EditorView, words: string): void {
  const { matches, current } = found(view.state)
  const match = matches[current]
  if (match === undefined) return step(view, 1)
  view.dispatch(replaced(view.state, [match], words))
  stepHere(view)
}

/** Replace all; returns how many. */
export function replaceAll(view: EditorView, words: string): number {
  const { matches } = found(view.state)
  if (matches.length > 0) view.dispatch(replaced(view.state, matches, words))
  return matches.length
}

function replaced(state: EditorState, matches: Match[], words: string) {
  // What is not typed is a step of its own, however soon it follows on typing.
  const tr = state.tr.setMeta('uiEvent', 'replace')
  for (const { from, to } of [...matches].reverse()) {
    const marks = state.doc.resolve(from).marksAcross(state.doc.resolve(to)) ?? []
    if (words === '') tr.delete(from, to)
    else tr.replaceWith(from, to, state.schema.text(words, marks))
  }
  return tr
}

function matchesIn(doc: Node, words: string, matchCase: boolean): Match[] {
  const matches: Match[] = []
  const wanted = matchCase ? words : words.toLowerCase()
  doc.descendants((node, at) => {
    if (!node.isTextblock) return true
    let places = known.get(node)
    if (places === undefined) {
      const text = node.textBetween(0, node.content.size, undefined, '￼')
      // Few letters change their length with their case; where one does, case counts.
      const lower = text.toLowerCase()
      const hay = matchCase || lower.length !== text.length ? text : lower
      places = []
      for (let from = hay.indexOf(wanted); from >= 0; from = hay.indexOf(wanted, from + wanted.length)) places.push(from)
      known.set(node, places)
    }
    for (const from of places) matches.push({ from: at + 1 + from, to: at + 1 + from + words.length })
    return false
  })
  return matches
}
