/** Where a server is, out of what people write. */

export interface Address {
  /** Without a path: what Socket.IO connects to. */
  origin: string
  /** With the path below which the server lives, without a slash at its end. */
  base: string
  /** Of Socket.IO. */
  path: string
}

/**
 * @param url such as `https://example.org`, `https://example.org/below`, `/below`; empty for the page's own server.
 * @param path of Socket.IO, where that is not `socket.io/` below the address.
 * @throws TypeError where it is no address of the web.
 */
export function addressOf(url: string, path?: string): Address {
  const page = globalThis.location?.origin as string | undefined
  let parsed: URL | null = null
  try {
    parsed = new URL(url, page)
  } catch {
    // Said below, in words.
  }
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw new TypeError(`“${url}” is not the address of a server, such as https://example.org`)
  }
  const below = parsed.pathname.replace(/\/+$/, '')
  return { origin: parsed.origin, base: `${parsed.origin}${below}`, path: path ?? `${below}/socket.io/` }
}
