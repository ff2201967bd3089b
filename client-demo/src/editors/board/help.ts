/** The sheet with all keys. */

import { h } from '../../ui/dom'
import { openDialog } from '../../ui/overlays'
import { SHORTCUTS, TOOLS } from './toolbox'

export function openHelp(): void {
  const groups = { Tools: TOOLS.map(({ key, label }): [string, string] => [key, label]), ...SHORTCUTS }
  openDialog('Keyboard shortcuts', h('div', { class: 'board-help' }, ...Object.entries(groups).map(([title, rows]) => group(title, rows))))
}

function group(title: string, rows: [string, string][]): HTMLElement {
  return h(
    'section',
    { class: 'board-help-group' },
    h('h3', {}, title),
    h('dl', {}, ...rows.map(([keys, words]) => h('div', {}, h('dt', {}, h('kbd', {}, keys)), h('dd', {}, words)))),
  )
}
