/** Why a server that is there takes no connection of this page, where that can be found out. */

import type { Fault } from './errors.js'

/** The refusal of a page of another origin; browsers tell pages nothing but that it did not work. */
export async function refusalOfOrigin(base: string, document: string): Promise<Fault | null> {
  const page = globalThis.location?.origin as string | undefined
  if (page === undefined || page === new URL(base).origin) return null
  const reaches = (path: string, method: string): Promise<boolean> =>
    fetch(`${base}${path}`, { method, cache: 'no-store' }).then(() => true, () => false)
  // The first may be read by everybody, the second by pages that may connect.
  if (!(await reaches('/client/collab-client.js', 'HEAD'))) return null
  if (await reaches(`/api/v1/documents/${encodeURIComponent(document)}/access`, 'GET')) return null
  return { code: 'forbidden', message: `Pages of ${page} may not use this server: its setting cors-origins does not name them.`, retryable: true }
}
