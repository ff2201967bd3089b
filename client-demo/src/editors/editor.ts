/** What the document page and its editors say to each other. */

import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { CollabProvider } from 'collab-client'
import type { Toast } from '../ui/toasts'

export type Kind = 'text' | 'code' | 'board'

export interface EditorContext {
  doc: Y.Doc
  provider: CollabProvider
  /** The provider's awareness; what others put into `user` is checked when it is read. */
  awareness: Awareness
  meta: Y.Map<unknown>
  toast: (message: Toast) => void
  /** The person at this screen moved by themselves: whoever was followed is followed no more. */
  onFollowEnd: () => void
  /** What the document calls itself by its first heading, or null: its title until somebody names it. */
  onHeading: (words: string | null) => void
  /** The title that is shown. */
  title: () => string
}

export interface Editor {
  setReadOnly(readOnly: boolean): void
  /** Keep the view on somebody, or on nobody. */
  follow(client: number | null): void
  focus(): void
  /** Entries for the page's menu. */
  menu(): { label: string; hint?: string; run: () => void }[]
  destroy(): void
}

/** Fill `host` with an editor. */
export type MountEditor = (host: HTMLElement, context: EditorContext) => Editor
