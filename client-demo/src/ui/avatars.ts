/** The faces at the top right: up to five, then +N. Hover for the name, click to follow. */

import type { CollabProvider } from 'collab-client'
import { fill, h, oncePerFrame } from './dom'
import { asUser, initials, inkOn, type Me, type Person } from './people'
import { peersOf, type Peer } from './presence'
import './avatars.css'

const SHOWN = 5

export interface AvatarsOptions {
  me: () => Me
  /** Somebody was clicked. */
  onFollow: (client: number) => void
  /** Our own face was clicked. */
  onMe: (anchor: HTMLElement) => void
  /** The +N was clicked. */
  onMore: (anchor: HTMLElement) => void
}

/** Make the row of avatars. `setFollowing` marks the one that is followed. */
export function avatars(
  provider: CollabProvider,
  options: AvatarsOptions,
): { element: HTMLElement; setFollowing(client: number | null): void; refresh(): void; destroy(): void } {
  const { awareness } = provider
  const element = h('div', { class: 'avatars', role: 'group', 'aria-label': 'People here' })
  let following: number | null = null
  let shown = ''

  const face = (peer: Peer): HTMLElement => {
    const button = avatar(peer, `${peer.name} - click to follow`)
    button.dataset['client'] = String(peer.client)
    button.setAttribute('aria-pressed', String(peer.client === following))
    button.addEventListener('click', () => options.onFollow(peer.client))
    return button
  }
  const render = (): void => {
    const peers = peersOf(awareness)
    const own = options.me()
    const key = JSON.stringify([own, following, peers.map((peer) => [peer.client, peer.name, peer.color])])
    if (key === shown) return
    shown = key
    const more = peers.length - SHOWN
    fill(
      element,
      peers.length > 0 && h('div', { class: 'faces' }, ...peers.slice(0, SHOWN).map(face)),
      more > 0 && moreButton(more, options.onMore),
      ownAvatar(own, options.onMe),
    )
  }
  const soon = oncePerFrame(render)
  awareness.on('change', soon)
  render()
  return {
    element,
    refresh: render,
    setFollowing: (client) => {
      following = client
      render()
    },
    destroy: () => awareness.off('change', soon),
  }
}

/** One face; a button. Its initials are a picture: whoever speaks to the page says the name. */
export function avatar(person: Person, title: string): HTMLButtonElement {
  return coloured(h('button', { class: 'avatar', type: 'button', title, 'aria-label': title, 'data-initials': initials(person.name) }), person)
}

/** One face beside the name, only to be looked at. */
export function picture(person: Person): HTMLElement {
  return coloured(h('span', { class: 'avatar', 'aria-hidden': 'true', 'data-initials': initials(person.name) }), person)
}

function coloured<E extends HTMLElement>(face: E, person: Person): E {
  face.style.setProperty('--person', person.color)
  face.style.setProperty('--ink', inkOn(person.color))
  return face
}

function ownAvatar(own: Me, onMe: (anchor: HTMLElement) => void): HTMLElement {
  const face = avatar({ ...own, ...asUser(own) }, `${own.name} (you)`)
  face.classList.add('own')
  face.addEventListener('click', () => onMe(face))
  return face
}

function moreButton(count: number, onMore: (anchor: HTMLElement) => void): HTMLElement {
  const button = h('button', { class: 'avatar more', type: 'button', title: `${count} more`, 'aria-label': `${count} more people` }, `+${count}`)
  button.addEventListener('click', () => onMore(button))
  return button
}
