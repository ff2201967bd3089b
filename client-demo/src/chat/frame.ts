/** The panel of the chat as it is there at once: its head, its room, and the field, which keeps what is typed while the conversation is still on its way. */

import { X } from 'lucide'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import type { Chat } from './chat'
import { composer, type Candidate, type Composer } from './composer'
import './chat.css'

/** What the conversation does for the frame that it is shown in. */
export interface Conversation {
  candidates(): Candidate[]
  send(body: string): void
  cancelReply(): void
  destroy(): void
}

export class ChatFrame {
  readonly element: HTMLElement
  readonly list = h('ol', { class: 'chat-list' })
  readonly log = h('div', { class: 'chat-log', role: 'log', 'aria-label': 'Messages', 'aria-live': 'off', tabIndex: 0 }, this.list)
  readonly room = h('div', { class: 'chat-frame' }, this.log)
  readonly typing = h('div', { class: 'chat-typing', 'aria-hidden': 'true' })
  private readonly foot = h('div', { class: 'chat-foot' })
  private field: Composer | null = null
  private conversation: Conversation | null = null
  private destroyed = false

  constructor(readonly chat: Chat, onClose: () => void) {
    this.element = h(
      'aside',
      { class: 'side-panel chat', 'aria-label': 'Chat' },
      h('div', { class: 'side-head' }, h('h2', {}, 'Chat'), h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Close chat', onclick: onClose }, icon(X))),
      this.room,
      this.typing,
      this.foot,
    )
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.isComposing) return
      event.stopPropagation()
      if (this.composer?.escape() !== true) onClose()
    })
    chat.provider.on('role', this.renderFoot)
    this.renderFoot()
    void this.load()
  }

  /** Where one writes; null for those who may not. */
  get composer(): Composer | null {
    return this.field
  }

  focus(): void {
    if (this.field !== null && matchMedia('(pointer: fine)').matches) this.field.focus()
    else this.log.focus({ preventScroll: true })
  }

  destroy(): void {
    this.destroyed = true
    this.chat.provider.off('role', this.renderFoot)
    this.field?.destroy()
    this.conversation?.destroy()
  }

  /** Before the server said, one may: what it will not have is given back. */
  mayWrite(): boolean {
    return this.chat.provider.role !== 'viewer'
  }

  private async load(): Promise<void> {
    fill(this.list, h('li', { class: 'chat-empty chat-loading quiet' }, 'Loading the conversation...'))
    try {
      const { conversation } = await import('./panel')
      if (this.destroyed) return
      fill(this.list)
      this.conversation = conversation(this)
    } catch {
      const again = h('button', { class: 'button', type: 'button', onclick: () => location.reload() }, 'Reload')
      fill(this.list, h('li', { class: 'chat-empty' }, h('strong', {}, 'The conversation could not be loaded'), h('span', { class: 'quiet' }, 'What you write is sent all the same.'), h('span', {}, again)))
    }
  }

  private readonly renderFoot = (): void => {
    const may = this.mayWrite()
    if (may === (this.field !== null) && this.foot.childElementCount > 0) return
    this.field?.destroy()
    this.field = null
    if (!may) return fill(this.foot, h('p', { class: 'chat-reading' }, 'You can read along. To write, ask for a link that lets you comment.'))
    this.field = composer({
      typed: this.chat.typed,
      onTyped: (typed) => (this.chat.typed = typed),
      people: () => this.conversation?.candidates() ?? [],
      onSend: (body) => (this.conversation === null ? this.chat.say(body, null) : this.conversation.send(body)),
      onTyping: this.onTyping,
      onCancelReply: () => this.conversation?.cancelReply(),
    })
    fill(this.foot, this.field.element)
  }

  private readonly onTyping = (typing: boolean): void => {
    const { awareness } = this.chat.provider
    const now = (awareness.getLocalState()?.['chat'] as { typing?: boolean } | null | undefined)?.typing === true
    if (awareness.getLocalState() !== null && now !== typing) awareness.setLocalStateField('chat', typing ? { typing } : null)
  }
}
