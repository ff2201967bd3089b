/** The frame around a document whose view is somebody else's, with their name. */

import { X } from 'lucide'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { inkOn, type Person } from '../ui/people'

/** The frame, hidden; `show` says whom one follows, or null, and `onStop` is called by its button. */
export function followBar(onStop: () => void): { element: HTMLElement; show(person: Person | null): void } {
  const element = h('div', { class: 'follow-bar', hidden: true })
  const show = (person: Person | null): void => {
    element.hidden = person === null
    if (person === null) return
    element.style.setProperty('--person', person.color)
    element.style.setProperty('--ink', inkOn(person.color))
    fill(
      element,
      h('span', { class: 'follow-words' }, 'Following ', h('strong', {}, person.name)),
      h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Stop following', onclick: onStop }, icon(X)),
    )
  }
  return { element, show }
}
