/** Contrast, computed from the tokens: at least 4.5:1 for whatever is to be read, in both themes. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { contrast } from './support/contrast'

const SOURCES = ['styles/tokens.css', 'editors/code/code.css'].map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8'))

/** Token -> [light, dark], as far as it is one plain colour in each. */
const TOKENS = new Map(
  SOURCES.flatMap((css) => [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)]).map(
    ([, name, light, dark]) => [name as string, [light as string, dark as string] as const],
  ),
)

const GROUNDS = ['background', 'surface', 'raised']
const READ: [string, string[]][] = [
  ['text', [...GROUNDS, 'canvas', 'selection', 'accent-soft', 'warn-soft', 'bad-soft']],
  ['text-2', [...GROUNDS, 'canvas']],
  ['accent', [...GROUNDS, 'accent-soft']],
  ['accent-text', ['accent']],
  ['good', GROUNDS],
  ['warn', [...GROUNDS, 'warn-soft']],
  ['bad', [...GROUNDS, 'bad-soft']],
  ['info', GROUNDS],
  ...[...TOKENS.keys()].filter((name) => name.startsWith('code-')).map((name): [string, string[]] => [name, ['background']]),
]

test.each(READ)('%s can be read', (name, grounds) => {
  for (const ground of grounds) {
    for (const theme of [0, 1] as const) {
      const [ink, paper] = [TOKENS.get(name)?.[theme], TOKENS.get(ground)?.[theme]]
      if (ink === undefined || paper === undefined) throw new Error(`there is no ${name} or no ${ground}`)
      expect(contrast(ink, paper), `${name} on ${ground}, ${theme === 0 ? 'light' : 'dark'}`).toBeGreaterThanOrEqual(4.5)
    }
  }
})

// Amber and grey dots are fainter; the words beside every dot say the same.
test('dots and focus rings stand out, 3:1', () => {
  for (const name of ['good-dot', 'bad-dot', 'info-dot', 'accent']) {
    for (const theme of [0, 1] as const) {
      const ratio = contrast(TOKENS.get(name)?.[theme] ?? '', TOKENS.get('background')?.[theme] ?? '')
      expect(ratio, `${name}, ${theme === 0 ? 'light' : 'dark'}`).toBeGreaterThanOrEqual(3)
    }
  }
})
