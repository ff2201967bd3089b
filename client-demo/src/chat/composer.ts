/** Where one writes: a field that grows, people by `@`, a few emoji, and what is answered. */

import { SendHorizontal, Smile, X } from 'lucide'
import { picture } from '../ui/avatars'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import type { Person } from '../ui/people'
import { withMentions, type Mentionable } from './talk'

const LONGEST = 4_000
const SHOWN = 6
/** One is typing for so long after the last key. */
const TYPING = 4_000
const EMOJI = ['👍', '👎', '❤️', '😀', '😂', '😉', '😍', '🤔', '😮', '😢', '🙏', '👏', '💪', '👀', '🎉', '🔥', '🚀', '✨', '💡', '✅', '❌', '⚠️', '🐛', '☕']

export type Candidate = Mentionable & Person

export interface ComposerOptions {
  typed: string
  onTyped: (typed: string) => void
  /** Who may be meant, those who are here first. */
  people: () => Candidate[]
  onSend: (body: string) => void
  onTyping: (typing: boolean) => void
  onCancelReply: () => void
}

export interface Composer {
  element: HTMLElement
  focus(): void
  /** Say what is answered; null: nothing. */
  answer(words: string | null): void
  /** Whether Escape closed something of it. */
  escape(): boolean
  destroy(): void
}

export function composer(options: ComposerOptions): Composer {
  const field = h('textarea', {
    class: 'chat-field', rows: 1, maxLength: LONGEST, placeholder: 'Write a message', 'aria-label': 'Message', 'aria-autocomplete': 'list', 'aria-controls': 'chat-people',
    enterKeyHint: matchMedia('(pointer: coarse)').matches ? 'enter' : 'send',
  })
  const people = h('ul', { class: 'chat-people floating', id: 'chat-people', role: 'listbox', 'aria-label': 'People', hidden: true })
  const palette = h('div', { class: 'chat-emoji floating', role: 'group', 'aria-label': 'Emoji', hidden: true })
  const replying = h('div', { class: 'chat-replying', hidden: true })
  const smile = h('button', { class: 'button plain square', type: 'button', title: 'Emoji', 'aria-label': 'Emoji', 'aria-expanded': 'false', onclick: () => showPalette(palette.hidden !== false) }, icon(Smile))
  const send = h('button', { class: 'button primary square', type: 'submit', title: 'Send', 'aria-label': 'Send' }, icon(SendHorizontal))
  const form = h('form', { class: 'chat-composer' }, people, palette, replying, h('div', { class: 'chat-box' }, field, h('div', { class: 'chat-tools' }, smile, send)))
  const picked: Mentionable[] = []
  let found: Candidate[] = []
  let chosen = 0
  let typingTimer: ReturnType<typeof setTimeout> | undefined

  // -- people --------------------------------------------------------------------------------

  /** What stands behind the `@` before the caret. */
  const asked = (): { query: string; from: number } | null => {
    const before = field.value.slice(0, field.selectionStart)
    const match = /(?:^|[\s(])@([^@\n]{0,40})$/.exec(before)
    return match === null ? null : { query: (match[1] ?? '').toLowerCase(), from: before.length - (match[1] ?? '').length - 1 }
  }
  const look = (): void => {
    const question = field.selectionStart === field.selectionEnd ? asked() : null
    found = question === null ? [] : options.people().filter(({ name }) => begins(name, question.query)).slice(0, SHOWN)
    chosen = Math.min(chosen, Math.max(0, found.length - 1))
    people.hidden = found.length === 0
    if (people.hidden) {
      chosen = 0
      field.removeAttribute('aria-activedescendant')
      return
    }
    showPalette(false)
    fill(people, ...found.map((person, at) => entry(person, at)))
    field.setAttribute('aria-activedescendant', `chat-person-${chosen}`)
  }
  const entry = (person: Candidate, at: number): HTMLElement => {
    const item = h('li', { role: 'option', id: `chat-person-${at}`, 'aria-selected': String(at === chosen) }, picture(person), h('span', { class: 'grow' }, person.name))
    // The field keeps the focus.
    item.addEventListener('pointerdown', (event) => {
      event.preventDefault()
      pick(person)
    })
    return item
  }
  const pick = (person: Candidate): void => {
    const question = asked()
    if (question === null) return
    if (!picked.some(({ id, name }) => id === person.id && name === person.name)) picked.push(person)
    field.setRangeText(`@${person.name} `, question.from, field.selectionStart, 'end')
    changed()
  }

  // -- emoji ---------------------------------------------------------------------------------

  const showPalette = (shown: boolean): void => {
    if (shown === !palette.hidden) return
    if (shown && palette.childElementCount === 0) {
      fill(palette, ...EMOJI.map((emoji) => h('button', { class: 'button plain square', type: 'button', 'aria-label': emoji, onclick: () => insert(emoji) }, emoji)))
    }
    palette.hidden = !shown
    smile.setAttribute('aria-expanded', String(shown))
    if (shown) (palette.firstElementChild as HTMLElement).focus()
  }
  const insert = (emoji: string): void => {
    showPalette(false)
    field.focus()
    field.setRangeText(emoji, field.selectionStart, field.selectionEnd, 'end')
    changed()
  }

  // -- words ---------------------------------------------------------------------------------

  const changed = (): void => {
    options.onTyped(field.value)
    send.disabled = field.value.trim() === ''
    clearTimeout(typingTimer)
    options.onTyping(!send.disabled)
    if (!send.disabled) typingTimer = setTimeout(() => options.onTyping(false), TYPING)
    look()
  }
  const submit = (): void => {
    const body = withMentions(field.value.trim(), picked)
    if (body === '') return
    field.value = ''
    picked.length = 0
    showPalette(false)
    changed()
    options.onSend(body)
    field.focus()
  }
  field.addEventListener('input', changed)
  field.addEventListener('click', look)
  field.addEventListener('keyup', (event) => {
    if (event.key.startsWith('Arrow') && !(event.key === 'ArrowUp' || event.key === 'ArrowDown')) look()
  })
  field.addEventListener('blur', () => (people.hidden = true))
  field.addEventListener('keydown', (event) => {
    if (event.isComposing) return
    if (!people.hidden) {
      const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
      if (step !== 0) {
        chosen = (chosen + step + found.length) % found.length
        look()
        return event.preventDefault()
      }
      const person = found[chosen]
      if ((event.key === 'Enter' || event.key === 'Tab') && person !== undefined) {
        pick(person)
        return event.preventDefault()
      }
    }
    // A thumb's Enter is a new line; there is a button beside it.
    if (event.key !== 'Enter' || event.shiftKey || matchMedia('(pointer: coarse)').matches) return
    event.preventDefault()
    submit()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    submit()
  })
  const onOutside = (event: Event): void => {
    if (!palette.contains(event.target as Node) && !smile.contains(event.target as Node)) showPalette(false)
  }
  document.addEventListener('pointerdown', onOutside, true)
  field.value = options.typed
  send.disabled = field.value.trim() === ''

  return {
    element: form,
    focus: () => field.focus({ preventScroll: true }),
    answer: (words) => {
      replying.hidden = words === null
      fill(replying, h('span', { class: 'grow' }, words), h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Answer nobody', title: 'Answer nobody', onclick: options.onCancelReply }, icon(X)))
    },
    escape: () => {
      if (!people.hidden) people.hidden = true
      else if (!palette.hidden) {
        showPalette(false)
        smile.focus()
      } else if (!replying.hidden) options.onCancelReply()
      else return false
      return true
    },
    destroy: () => {
      clearTimeout(typingTimer)
      options.onTyping(false)
      document.removeEventListener('pointerdown', onOutside, true)
    },
  }
}

/** Whether a name, or one of its words, begins so. */
function begins(name: string, query: string): boolean {
  const low = name.toLowerCase()
  return low.startsWith(query) || low.split(/\s+/).some((word) => word.startsWith(query))
}
