/** The title of a document: a field in the bar, the heading of the page, the words of the tab. */

import { h } from '../ui/dom'

export interface TitleField {
  field: HTMLInputElement
  /** For those who hear the page. */
  heading: HTMLElement
  /** Say what the document is called now; whoever writes in the field goes on. */
  show(): void
}

/** `shown` is what the document is called; `onName` is called with what somebody calls it. */
export function titleField(shown: () => string, onName: (words: string) => void): TitleField {
  const heading = h('h1', { class: 'unseen' })
  const field = h('input', { class: 'title', 'aria-label': 'Title', spellcheck: false, maxLength: 120 })
  field.addEventListener('change', () => onName(field.value.trim()))
  field.addEventListener('keydown', (event) => {
    // These keys belong to whoever composes letters, until they are done.
    if (event.isComposing) return
    if (event.key === 'Escape') field.value = shown()
    if (event.key === 'Enter' || event.key === 'Escape') field.blur()
  })
  const show = (): void => {
    const title = shown()
    if (document.activeElement !== field) field.value = title
    field.size = Math.max(4, Math.min(title.length + 1, 40))
    document.title = `${title} - collab`
    heading.textContent = title
  }
  return { field, heading, show }
}
