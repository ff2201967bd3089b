/** A file onto this machine. */

import { h } from './dom'

/** Save words under a title, which may hold what no file's name does. */
export function saveFile(words: string, title: string, ending: string, type: string): void {
  const name = title.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, ' ').trim()
  saveBlob(new Blob([words], { type: `${type};charset=utf-8` }), `${name || 'Untitled'}${ending}`)
}

/** Save what there is, under the name of a file. */
export function saveBlob(blob: Blob, file: string): void {
  const link = h('a', { href: URL.createObjectURL(blob), download: file })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
