/** Markdown while typing. Lists and check lists come with Quill; these are the others. */

import type Quill from 'quill/core'
import type { Context } from 'quill/modules/keyboard'

const INLINE: { mark: string; pattern: RegExp; format: string }[] = [
  { mark: '**', pattern: /\*\*([^*\s](?:[^*]*[^*\s])?)\*\*$/, format: 'bold' },
  { mark: '*', pattern: /(?:^|[^*])\*([^*\s](?:[^*]*[^*\s])?)\*$/, format: 'italic' },
  { mark: '_', pattern: /(?:^|[^_\w])_([^_\s](?:[^_]*[^_\s])?)_$/, format: 'italic' },
  { mark: '`', pattern: /`([^`]+)`$/, format: 'code' },
  { mark: '~~', pattern: /~~([^~\s](?:[^~]*[^~\s])?)~~$/, format: 'strike' },
]

/**
 * `# ` to `### `, `> ` and ``` at the start of a line; **bold**, *italic*, `code`, ~~strike~~ in it.
 * `step` is called before each, so that one undo brings back what was typed.
 */
export function markdownShortcuts(quill: Quill, step: () => void): void {
  const atStart = (prefix: RegExp, format: string, valueOf: (typed: string) => unknown): void => {
    quill.keyboard.addBinding(
      { key: ' ', collapsed: true, format: { 'code-block': false, list: false, blockquote: false }, prefix },
      (range: { index: number }, context: Context) => {
        const typed = context.prefix
        step()
        quill.deleteText(range.index - typed.length, typed.length, 'user')
        quill.formatLine(range.index - typed.length, 1, format, valueOf(typed), 'user')
      },
    )
  }
  atStart(/^#{1,3}$/, 'header', (typed) => typed.length)
  atStart(/^>$/, 'blockquote', () => true)
  atStart(/^```$/, 'code-block', () => true)

  quill.on('text-change', (delta, _before, source) => {
    if (source !== 'user') return
    const typed = delta.ops[delta.ops.length - 1]?.insert
    if (typeof typed !== 'string' || typed.length !== 1 || !'*_`~'.includes(typed)) return
    const range = quill.getSelection()
    if (range === null || range.length > 0) return
    const [line, offset] = quill.getLine(range.index)
    if (line === null || line.statics.blotName === 'code-block-container') return
    const before = quill.getText(range.index - offset, offset)
    for (const { mark, pattern, format } of INLINE) {
      const found = pattern.exec(before)
      const words = found?.[1]
      if (words === undefined) continue
      const start = range.index - mark.length * 2 - words.length
      if (quill.getFormat(start, words.length)['code'] === true) return
      step()
      quill.deleteText(range.index - mark.length, mark.length, 'user')
      quill.deleteText(start, mark.length, 'user')
      quill.formatText(start, words.length, format, true, 'user')
      quill.setSelection(start + words.length, 0, 'user')
      // What is typed next is plain again.
      quill.format(format, false, 'user')
      return
    }
  })
}
