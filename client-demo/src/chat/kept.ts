/** What this browser keeps of the chat of one document: how far it was read, and what is not sent yet. */

import { keptName } from '../ui/identity'
import { asSaid, type Draft } from './talk'

const CHAT = 'collab:chat:'
/** Offsets of own messages that are kept, for whoever has no sign-in to know them by. */
const OWN = 300

interface Kept {
  read: number
  own: number[]
  drafts: Draft[]
}

/** Shared by the tabs of one person: read anew before each change. */
export class KeptChat {
  readonly place: string
  /** Where the browser keeps nothing. */
  private memory: Kept = { read: 0, own: [], drafts: [] }

  constructor(document: string, subject: string) {
    this.place = keptName(CHAT, subject, document)
  }

  /** The last offset that was seen. */
  get read(): number {
    return this.load().read
  }

  get drafts(): Draft[] {
    return this.load().drafts
  }

  /** Offsets of messages that this browser sent. */
  get own(): ReadonlySet<number> {
    return new Set(this.load().own)
  }

  seen(offset: number): void {
    if (offset > this.read) this.change((kept) => (kept.read = offset))
  }

  add(draft: Draft): void {
    this.change((kept) => kept.drafts.push(draft))
  }

  /** It is in the stream, or is given up. */
  drop(key: string, offset?: number): void {
    this.change((kept) => {
      kept.drafts = kept.drafts.filter((draft) => draft.key !== key)
      if (offset !== undefined && !kept.own.includes(offset)) kept.own = [...kept.own, offset].slice(-OWN)
    })
  }

  /** The document was made anew under its name: nothing of the chat before is true of this one. */
  beginAnew(): void {
    this.change((kept) => {
      kept.read = 0
      kept.own = []
    })
  }

  private change(edit: (kept: Kept) => unknown): void {
    const kept = this.load()
    edit(kept)
    this.memory = kept
    try {
      localStorage.setItem(this.place, JSON.stringify(kept))
    } catch {
      // Then it holds until the page is left.
    }
  }

  private load(): Kept {
    try {
      const kept = localStorage.getItem(this.place)
      if (kept !== null) this.memory = asKept(JSON.parse(kept))
    } catch {
      // What is in memory, then.
    }
    return this.memory
  }
}

function asKept(value: unknown): Kept {
  const { read, own, drafts } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof Kept, unknown>>
  return {
    read: typeof read === 'number' ? read : 0,
    own: Array.isArray(own) ? own.filter((each) => typeof each === 'number') : [],
    drafts: Array.isArray(drafts) ? drafts.flatMap((each: Partial<Draft> | null) => asDraft(each ?? {})) : [],
  }
}

function asDraft({ key, data, at, after }: Partial<Draft>): Draft[] {
  const said = asSaid(data)
  return typeof key === 'string' && typeof at === 'number' && said !== null ? [{ key, data: said, at, after: typeof after === 'number' ? after : 0 }] : []
}
