/** What the server will not have: kept apart, so that a person can see it, copy it, and go on. */

import * as Y from 'yjs'
import type { ErrorCode, Fault } from './errors.js'

/** Codes that are about one update alone; its author's other changes are taken. */
export const ABOUT_ONE_UPDATE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['update_too_large', 'invalid_update', 'invalid_payload'])

export interface Refused {
  fault: Fault
  /** Epoch milliseconds. */
  at: number
  /** The words that were written, joined. */
  text: string
  /** Everything else: what was put under which key, or into a list. */
  values: { key: string | null; value: unknown }[]
  bytes: number
}

/** What an update says, as far as that can be shown without the document. */
export function readRefused(update: Uint8Array, fault: Fault, at: number): Refused {
  let text = ''
  const values: Refused['values'] = []
  for (const struct of Y.decodeUpdate(update).structs) {
    if (!(struct instanceof Y.Item)) continue
    const { content, parentSub: key } = struct
    if (content instanceof Y.ContentString) text += content.str
    else if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) {
      for (const value of content.getContent()) values.push({ key, value: value as unknown })
    } else if (content instanceof Y.ContentEmbed) values.push({ key, value: content.embed as unknown })
    else if (content instanceof Y.ContentBinary) values.push({ key, value: `${content.content.byteLength} bytes` })
  }
  return { fault, at, text, values, bytes: update.byteLength }
}

/** The same in one piece, to be copied. */
export function asText({ text, values }: Refused): string {
  const rest = values.map(({ key, value }) => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
    return key === null ? shown : `${key}: ${shown}`
  })
  return [text, ...rest].filter((each) => each !== '').join('\n')
}
