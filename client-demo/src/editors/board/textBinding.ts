/** A textarea and a Y.Text kept the same, by the smallest edit in either direction; also while letters are composed. */

import type * as Y from 'yjs'
import { Held } from './held'
import { BOARD_ORIGIN } from './store'

/** What was replaced in a text: so many letters at a place, by others. */
export interface Replaced {
  start: number
  removed: number
  added: string
}

/**
 * Bind them; returns how to stop.
 *
 * A field whose content is set from outside forgets what is being composed in it (a syllable of Japanese, every word on
 * a phone), and the keyboard goes on with letters that are there no more. So while something is composed, changes of others
 * wait before the field; what is composed goes out at once, to where it belongs among them.
 * @param onInput the words are other ones now.
 */
export function bindText(area: HTMLTextAreaElement, text: Y.Text, onInput: () => void): () => void {
  /** What the field showed when it was last looked at. */
  let known = area.value
  let composing = false
  let held: Held | null = null
  let writing = false

  const onAreaInput = (): void => {
    const edit = replaced(known, area.value, area.selectionEnd)
    known = area.value
    if (edit.removed === 0 && edit.added === '') return
    writing = true
    text.doc?.transact(() => {
      const edits = held === null ? [edit] : held.edit(edit.start, edit.removed, edit.added)
      for (const { start, removed, added } of edits) {
        if (removed > 0) text.delete(start, removed)
        if (added !== '') text.insert(start, added)
      }
    }, BOARD_ORIGIN)
    writing = false
    onInput()
  }
  const onText = (event: Y.YTextEvent): void => {
    if (writing) return
    // Also after the end of a composition, until what waited is shown.
    const showNow = held === null && !composing
    held ??= new Held(known.length)
    held.receive(event.delta)
    if (showNow) settle()
  }
  /** Let the field show the text, with the caret where it was. */
  const show = (from: Held): void => {
    const [start, end] = [from.place(area.selectionStart), from.place(area.selectionEnd)]
    const value = text.toString()
    if (value === area.value) return
    area.value = known = value
    area.setSelectionRange(start, end)
    onInput()
  }
  const settle = (): void => {
    if (composing || held === null) return
    const waiting = held
    held = null
    show(waiting)
  }
  const onStart = (): void => {
    composing = true
  }
  const onEnd = (): void => {
    composing = false
    onAreaInput()
    // Some browsers bring the last letters after this.
    setTimeout(settle)
  }
  area.addEventListener('input', onAreaInput)
  area.addEventListener('compositionstart', onStart)
  area.addEventListener('compositionend', onEnd)
  text.observe(onText)
  return () => {
    onAreaInput()
    area.removeEventListener('input', onAreaInput)
    area.removeEventListener('compositionstart', onStart)
    area.removeEventListener('compositionend', onEnd)
    text.unobserve(onText)
  }
}

/** What makes `after` of `before`; where several places would do, the one at the caret. */
export function replaced(before: string, after: string, caret: number): Replaced {
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && start < caret && before[start] === after[start]) start += 1
  let same = 0
  while (same < most - start && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1
  // Half a character is none: Yjs puts a sign for what cannot be read in its place.
  if (isHigh(before, start - 1) || isHigh(after, start - 1)) start -= 1
  if (same > 0 && (isLow(before, before.length - same) || isLow(after, after.length - same))) same -= 1
  return { start, removed: before.length - start - same, added: after.slice(start, after.length - same) }
}

function isHigh(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0xd800 && code <= 0xdbff
}

function isLow(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff
}
