/**
 * Who wrote what. Yjs marks every piece of content with the client id of the page that wrote it, and the
 * server's history knows participants but no client ids. So each page leaves its person's name in the
 * document's root map `authors`, under its client id, with its first edit. That is what people say about
 * themselves, like the names at their carets; content of other programs has no author here.
 */

import * as Y from 'yjs'
import { personOf, type Person } from '../ui/people'

/** Sign the edits that this page makes in `doc` as `who()`; returns how to stop. */
export function signEdits(doc: Y.Doc, who: () => Person): () => void {
  const authors = doc.getMap('authors')
  const own = String(doc.clientID)
  const sign = (transaction: Y.Transaction): void => {
    if (!transaction.local || transaction.changed.size === 0) return
    const { name, color } = who()
    const signed = authors.get(own) as Partial<Person> | undefined
    if (signed?.name !== name || signed.color !== color) authors.set(own, { name, color })
  }
  doc.on('afterTransaction', sign)
  return () => doc.off('afterTransaction', sign)
}

/** The author behind a client id, or null where nobody signed. */
export function authorOf(doc: Y.Doc, client: number): Person | null {
  const signed = doc.getMap('authors').get(String(client))
  return signed === undefined ? null : personOf(signed, client)
}
