/** The switch between the themes, as every page has it. */

import { Monitor, Moon, Sun } from 'lucide'
import { fill, h } from './dom'
import { icon } from './icons'
import { chosenTheme, isDark, nextTheme, onTheme } from './theme'

/** Make the button; its icon says which theme is chosen. */
export function themeButton(): HTMLButtonElement {
  const button = h('button', { class: 'button plain square', type: 'button', onclick: nextTheme })
  const show = (): void => {
    const chosen = chosenTheme()
    fill(button, icon(chosen === 'system' ? Monitor : isDark() ? Moon : Sun))
    button.title = `Theme: ${chosen}`
    button.setAttribute('aria-label', `Theme: ${chosen}. Change`)
  }
  onTheme(show)
  show()
  return button
}
