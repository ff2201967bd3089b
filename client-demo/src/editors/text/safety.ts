/** Addresses and pictures that may become live; what others wrote is never trusted. */

const SCHEMES = new Set(['http:', 'https:', 'mailto:', 'tel:', 'sms:', 'xmpp:', 'matrix:'])
const PICTURE = /^data:image\/(png|jpe?g|gif|webp|avif|bmp);base64,[a-z0-9+/=\s]*$/i

/** An address that a link may lead to, or null: nothing that runs, and nothing without a scheme that means this page. */
export function safeHref(href: unknown): string | null {
  if (typeof href !== 'string' || href.length > 8_000) return null
  try {
    const url = new URL(href.trim())
    return SCHEMES.has(url.protocol) ? href.trim() : null
  } catch {
    return null
  }
}

/** What a person typed as an address: `example.org` is one too. */
export function typedHref(typed: string): string | null {
  const words = typed.trim()
  if (words === '') return null
  if (/^[^\s@/:]+@[^\s@/:]+\.[^\s@/:]+$/.test(words)) return safeHref(`mailto:${words}`)
  // "localhost:8080" has a port, not a scheme.
  return /^[a-z][a-z0-9+.-]*:(?!\d)/i.test(words) ? safeHref(words) : safeHref(`https://${words}`)
}

/** A picture that this page may show: one that lies in the document. */
export function safePicture(src: unknown): string | null {
  return typeof src === 'string' && PICTURE.test(src.slice(0, 200)) ? src : null
}
