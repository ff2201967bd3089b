/** The sheet with all keys. */

import { h } from '../../ui/dom'
import { openDialog } from '../../ui/overlays'
import { SHORTCUTS, TOOLS } from './toolbox'

export function openHelp(): void {
  const rows: [string, string][] = [...TOOLS.map(({ key, label }): [string, string] => [key, label]), ...SHORTCUTS]
  openDialog(
    'Keyboard shortcuts',
    h('dl', { class: 'board-help' }, ...rows.map(([keys, words]) => h('div', {}, h('dt', {}, h('kbd', {}, keys)), h('dd', {}, words)))),
  )
}
