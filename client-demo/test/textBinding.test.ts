/** Typing in a note together: the field, the text, and what waits between them while letters are composed. */

import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { Held } from '../src/editors/board/held'
import { bindText, replaced } from '../src/editors/board/textBinding'

function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return Math.floor(((state >>> 8) / 2 ** 24) * below)
  }
}

/** As much of a textarea as the binding sees. */
class Area extends EventTarget {
  selectionStart = 0
  selectionEnd = 0
  /** How often the content was set from outside while something was composed. */
  disturbed = 0
  composing = false
  private words = ''

  get value(): string {
    return this.words
  }

  set value(words: string) {
    if (this.composing) this.disturbed += 1
    this.words = words
    this.selectionStart = this.selectionEnd = words.length
  }

  setSelectionRange(start: number, end: number): void {
    this.selectionStart = start
    this.selectionEnd = end
  }

  /** As a keyboard does. */
  type(start: number, removed: number, added: string): void {
    this.words = this.words.slice(0, start) + added + this.words.slice(start + removed)
    this.selectionStart = this.selectionEnd = start + added.length
    this.dispatchEvent(new Event('input'))
  }

  compose(on: boolean): void {
    this.composing = on
    this.dispatchEvent(new Event(on ? 'compositionstart' : 'compositionend'))
  }
}

function bound(words: string): { area: Area; text: Y.Text; doc: Y.Doc; stop: () => void } {
  const doc = new Y.Doc()
  const text = doc.getText('t')
  text.insert(0, words)
  const area = new Area()
  area.value = words
  return { area, text, doc, stop: bindText(area as unknown as HTMLTextAreaElement, text, () => undefined) }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

test('a syllable that is composed while somebody types before it', async () => {
  const { area, text } = bound('ab')
  area.type(2, 0, '!')
  area.compose(true)
  area.type(3, 0, 'ｎ')
  text.insert(0, 'before ')
  area.type(3, 1, 'に')
  text.insert(text.length, ' after')
  area.type(3, 1, 'にｈ')
  area.type(3, 2, '日')
  area.compose(false)
  await settled()
  expect(text.toString()).toBe('before ab!日 after')
  expect(area.value).toBe(text.toString())
  expect(area.selectionEnd).toBe('before ab!日'.length)
  expect(area.disturbed).toBe(0)
})

test('whatever two people do, the field shows the text, and words that are composed stay whole', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed)
    const { area, text } = bound('0123456789')
    for (let round = 0; round < 5; round++) {
      const at = random(area.value.length + 1)
      const word = `<${round}>`
      const composed = random(3) > 0
      if (composed) area.compose(true)
      for (let step = 1; step <= word.length; step++) {
        // A composition replaces all of what it has so far.
        if (composed) area.type(at, step - 1, word.slice(0, step))
        else area.type(area.selectionEnd, 0, word.slice(step - 1, step))
        if (random(2) === 0) text.insert(random(text.length + 1), 'abc'.charAt(random(3)))
        if (random(4) === 0 && text.length > 0) {
          const from = random(text.length)
          // Others delete what is theirs.
          if (/[0-9a-c]/.test(text.toString().charAt(from))) text.delete(from, 1)
        }
      }
      if (composed) area.compose(false)
      // Before the end of the composition is dealt with, too.
      if (random(2) === 0) text.insert(random(text.length + 1), 'c')
      await settled()
      expect(area.value, `seed ${seed}`).toBe(text.toString())
      expect(area.disturbed).toBe(0)
    }
    const left = text.toString().replace(/[a-c]/g, '')
    expect(left.replace(/[0-9]/g, '').length, `seed ${seed}: ${text.toString()}`).toBe(10)
  }
})

test('what waits for the field: any edits of both sides lead to one text', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = seeded(seed)
    const doc = new Y.Doc()
    const text = doc.getText('t')
    text.insert(0, 'abcdefgh')
    let field = 'abcdefgh'
    const held = new Held(field.length)
    let own = false
    text.observe((event) => {
      if (!own) held.receive(event.delta)
    })
    for (let step = 0; step < 12; step++) {
      if (random(2) === 0) {
        if (random(2) === 0 || text.length === 0) text.insert(random(text.length + 1), 'XYZ'.slice(0, 1 + random(3)))
        else {
          const at = random(text.length)
          text.delete(at, 1 + random(text.length - at))
        }
        continue
      }
      const start = random(field.length + 1)
      const removed = random(field.length - start + 1)
      const added = 'uvw'.slice(0, random(4))
      field = field.slice(0, start) + added + field.slice(start + removed)
      own = true
      for (const edit of held.edit(start, removed, added)) {
        text.delete(edit.start, edit.removed)
        if (edit.added !== '') text.insert(edit.start, edit.added)
      }
      own = false
    }
    // What both have, they have in one order; a place of the field is behind all that comes before it.
    const letters = (held as unknown as { letters: number[] }).letters
    const [shown, stored] = [[...field], [...text.toString()]]
    const both: string[][] = [[], []]
    for (const letter of letters) {
      const [inField, inText] = [letter !== 2 ? shown.shift() : undefined, letter !== 1 ? stored.shift() : undefined]
      if (letter !== 0) continue
      both[0]?.push(inField ?? '')
      both[1]?.push(inText ?? '')
    }
    expect([shown, stored], `seed ${seed}`).toEqual([[], []])
    expect(both[0], `seed ${seed}`).toEqual(both[1])
    const places = Array.from({ length: field.length + 1 }, (_, i) => held.place(i))
    expect([...places].sort((x, y) => x - y), `seed ${seed}`).toEqual(places)
  }
})

test.each([
  ['a😀b', 'a😁b', 3],
  ['😀', '😀😀', 2],
  ['👍🏽', '👍🏾', 4],
  ['x😀', 'x', 1],
  ['', '😀', 2],
])('no edit from %s to %s cuts a character', (before, after, caret) => {
  const { start, removed, added } = replaced(before, after, caret)
  expect(before.slice(0, start) + added + before.slice(start + removed)).toBe(after)
  for (const piece of [before.slice(0, start), added, before.slice(start, start + removed)]) expect(piece).not.toMatch(/\p{Surrogate}/u)
  const doc = new Y.Doc()
  const text = doc.getText('t')
  text.insert(0, before)
  text.delete(start, removed)
  text.insert(start, added)
  expect(text.toString()).toBe(after)
})
