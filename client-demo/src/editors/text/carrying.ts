/** Carries an old text over as soon as this page has all of it and may; until then it is shown as it is. */

import * as Y from 'yjs'

import { h } from '../../ui/dom'
import type { CollabProvider } from 'collab-client'
import { carryOver, waits } from './carry'
import { staticText } from './preview'

/** Watch a document for its editor on `page`; `update` is called when the person's role is another one. */
export function carrying(doc: Y.Doc, provider: CollabProvider, page: HTMLElement, readOnly: () => boolean): { update(): void; destroy(): void } {
  const old = doc.getText('body')
  let shown: HTMLElement | null = null
  const update = (): void => {
    // Only who has everything that the server has writes what others write too.
    if (provider.synced && !readOnly() && !provider.details.readOnly) carryOver(doc)
    const waiting = waits(doc)
    page.classList.toggle('old', waiting)
    shown?.remove()
    shown = waiting ? h('div', { class: 'text-old' }, staticText(doc)) : null
    if (shown !== null) page.append(shown)
  }
  const onChange = (transaction: Y.Transaction): void => {
    const carried = doc.getMap('carried')
    if (transaction.changed.has(carried as never) || (transaction.changed.has(old as never) && waits(doc))) update()
  }
  // Restoring an old version brings words back that wait again.
  doc.on('afterAllTransactions', onTransactions)
  provider.on('synced', update)
  update()

  function onTransactions(_doc: Y.Doc, transactions: Y.Transaction[]): void {
    for (const transaction of transactions) onChange(transaction)
  }
  return {
    update,
    destroy: () => {
      doc.off('afterAllTransactions', onTransactions)
      provider.off('synced', update)
    },
  }
}
