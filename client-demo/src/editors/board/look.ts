/** The look of the next shape, remembered between visits. */

import { FIRST_LOOK, readShape, type Look } from './shapes'

const KEY = 'collab:look'

export function keptLook(): Look {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    const read = readShape('', { ...FIRST_LOOK, ...(kept as object), type: 'rectangle' })
    if (read === null) return FIRST_LOOK
    const { stroke, fill, width, dash, opacity, fontSize, route } = read
    return { stroke, fill, width, dash, opacity, fontSize, route }
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
