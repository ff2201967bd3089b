/** Icons of lucide, one stroke width. */

import { createElement, type IconNode } from 'lucide'

/** Make an icon; decoration only, so hidden from screen readers. */
export function icon(node: IconNode, size: 16 | 20 = 16): SVGElement {
  return createElement(node, {
    class: 'icon',
    width: size,
    height: size,
    'stroke-width': size === 16 ? 1.75 : 1.6,
    'aria-hidden': 'true',
  })
}
