/** Remembers over a reload how many changes were kept on this device only. */

export interface Ledger {
  /** Changes that earlier pages left behind, unsaved. */
  inherited(): number
  /** This page has so many unsaved changes. */
  write(unsaved: number): void
  /** What earlier pages left behind is durable now. */
  settleInherited(): void
}

type Entries = Record<string, number>

/**
 * One entry per page in localStorage. It is a number for people only: which edits are unsaved is
 * found out from the documents themselves.
 */
export class LocalLedger implements Ledger {
  private readonly key: string
  private readonly left: Entries

  /**
   * @param document what tells documents apart, server included.
   * @param page what tells pages apart, such as the Yjs client id.
   */
  constructor(document: string, private readonly page: string, private readonly storage: Storage) {
    this.key = `collab:unsaved:${document}`
    this.left = this.read()
  }

  inherited(): number {
    return Object.values(this.left).reduce((sum, changes) => sum + changes, 0)
  }

  write(unsaved: number): void {
    const entries = this.read()
    if (unsaved > 0) entries[this.page] = unsaved
    else delete entries[this.page]
    this.store(entries)
  }

  settleInherited(): void {
    const entries = this.read()
    for (const [page, changes] of Object.entries(this.left)) {
      // A page that lives on has written another number since; that one is its own to clear.
      if (entries[page] === changes) delete entries[page]
      delete this.left[page]
    }
    this.store(entries)
  }

  private read(): Entries {
    try {
      const value: unknown = JSON.parse(this.storage.getItem(this.key) ?? '{}')
      const entries: Entries = {}
      for (const [page, changes] of Object.entries(value as object)) {
        if (typeof changes === 'number' && changes > 0) entries[page] = changes
      }
      return entries
    } catch {
      return {}
    }
  }

  private store(entries: Entries): void {
    try {
      if (Object.keys(entries).length === 0) this.storage.removeItem(this.key)
      else this.storage.setItem(this.key, JSON.stringify(entries))
    } catch {
      // A full or forbidden storage costs the number after a reload, not an edit.
    }
  }
}
