/** One version of a document, with what changed in it tinted by who wrote it. */

import * as Y from 'yjs'
import type { Kind } from '../editors/editor'
import type { Version } from '../ui/api'
import { fill, h } from '../ui/dom'
import type { Person } from '../ui/people'
import { ago } from '../ui/words'
import { authorOf } from './authors'
import { rootsList } from './foreign'
import { mapChanges, textChanges, type TextPiece } from './changes'

/** What a version is compared with. */
type Against = 'before' | 'now' | 'nothing'

export interface PreviewOptions {
  version: Version
  kind: Kind | null
  /** The document of now; its authors count for all versions. */
  live: Y.Doc
  /** The state of this version, and of the one before; null where this is the first. */
  load: () => Promise<{ then: Y.Doc; before: Y.Doc | null }>
  onBack: () => void
  /** Null for those who may not. */
  onRestore: (() => void) | null
}

const NOBODY: Person = { name: 'Unknown', color: '#8a8e9c' }

/** Who changed something, in the order in which they are met. */
class Legend {
  readonly people: Person[] = []
  anythingGone = false

  constructor(private readonly live: Y.Doc) {}

  /** The place of a client's author among {@link people}; pages of one person are one author. */
  of(client: number | null): number {
    const author = (client === null ? null : authorOf(this.live, client)) ?? NOBODY
    const known = this.people.findIndex(({ name, color }) => name === author.name && color === author.color)
    return known >= 0 ? known : this.people.push(author) - 1
  }

  /** Colour whatever carries `data-change`, and say on hover whose it is. */
  apply(root: HTMLElement): void {
    for (const element of root.querySelectorAll<HTMLElement>('[data-change^="by-"]')) {
      const author = this.people[Number(element.dataset['change']?.slice(3))] ?? NOBODY
      element.style.setProperty('--person', author.color)
      element.title = author.name
    }
  }

  chips(): HTMLElement[] {
    const chips = this.people.map((author) => {
      const chip = h('span', { class: 'legend-person' }, author.name)
      chip.style.setProperty('--person', author.color)
      return chip
    })
    return this.anythingGone ? [...chips, h('del', { class: 'legend-gone' }, 'deleted')] : chips
  }
}

/** Build the preview; it fetches what it compares. */
export async function versionPreview(options: PreviewOptions): Promise<HTMLElement> {
  const { version, live } = options
  const { then, before } = await options.load()
  const body = h('div', { class: 'preview-body' })
  const legend = h('p', { class: 'legend small', 'aria-live': 'polite' })
  const choice = h(
    'select',
    { class: 'field', 'aria-label': 'Compare' },
    h('option', { value: 'before' }, before === null ? 'Changes from the beginning' : 'Changes since the version before'),
    h('option', { value: 'now' }, 'Changes from then to now'),
    h('option', { value: 'nothing' }, 'No changes'),
  )
  const show = async (): Promise<void> => {
    const against = choice.value as Against
    const [earlier, later] =
      against === 'now' ? [then, copyOf(live)] : [against === 'before' ? (before ?? new Y.Doc()) : then, then]
    const people = new Legend(live)
    const shown = await contentOf(options.kind, earlier, later, people)
    people.apply(shown)
    fill(body, shown)
    const chips = people.chips()
    fill(legend, ...(chips.length > 0 ? chips : [h('span', { class: 'quiet' }, against === 'nothing' ? 'As it was.' : 'Nothing was changed.')]))
  }
  choice.addEventListener('change', () => void show())
  await show()
  return h(
    'section',
    { class: 'version-preview', 'aria-label': 'Version' },
    h(
      'div',
      { class: 'preview-bar' },
      h(
        'div',
        { class: 'preview-words' },
        h('span', {}, h('strong', {}, version.name ?? 'Automatic version'), h('span', { class: 'quiet' }, ` · ${ago(version.created)}`)),
        legend,
      ),
      choice,
      options.onRestore !== null && h('button', { class: 'button primary', type: 'button', onclick: options.onRestore }, 'Restore'),
      h('button', { class: 'button', type: 'button', onclick: options.onBack }, 'Back to now'),
    ),
    body,
  )
}

async function contentOf(kind: Kind | null, before: Y.Doc, after: Y.Doc, legend: Legend): Promise<HTMLElement> {
  if (kind === null) return rootsList(after)
  if (kind === 'board') return boardPreview(before, after, legend)
  if (kind === 'text') {
    const { textPreview } = await import('../editors/text/preview')
    const copies = [copyOf(before), copyOf(after)] as const
    return textPreview(...copies, (change) => changeOf(change, legend)) ?? h('p', { class: 'quiet versions-empty' }, 'This document was empty.')
  }
  const pieces = textChanges(before, after.getText('body')).map((piece) => ({ ...piece, change: changeOf(piece, legend) }))
  if (pieces.length === 0) return h('p', { class: 'quiet versions-empty' }, 'This document was empty.')
  const page = h('pre', { class: 'code-preview', tabIndex: 0 })
  for (const { insert, change } of pieces) {
    const words = typeof insert === 'string' ? insert : '▢'
    page.append(change === undefined ? words : h('span', { 'data-change': change }, words))
  }
  return page
}

function changeOf(piece: Pick<TextPiece, 'kind' | 'client'>, legend: Legend): string | undefined {
  if (piece.kind === 'gone') {
    legend.anythingGone = true
    return 'gone'
  }
  return piece.kind === 'new' ? `by-${legend.of(piece.client)}` : undefined
}

async function boardPreview(before: Y.Doc, after: Y.Doc, legend: Legend): Promise<HTMLElement> {
  const [{ BoardStore }, { toSvg }, { shownBounds }, { isDark }] = await Promise.all([
    import('../editors/board/store'),
    import('../editors/board/export'),
    import('../editors/board/paint'),
    import('../ui/theme'),
  ])
  const [then, now] = [new BoardStore(before), new BoardStore(after)]
  const changes = mapChanges(before, shapesIn(before), shapesIn(after))
  const gone = changes.filter(({ kind }) => kind === 'gone').flatMap(({ key }) => then.get(key) ?? [])
  const shapes = [...gone.map((shape) => ({ ...shape, opacity: 0.25 })), ...now.shapes]
  if (shapes.length === 0) return h('p', { class: 'quiet versions-empty' }, 'This board was empty.')
  legend.anythingGone = gone.length > 0
  const lookup = (id: string): ReturnType<typeof now.get> => now.get(id) ?? then.get(id)
  const frames = changes.map(({ key, kind, client }) => {
    const shape = lookup(key)
    if (shape === undefined) return ''
    const { x, y, w, h: height } = shownBounds(shape, lookup)
    const [colour, dash] = kind === 'gone' ? [NOBODY.color, ' stroke-dasharray="6 6"'] : [legend.people[legend.of(client)]?.color ?? NOBODY.color, '']
    return `<rect x="${x - 6}" y="${y - 6}" width="${w + 12}" height="${height + 12}" rx="6" fill="none" stroke="${colour}" stroke-width="3"${dash}/>`
  })
  const svg = toSvg(shapes, lookup, isDark()).replace(/<\/svg>\s*$/, `${frames.join('')}</svg>`)
  // As a picture: nothing that somebody wrote into a document becomes part of this page.
  const image = h('img', { class: 'board-preview', alt: 'The board as it was', src: URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' })) })
  image.addEventListener('load', () => URL.revokeObjectURL(image.src))
  return image
}

function shapesIn(doc: Y.Doc): Y.Map<unknown> {
  const shapes = doc.getMap('board').get('shapes')
  return shapes instanceof Y.Map ? shapes : new Y.Doc().getMap('none')
}

function copyOf(doc: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  return copy
}
