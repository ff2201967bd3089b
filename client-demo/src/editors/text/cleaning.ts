/**
 * HTML without what could do anything: it is read where nothing loads or runs, and only what the schema knows is
 * taken from it. Pictures from elsewhere become links, as a page may not load them; check lists of other editors ours.
 */

import { MOST_BYTES } from '../pictures'
import { safeHref, safePicture } from './safety'

const DEAD = 'script, style, iframe, object, embed, link, meta, base, template, noscript, svg, math'

/** A page of the HTML, cleaned. */
export function cleanedPage(html: string): Document {
  // Handlers do not run here, but the page's policy would complain of each: they get names that mean nothing.
  const mute = html.replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/([\s/"'])on(\w+\s*=)/gi, '$1data-on$2'))
  const page = new DOMParser().parseFromString(mute, 'text/html')
  for (const element of page.querySelectorAll(DEAD)) element.remove()
  for (const image of page.querySelectorAll('img')) {
    const src = image.getAttribute('src')
    if (safePicture(src) !== null && (src?.length ?? 0) <= MOST_BYTES * 1.4) continue
    const href = safeHref(src)
    const link = page.createElement(href === null ? 'span' : 'a')
    if (href !== null) link.setAttribute('href', href)
    link.textContent = image.alt || href || ''
    image.replaceWith(link)
  }
  for (const box of page.querySelectorAll<HTMLInputElement>('li input[type=checkbox]')) {
    const item = box.closest('li')
    const list = item?.parentElement
    if (item === null || list === null || list === undefined) continue
    item.dataset['type'] = 'taskItem'
    item.dataset['checked'] = String(box.hasAttribute('checked'))
    list.dataset['type'] = 'taskList'
    box.remove()
  }
  return page
}

/** The HTML of it. */
export function cleaned(html: string): string {
  return cleanedPage(html).body.innerHTML
}
