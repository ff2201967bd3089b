/** Whether everything is in the browser's own database: y-indexeddb does not tell. */

import type { IndexeddbPersistence } from 'y-indexeddb'
import type * as Y from 'yjs'

const STORE = 'updates'

/**
 * Follows the writes of a local copy. Transactions on one store come after each other, so an empty one that
 * is through says that all before it are; at most one is under way.
 */
export class LocalWrites {
  private underWay = false
  private more = false
  private loaded = false

  /** @param onChange is told whether everything is kept. */
  constructor(private readonly local: IndexeddbPersistence, doc: Y.Doc, private readonly onChange: (kept: boolean) => void) {
    void local.whenSynced.then(() => {
      this.loaded = true
      this.look()
    })
    // The copy has listened longer than we do: its write is under way when we hear of an update.
    doc.on('update', (_update: Uint8Array, origin: unknown) => {
      if (origin !== local) this.look()
    })
    onChange(false)
  }

  /** Whether closing the page now would lose nothing of the document. */
  get kept(): boolean {
    return this.loaded && !this.underWay
  }

  private look(): void {
    const { db } = this.local
    if (!this.loaded || db === null) return
    if (this.underWay) {
      this.more = true
      return
    }
    this.onChange(false)
    let barrier: IDBTransaction
    try {
      barrier = (db as unknown as IDBDatabase).transaction([STORE], 'readwrite')
    } catch {
      // The copy was thrown away, as that of a deleted document is.
      this.loaded = false
      return
    }
    this.underWay = true
    barrier.oncomplete = barrier.onabort = () => {
      this.underWay = false
      if (this.more) {
        this.more = false
        this.look()
      } else {
        this.onChange(true)
      }
    }
  }
}
