/** Changes of others that wait before a field: which letters the text has, and which the field still shows. */

import type { Replaced } from './textBinding'

/** A letter that both have, that only the field shows, or that only the text has. */
const BOTH = 0
const FIELD = 1
const TEXT = 2

export class Held {
  private letters: number[]

  /** @param length of the text, which the field shows. */
  constructor(length: number) {
    this.letters = new Array<number>(length).fill(BOTH)
  }

  /** The text was changed. */
  receive(delta: readonly { retain?: number; delete?: number; insert?: unknown }[]): void {
    const after: number[] = []
    let at = 0
    /** Take over letters until so many of the text are passed; `gone` ones stay for the field only. */
    const pass = (count: number, gone: boolean): void => {
      for (let left = count; left > 0 && at < this.letters.length; at++) {
        const letter = this.letters[at] as number
        if (letter === FIELD) after.push(FIELD)
        else {
          left -= 1
          if (!gone) after.push(letter)
          else if (letter === BOTH) after.push(FIELD)
        }
      }
    }
    for (const { retain, delete: removed, insert } of delta) {
      if (retain !== undefined) pass(retain, false)
      else if (removed !== undefined) pass(removed, true)
      else for (let left = typeof insert === 'string' ? insert.length : 1; left > 0; left--) after.push(TEXT)
    }
    for (; at < this.letters.length; at++) after.push(this.letters[at] as number)
    this.letters = after
  }

  /** The field was changed: what to do to the text for it, one after the other. */
  edit(start: number, removed: number, added: string): Replaced[] {
    const edits: Replaced[] = []
    let [at, inField, inText] = [0, 0, 0]
    const after: number[] = []
    // What is typed stands behind the letter that it was typed behind, before what others put there.
    for (; inField < start; at++) {
      const letter = this.letters[at] as number
      if (letter !== TEXT) inField += 1
      if (letter !== FIELD) inText += 1
      after.push(letter)
    }
    // What takes the place of letters stands where those are.
    for (; removed > 0 && this.letters[at] === TEXT; at++) {
      inText += 1
      after.push(TEXT)
    }
    if (added !== '') edits.push({ start: inText, removed: 0, added })
    for (let i = 0; i < added.length; i++) after.push(BOTH)
    inText += added.length
    for (let left = removed; left > 0; at++) {
      const letter = this.letters[at] as number
      if (letter === TEXT) {
        inText += 1
        after.push(TEXT)
        continue
      }
      left -= 1
      if (letter === BOTH) edits.push({ start: inText, removed: 1, added: '' })
    }
    this.letters = after.concat(this.letters.slice(at))
    return joined(edits)
  }

  /** Where in the text a place of the field is. */
  place(index: number): number {
    let [inField, inText] = [0, 0]
    for (const letter of this.letters) {
      if (inField >= index) break
      if (letter !== TEXT) inField += 1
      if (letter !== FIELD) inText += 1
    }
    return inText
  }
}

/** Letters that were removed beside each other, as one. */
function joined(edits: Replaced[]): Replaced[] {
  const result: Replaced[] = []
  for (const edit of edits) {
    const last = result.at(-1)
    if (last !== undefined && edit.added === '' && last.added === '' && last.start === edit.start) last.removed += edit.removed
    else result.push({ ...edit })
  }
  return result
}
