/** The menu that "/" opens on an empty line: type on to choose, Enter to take. */

import { ImagePlus, type IconNode } from 'lucide'
import { Plugin, type EditorState } from 'prosemirror-state'
import type { EditorView } from 'prosemirror-view'

import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { cameFromDocument } from './sync'
import { BLOCKS } from './tools'

interface Entry {
  label: string
  icon: IconNode
  hint?: string
  also?: string
  run: (view: EditorView) => void
}

/** `addPicture` asks for a file. */
export function slashMenu(addPicture: () => void): Plugin {
  const entries: Entry[] = [
    ...BLOCKS.map((tool) => ({ ...tool, run: (view: EditorView) => void tool.run(view.state, view.dispatch, view) })),
    { label: 'Picture', icon: ImagePlus, also: 'image photo', run: addPicture },
  ]
  let menu: Menu | null = null
  /** Whoever closed it wants to write a slash. */
  let closedAt: number | null = null
  let typed = false

  return new Plugin({
    props: {
      handleKeyDown: (_view, event) => menu?.onKey(event) ?? false,
      handleTextInput: (_view, _from, _to, text) => {
        typed ||= text === '/' || text === '／'
        return false
      },
      handleDOMEvents: {
        blur: () => {
          menu?.close()
          return false
        },
      },
    },
    state: {
      init: () => null,
      apply: (tr) => {
        if (tr.docChanged && cameFromDocument(tr) && menu === null) typed = false
        return null
      },
    },
    view: (view) => ({
      update: () => {
        const query = typed || menu !== null ? queryIn(view.state) : null
        if (query === null || !view.editable) {
          closedAt = null
          typed = false
          menu?.close()
          return
        }
        if (closedAt === query.from) return
        menu ??= new Menu(view, entries, (byHand) => {
          menu = null
          typed = false
          if (byHand) closedAt = queryIn(view.state)?.from ?? null
        })
        menu.show(query)
      },
      destroy: () => menu?.close(),
    }),
  })
}

interface Query {
  words: string
  from: number
  to: number
}

function queryIn(state: EditorState): Query | null {
  const { $from, empty } = state.selection
  if (!empty || $from.parent.type.name !== 'paragraph') return null
  const text = $from.parent.textContent
  if (!/^[/／][^/\s]{0,20}(?: [^/\s]{0,20})?$/.test(text) || $from.parentOffset !== text.length || $from.parent.content.size !== text.length) return null
  return { words: text.slice(1).toLowerCase(), from: $from.start(), to: $from.pos }
}

class Menu {
  private readonly element = h('div', { class: 'menu floating slash-menu', role: 'listbox', 'aria-label': 'Add a block', id: 'slash-menu' })
  private found: Entry[] = []
  private chosen = 0
  private query: Query | null = null

  constructor(private readonly view: EditorView, private readonly entries: Entry[], private readonly onClose: (byHand: boolean) => void) {
    document.body.append(this.element)
    this.element.addEventListener('pointerdown', (event) => event.preventDefault())
    view.dom.setAttribute('aria-controls', this.element.id)
  }

  show(query: Query): void {
    if (query.words !== this.query?.words) this.chosen = 0
    this.query = query
    const words = query.words
    this.found = this.entries.filter(({ label, also }) => label.toLowerCase().includes(words) || (also ?? '').split(' ').some((word) => word.startsWith(words)))
    if (this.found.length === 0) {
      this.element.hidden = true
      return
    }
    this.element.hidden = false
    this.draw()
    const at = this.view.coordsAtPos(query.from)
    const { width, height } = this.element.getBoundingClientRect()
    const below = at.bottom + 6 + height <= innerHeight - 8
    this.element.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`
    this.element.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - height - 6)}px`
  }

  onKey(event: KeyboardEvent): boolean {
    if (this.found.length === 0 || event.isComposing) return false
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      this.chosen = (this.chosen + (event.key === 'ArrowDown' ? 1 : this.found.length - 1)) % this.found.length
      this.draw()
    } else if (event.key === 'Enter' || event.key === 'Tab') {
      this.take(this.found[this.chosen])
    } else if (event.key === 'Escape') {
      this.close(true)
    } else {
      return false
    }
    return true
  }

  close(byHand = false): void {
    this.element.remove()
    this.view.dom.removeAttribute('aria-controls')
    this.view.dom.removeAttribute('aria-activedescendant')
    this.onClose(byHand)
  }

  private take(entry: Entry | undefined): void {
    const { query } = this
    if (entry === undefined || query === null) return
    this.close()
    this.view.dispatch(this.view.state.tr.delete(query.from, query.to))
    entry.run(this.view)
    this.view.focus()
  }

  private draw(): void {
    fill(
      this.element,
      ...this.found.map((entry, index) =>
        h(
          'div',
          { class: 'menu-item', role: 'option', id: `slash-${index}`, 'aria-selected': String(index === this.chosen), onclick: () => this.take(entry) },
          icon(entry.icon),
          h('span', { class: 'grow' }, entry.label),
          entry.hint !== undefined && h('span', { class: 'quiet small' }, entry.hint),
        ),
      ),
    )
    this.view.dom.setAttribute('aria-activedescendant', `slash-${this.chosen}`)
    this.element.children[this.chosen]?.scrollIntoView({ block: 'nearest' })
  }
}
