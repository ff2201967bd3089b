/** Other tabs of the same browser carry edits while this one has no server. */

import * as Y from 'yjs'

type Letter =
  | { kind: 'hello'; vector: Uint8Array }
  | { kind: 'update'; update: Uint8Array }

/** Origin of transactions that came from another tab. */
export const TAB_ORIGIN = Symbol('another tab')

/**
 * A BroadcastChannel per document. Nothing goes over it while the server carries everything: a tab
 * speaks only when it is offline, and a live tab that hears it passes the edits on.
 */
export class Tabs {
  private readonly channel: BroadcastChannel | null

  constructor(document: string, private readonly doc: Y.Doc) {
    this.channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(`collab:${document}`)
    if (this.channel === null) return
    this.channel.onmessage = (event: MessageEvent<Letter>) => this.read(event.data)
  }

  /** Tell the others a change. */
  tell(update: Uint8Array): void {
    this.channel?.postMessage({ kind: 'update', update } satisfies Letter)
  }

  /** Ask the others for what this tab lacks. */
  ask(): void {
    this.channel?.postMessage({ kind: 'hello', vector: Y.encodeStateVector(this.doc) } satisfies Letter)
  }

  close(): void {
    this.channel?.close()
  }

  private read(letter: Letter): void {
    if (letter.kind === 'update') {
      Y.applyUpdate(this.doc, letter.update, TAB_ORIGIN)
    } else {
      const missing = Y.encodeStateAsUpdate(this.doc, letter.vector)
      if (missing.length > 2) this.tell(missing)
    }
  }
}
