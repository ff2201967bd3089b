/** Light, dark, or as the system says. The choice is applied by /theme.js before the first paint. */

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'collab:theme'
const listeners = new Set<() => void>()
const system = matchMedia('(prefers-color-scheme: dark)')
system.addEventListener('change', () => tell())

/** What was chosen. */
export function chosenTheme(): Theme {
  const value = document.documentElement.dataset['theme']
  return value === 'light' || value === 'dark' ? value : 'system'
}

/** Whether dark is on the screen. */
export function isDark(): boolean {
  const chosen = chosenTheme()
  return chosen === 'system' ? system.matches : chosen === 'dark'
}

/** Choose, and remember. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  try {
    if (theme === 'system') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme)
  } catch {
    // It holds for this page at least.
  }
  tell()
}

/** From the system's theme to the other one, which is seen at once; then the system's own for good; and the system again. */
export function nextTheme(): void {
  const [own, other] = system.matches ? (['dark', 'light'] as const) : (['light', 'dark'] as const)
  const chosen = chosenTheme()
  chooseTheme(chosen === 'system' ? other : chosen === other ? own : 'system')
}

/** Call back when what is on the screen may have changed; returns how to stop. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function tell(): void {
  for (const listener of listeners) listener()
}
