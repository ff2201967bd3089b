/** The toolbar of the text editor: it floats over a selection, and waits at the left of an empty line. */

import {
  Bold, CheckSquare, Code, Heading1, Heading2, Heading3, ImagePlus, Italic, Link, List, ListOrdered, Plus,
  Quote, SquareCode, Strikethrough, type IconNode,
} from 'lucide'
import type Quill from 'quill/core'

import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { openMenu } from '../../ui/overlays'
import { arrowKeys } from '../arrowKeys'
import { linkCard } from './linkCard'

interface Tool {
  label: string
  icon: IconNode
  hint?: string
  format: string
  value: unknown
}

const INLINE: Tool[] = [
  { label: 'Bold', icon: Bold, hint: 'Ctrl B', format: 'bold', value: true },
  { label: 'Italic', icon: Italic, hint: 'Ctrl I', format: 'italic', value: true },
  { label: 'Strikethrough', icon: Strikethrough, format: 'strike', value: true },
  { label: 'Code', icon: Code, hint: '`code`', format: 'code', value: true },
]
const BLOCKS: Tool[] = [
  { label: 'Heading 1', icon: Heading1, hint: '#', format: 'header', value: 1 },
  { label: 'Heading 2', icon: Heading2, hint: '##', format: 'header', value: 2 },
  { label: 'Heading 3', icon: Heading3, hint: '###', format: 'header', value: 3 },
  { label: 'Bulleted list', icon: List, hint: '-', format: 'list', value: 'bullet' },
  { label: 'Numbered list', icon: ListOrdered, hint: '1.', format: 'list', value: 'ordered' },
  { label: 'Check list', icon: CheckSquare, hint: '[]', format: 'list', value: 'unchecked' },
  { label: 'Quote', icon: Quote, hint: '>', format: 'blockquote', value: true },
  { label: 'Code block', icon: SquareCode, hint: '```', format: 'code-block', value: true },
]
/** The block formats that a floating bar has room for; the rest is in the menu of an empty line. */
const IN_BAR = BLOCKS.filter((tool) => tool.label !== 'Heading 3')

/** Put the toolbar onto an editor; `addPicture` asks for a file. Returns what the editor calls; `enter` is for hands on the keyboard. */
export function toolbar(quill: Quill, addPicture: () => void): { enter(): void; hide(): void; destroy(): void } {
  const bar = h('div', { class: 'text-bar floating', role: 'toolbar', 'aria-label': 'Format', hidden: true })
  const link = h('input', { class: 'field', type: 'url', placeholder: 'Paste a link, press Enter', 'aria-label': 'Link' })
  // People type "example.org"; the browser would not let that pass for an address.
  const linkRow = h('form', { class: 'text-bar-link', hidden: true, noValidate: true }, link)
  const tools = [...INLINE, ...IN_BAR].map((tool) => ({ tool, button: barButton(tool.label, tool.icon, tool.hint) }))
  const linkButton = barButton('Link', Link, 'Ctrl K')
  const groups = [tools.slice(0, INLINE.length), tools.slice(INLINE.length)]
  fill(
    bar,
    h(
      'div',
      { class: 'row text-bar-tools' },
      ...(groups[0] ?? []).map(({ button }) => button),
      linkButton,
      h('span', { class: 'text-bar-line' }),
      ...(groups[1] ?? []).map(({ button }) => button),
    ),
    linkRow,
  )
  const add = h('button', { class: 'button plain square text-add', type: 'button', title: 'Add', 'aria-label': 'Add a block', hidden: true }, icon(Plus))
  // Before the text, so that Shift+Tab leads to it; the button comes after it.
  quill.container.before(bar)
  quill.container.append(add)
  const [first, ...others] = bar.querySelectorAll('button')
  for (const button of others) button.tabIndex = -1
  arrowKeys(bar)

  const isOn = (formats: Record<string, unknown>, { format, value }: Tool): boolean =>
    formats[format] === value || (value === 'unchecked' && formats[format] === 'checked')

  const apply = (tool: Tool): void => {
    const formats = quill.getFormat()
    quill.format(tool.format, isOn(formats, tool) ? false : tool.value, 'user')
    update()
  }
  for (const { tool, button } of tools) {
    // The selection stays where it is only if the button does not take the focus.
    button.addEventListener('pointerdown', (event) => event.preventDefault())
    button.addEventListener('click', () => apply(tool))
  }

  let linkRange: { index: number; length: number } | null = null
  const askLink = (): void => {
    linkRange = quill.getSelection()
    if (linkRange === null) return
    const { link: current } = quill.getFormat(linkRange)
    link.value = typeof current === 'string' ? current : ''
    bar.hidden = linkRow.hidden = false
    link.focus()
    update()
  }
  linkButton.addEventListener('pointerdown', (event) => event.preventDefault())
  linkButton.addEventListener('click', askLink)
  const closeLink = (): void => {
    linkRow.hidden = true
    if (linkRange !== null) quill.setSelection(linkRange.index, linkRange.length, 'user')
    linkRange = null
  }
  linkRow.addEventListener('submit', (event) => {
    event.preventDefault()
    if (linkRange === null) return
    const typed = link.value.trim()
    const url = typed === '' ? false : /^[a-z]+:/i.test(typed) ? typed : `https://${typed}`
    const { index, length } = linkRange
    if (length > 0) {
      quill.formatText(index, length, 'link', url, 'user')
    } else if (url !== false) {
      // Without a selection the address is what the link says.
      quill.insertText(index, typed, 'link', url, 'user')
      linkRange = { index: index + typed.length, length }
    }
    closeLink()
  })
  link.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') closeLink()
  })
  quill.keyboard.addBinding({ key: 'k', shortKey: true }, askLink)

  const enter = (): void => {
    if (!quill.isEnabled()) return
    // Only what is shown can take the focus.
    bar.hidden = false
    first?.focus()
    update()
  }
  quill.keyboard.addBinding({ key: 'F10', altKey: true }, enter)
  bar.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') quill.focus()
  })

  const card = linkCard(quill, (found) => {
    quill.setSelection(found.index, found.length, 'user')
    askLink()
  })

  add.addEventListener('pointerdown', (event) => event.preventDefault())
  add.addEventListener('click', () => {
    const items = BLOCKS.map((tool) => ({
      label: tool.label,
      icon: icon(tool.icon),
      ...(tool.hint === undefined ? {} : { hint: tool.hint }),
      run: () => {
        quill.focus()
        apply(tool)
      },
    }))
    openMenu(add, [...items, { label: 'Picture', icon: icon(ImagePlus), run: addPicture }])
  })

  const hide = (): void => {
    bar.hidden = true
    add.hidden = true
    linkRow.hidden = true
    linkRange = null
    card.hide()
  }

  const update = (): void => {
    const range = linkRange ?? quill.getSelection()
    if (range === null || !quill.isEnabled()) {
      if (linkRow.hidden) hide()
      return
    }
    const [line] = quill.getLine(range.index)
    const empty = range.length === 0 && line !== null && line.length() <= 1
    add.hidden = !empty
    if (empty) {
      const at = quill.getBounds(range.index)
      if (at !== null) add.style.top = `${at.top + at.height / 2 - 16}px`
    }
    card.show(range)
    bar.hidden = range.length === 0 && !bar.contains(document.activeElement)
    if (bar.hidden) return
    const formats = quill.getFormat(range)
    for (const { tool, button } of tools) button.setAttribute('aria-pressed', String(isOn(formats, tool)))
    linkButton.setAttribute('aria-pressed', String(formats['link'] !== undefined))
    placeBar(range)
  }

  const placeBar = (range: { index: number; length: number }): void => {
    const bounds = quill.getBounds(range.index, range.length)
    if (bounds === null) return
    const frame = quill.container.getBoundingClientRect()
    const { width, height } = bar.getBoundingClientRect()
    if (matchMedia('(max-width: 640px)').matches) {
      bar.style.left = '8px'
      // Above the keyboard, wherever that is.
      const bottom = visualViewport === null ? innerHeight : visualViewport.offsetTop + visualViewport.height
      bar.style.top = `${bottom - height - 8}px`
      return
    }
    const above = frame.top + bounds.top - height - 8
    const top = above > 56 ? above : Math.min(frame.top + bounds.bottom + 8, innerHeight - height - 8)
    const left = frame.left + (bounds.left + bounds.right) / 2 - width / 2
    bar.style.top = `${top}px`
    bar.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`
  }

  const onEditorChange = (): void => update()
  quill.on('editor-change', onEditorChange)
  const scroller = quill.container.parentElement
  const onScroll = (): void => {
    if (!bar.hidden) update()
  }
  scroller?.addEventListener('scroll', onScroll, { passive: true })
  const onFocusOut = (event: FocusEvent): void => {
    const to = event.relatedTarget as Node | null
    // The menu of an empty line gives the focus back to its button.
    if (add.getAttribute('aria-expanded') === 'true') return
    if (to === quill.root) update()
    // Another window may have what the link is to be.
    else if (to === null ? event.target === quill.root : !parts.some((part) => part.contains(to))) hide()
  }
  const parts = [quill.root, bar, add, card.element]
  for (const part of parts) part.addEventListener('focusout', onFocusOut)
  return {
    enter: () => {
      quill.focus()
      enter()
    },
    hide,
    destroy: () => {
      quill.off('editor-change', onEditorChange)
      scroller?.removeEventListener('scroll', onScroll)
      for (const part of [bar, add, card.element]) part.remove()
    },
  }
}

function barButton(label: string, node: IconNode, hint?: string): HTMLButtonElement {
  const title = hint === undefined ? label : `${label}  ${hint}`
  return h('button', { class: 'button plain square', type: 'button', title, 'aria-label': label }, icon(node))
}

