/** A file onto this machine. */

import { h } from './dom'

/** Save words under a title, which may hold what no file's name does. */
export function saveFile(words: string, title: string, ending: string, type: string): void {
  const blob = new Blob([words], { type: `${type};charset=utf-8` })
  const name = title.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, ' ').trim()
  const link = h('a', { href: URL.createObjectURL(blob), download: `${name || 'Untitled'}${ending}` })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
