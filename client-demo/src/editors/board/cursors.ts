/** The pointers of the others, as elements over the board. */

import { h } from '../../ui/dom'
import { inkOn } from '../../ui/people'
import type { Stage } from './stage'

interface Shown {
  element: HTMLElement
  flag: HTMLElement
  name: string
  color: string
}

export class Cursors {
  private readonly shown = new Map<number, Shown>()

  /** @param layer the element that they are put into. */
  constructor(private readonly stage: Stage, private readonly layer: HTMLElement) {}

  /** Put all of them where they are at this moment. */
  place(now: number): void {
    const { camera, live } = this.stage
    const here = new Set<number>()
    for (const { peer, at } of live.cursors(now)) {
      here.add(peer.client)
      const cursor = this.shown.get(peer.client) ?? this.add(peer.client)
      if (cursor.name !== peer.name) cursor.flag.textContent = cursor.name = peer.name
      if (cursor.color !== peer.color) {
        cursor.color = peer.color
        cursor.element.style.setProperty('--person', peer.color)
        cursor.element.style.setProperty('--ink', inkOn(peer.color))
      }
      const { x, y } = camera.toScreen(at)
      cursor.element.style.transform = `translate(${x}px, ${y}px)`
    }
    for (const [client, { element }] of this.shown) {
      if (here.has(client)) continue
      element.remove()
      this.shown.delete(client)
    }
    if (live.moving) this.stage.invalidate('overlay')
  }

  private add(client: number): Shown {
    const flag = h('span', { class: 'board-cursor-flag' })
    const element = h('div', { class: 'board-cursor', 'aria-hidden': 'true' }, arrow(), flag)
    this.layer.append(element)
    const cursor = { element, flag, name: '', color: '' }
    this.shown.set(client, cursor)
    return cursor
  }
}

function arrow(): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('width', '22')
  svg.setAttribute('height', '22')
  svg.setAttribute('viewBox', '0 0 18 18')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', 'M1.5 1.5l5.2 14 2.2-6 6-2.2z')
  svg.append(path)
  return svg
}
