/** Where a person may make documents: the server is asked before anybody is invited. */

import type { Kind } from '../editors/editor'
import { ApiError, type Api } from '../ui/api'
import { claimsOf } from '../ui/identity'
import { addressOf, freshName, tokenOfTab } from '../ui/location'
import { toast } from '../ui/toasts'

const WRITERS: readonly unknown[] = ['editor', 'admin']
const MOST_GRANTS = 20

/**
 * What the name of a new document has to begin with: nothing, or something like `team/`.
 * @param near a document beside which it would be best.
 * @returns null for those who may make none.
 */
export async function whereToMake(api: Api, near = ''): Promise<string | null> {
  const folder = near.slice(0, near.lastIndexOf('/') + 1)
  for (const beginning of new Set([folder, '', ...grantedBeginnings()])) {
    const role = await api.role(freshName('text', beginning)).catch((error: unknown) => (error instanceof ApiError ? null : 'unknown'))
    // Whoever cannot ask, without a network, makes one here; it is sent when that is possible.
    if (role === 'unknown' || WRITERS.includes(role)) return beginning
  }
  return null
}

/** Make one of a kind beside `near`, and go there. */
export async function newDocument(api: Api, kind: Kind, near: string): Promise<void> {
  const beginning = await whereToMake(api, near)
  if (beginning === null) toast({ words: 'You may open what is shared with you, but not make new documents. Ask whoever runs this server for a sign-in that lets you.', tone: 'warn', key: 'making' })
  else location.assign(addressOf(freshName(kind, beginning), kind))
}

/** How names begin that a token says its holder may write: `team/` for a grant on `team/*`. The server decides. */
function grantedBeginnings(): string[] {
  const { grants } = claimsOf(tokenOfTab())
  if (!Array.isArray(grants)) return []
  return grants.slice(0, MOST_GRANTS).flatMap((grant: { documents?: unknown; role?: unknown } | null) => {
    const { documents, role } = grant ?? {}
    const found = typeof documents === 'string' && WRITERS.includes(role) ? /^([^*?[\]]*)\*$/.exec(documents) : null
    return found?.[1] === undefined ? [] : [found[1]]
  })
}
