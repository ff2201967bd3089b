/** Carets and selections of others in CodeMirror. */

import { Annotation, type Extension, type Range } from '@codemirror/state'
import { Decoration, EditorView, ViewPlugin, WidgetType, type DecorationSet, type ViewUpdate } from '@codemirror/view'
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'

import { inkOn, type Person } from '../../ui/people'
import { peersOf, type Peer } from '../../ui/presence'
import { placeOf, placeTeller } from '../places'
import { isComposing, toScreen, toText, whenComposed } from './sync'

const othersMoved = Annotation.define<true>()

class Caret extends WidgetType {
  constructor(private readonly person: Person, private readonly key: string, private readonly moved: number) {
    super()
  }

  override eq(other: Caret): boolean {
    return other.key === this.key && other.moved === this.moved
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement('span')
    caret.className = 'caret'
    caret.style.setProperty('--person', this.person.color)
    caret.style.setProperty('--ink', inkOn(this.person.color))
    caret.setAttribute('aria-hidden', 'true')
    const flag = document.createElement('span')
    flag.className = 'caret-flag'
    flag.textContent = this.person.name
    // Word joiners keep a caret at the start of a line on that line.
    caret.append('\u2060', flag, '\u2060')
    return caret
  }

  override get estimatedHeight(): number {
    return -1
  }

  override ignoreEvent(): boolean {
    return true
  }
}

/** Show the others, and tell them where we are. */
export function remoteCarets(text: Y.Text, awareness: Awareness): Extension {
  const tellPlace = placeTeller(text, awareness)
  const plugin = ViewPlugin.fromClass(
    class {
      decorations: DecorationSet = Decoration.none
      private readonly movements = new Map<number, { place: string; count: number }>()
      private readonly onChange: (change: { added: number[]; updated: number[]; removed: number[] }) => void

      constructor(private readonly view: EditorView) {
        this.onChange = ({ added, updated, removed }) => {
          if ([...added, ...updated, ...removed].some((client) => client !== awareness.clientID)) {
            view.dispatch({ annotations: othersMoved.of(true) })
          }
        }
        awareness.on('change', this.onChange)
        this.draw()
      }

      update(update: ViewUpdate): void {
        const moved = update.transactions.some((transaction) => transaction.annotation(othersMoved) === true)
        if (update.selectionSet || update.docChanged || update.focusChanged) this.tell()
        if (!moved && !update.docChanged) return
        // A line that is drawn anew ends the composition in it.
        if (isComposing(this.view)) this.decorations = this.decorations.map(update.changes)
        else this.draw()
      }

      destroy(): void {
        awareness.off('change', this.onChange)
        awareness.setLocalStateField('cursor', null)
      }

      private tell(): void {
        // Out of focus the last place stays: people look at another window and are still here.
        if (!this.view.hasFocus) return
        const { anchor, head } = this.view.state.selection.main
        tellPlace({ anchor: toText(this.view, anchor), head: toText(this.view, head) })
      }

      private draw(): void {
        const length = this.view.state.doc.length
        const ranges: Range<Decoration>[] = []
        for (const peer of peersOf(awareness)) {
          const place = placeOf(peer, text)
          if (place === null) continue
          const [anchor, head] = [place.anchor, place.head].map((at) => Math.min(toScreen(this.view, at), length)) as [number, number]
          const [from, to] = [Math.min(anchor, head), Math.max(anchor, head)]
          if (from < to) {
            const tint = Decoration.mark({ attributes: { style: `background-color: ${peer.color}33` }, class: 'remote-selection' })
            ranges.push(tint.range(from, to))
          }
          const key = `${peer.client}/${peer.name}/${peer.color}`
          const widget = new Caret(peer, key, this.movement(peer))
          ranges.push(Decoration.widget({ widget, side: head > anchor ? -1 : 1 }).range(head))
        }
        this.decorations = Decoration.set(ranges, true)
      }

      /** Counts how often somebody moved by themselves, so that the flag comes back when they do. */
      private movement(peer: Peer): number {
        const place = JSON.stringify(peer.state['cursor'])
        const known = this.movements.get(peer.client)
        if (known?.place === place) return known.count
        const count = (known?.count ?? 0) + 1
        this.movements.set(peer.client, { place, count })
        return count
      }
    },
    { decorations: (value) => value.decorations },
  )
  return [plugin, caretTheme, whenComposed.of((view) => view.dispatch({ annotations: othersMoved.of(true) }))]
}

const caretTheme = EditorView.baseTheme({
  '.caret': {
    position: 'relative',
    borderLeft: '2px solid var(--person)',
    marginLeft: '-1px',
    marginRight: '-1px',
    pointerEvents: 'none',
  },
  '.caret-flag': {
    position: 'absolute',
    zIndex: '5',
    top: '-1.3em',
    left: '-2px',
    padding: '0 5px',
    borderRadius: '4px 4px 4px 0',
    background: 'var(--person)',
    color: 'var(--ink)',
    font: '600 11px/16px var(--font)',
    whiteSpace: 'nowrap',
    pointerEvents: 'none',
    animation: 'flag-fades 240ms ease-out 2s forwards',
  },
  '.cm-line:hover > .caret .caret-flag': { animation: 'none' },
  '.cm-line:first-child .caret-flag': { top: '1.4em', borderRadius: '0 4px 4px 4px' },
})
