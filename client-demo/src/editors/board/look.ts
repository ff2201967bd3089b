/** The look of the next shape, remembered between visits. */

import { FIRST_LOOK, type Look } from './shapes'

const KEY = 'collab:look'

export function keptLook(): Look {
  try {
    return { ...FIRST_LOOK, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Look>) }
  } catch {
    return FIRST_LOOK
  }
}

export function keepLook(look: Look): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(look))
  } catch {
    // The next visit begins with the usual look.
  }
}
