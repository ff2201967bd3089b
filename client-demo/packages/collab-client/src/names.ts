/** What a document may be called (CONTRACT section 2). The server decides; this says why before it is asked. */

import type { Fault } from './errors.js'

const MOST_BYTES = 200
/** Some of these end a Socket.IO namespace: the server would never see the name that was meant. */
const FORBIDDEN = /[,?#%\\]/u
/** What shows nothing of itself; joiners only where neither neighbour is a letter of a script that joins, or an emoji. */
const UNSEEN = /(?![\u200c\u200d])[\p{Cf}\p{Zl}\p{Zp}]|(?<![^\0-\u058f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\0-\u058f\u200c\u200d])/u

/** Why a server would not take this name, in words; null where it would. */
export function faultInName(name: string): string | null {
  const size = new TextEncoder().encode(name).byteLength
  if (/\p{Surrogate}/u.test(name)) return 'it is not valid Unicode'
  if (size === 0) return 'it is empty'
  if (size > MOST_BYTES) return `it has ${size} bytes, and ${MOST_BYTES} are allowed`
  if (FORBIDDEN.test(name)) return 'it may hold none of , ? # % \\'
  if (/\p{Cc}/u.test(name)) return 'it holds a control character'
  if (UNSEEN.test(name)) return 'it holds a character that cannot be seen'
  if (name.normalize('NFC') !== name) return 'its letters are not in Unicode normal form NFC'
  if (/^[/ ]|[/ ]$/u.test(name)) return 'it begins or ends with a slash or a space'
  if (name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) return 'it holds an empty part, “.” or “..”'
  return null
}

/** The refusal that a server would answer, or null. */
export function refusalOfName(name: string): Fault | null {
  const fault = faultInName(name)
  return fault === null ? null : { code: 'invalid_document', message: `A document cannot be called “${shown(name)}”: ${fault}.`, retryable: false }
}

/** As much of a name as helps, without what would break the line. */
function shown(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Surrogate}]/gu, '\ufffd')
  return clean.length > 40 ? `${clean.slice(0, 40)}...` : clean
}
