/**
 * HTML without what could do anything: it is read where nothing loads or runs, and only what the schema knows is
 * taken from it. Pictures from elsewhere become links, as a page may not load them; check lists of other editors ours.
 */

import { frame } from '../../ui/dom'
import { MOST_BYTES } from '../pictures'
import { safeHref, safePicture } from './safety'

/** So many characters are read in a frame where it is much. */
const STRETCH = 150_000
const DEAD = 'script, style, iframe, object, embed, link, meta, base, template, noscript, svg, math'

/** A page of much HTML, cleaned, read over some frames. */
export async function cleanedPage(html: string): Promise<Document> {
  const page = document.implementation.createHTMLDocument()
  page.open()
  for (let at = 0; at < html.length; ) {
    // Behind the end of a tag, so that each is muted whole.
    const close = html.indexOf('>', at + STRETCH)
    const end = close < 0 ? html.length : close + 1
    page.write(muted(html.slice(at, end)))
    at = end
    await frame()
  }
  page.close()
  return clean(page)
}

/** The HTML without what could do anything. */
export function cleaned(html: string): string {
  return clean(new DOMParser().parseFromString(muted(html), 'text/html')).body.innerHTML
}

/** Handlers do not run here, but the page's policy would complain of each: they get names that mean nothing. */
function muted(html: string): string {
  return html.replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/([\s/"'])on(\w+\s*=)/gi, '$1data-on$2'))
}

function clean(page: Document): Document {
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
