/** The HTTP API (CONTRACT section 4), as far as the demo uses it. A server without it is no error. */

import { asFault, type Fault, type InboxNews } from 'collab-client'

const BASE = '/api/v1'

/** A document as the list has it. */
export interface Listed {
  name: string
  size: number
  updated_at: string
  participants: number
}

/** A document in the trash. */
export interface Deleted {
  name: string
  size: number
  deleted_at: string
  expires_at: string
}

export interface Version {
  id: string
  name: string | null
  author: string | null
  /** Epoch milliseconds. */
  created: number
  automatic: boolean
  size: number
}

/** Something that the server refused, in words for a person. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly fault: Fault) {
    super(fault.message)
  }
}

/** Requests with the token of a tab, whichever it is by then. */
export class Api {
  constructor(private readonly tokenNow: () => string | null) {}

  /** The first thousand documents by name, or null where this server or this person has no list. */
  async documents(): Promise<Listed[] | null> {
    const answer = await this.request('GET', '/documents?limit=1000')
    if (!answer.ok) return null
    return ((await answer.json()) as { documents: Listed[] }).documents
  }

  /** What a document says about itself in its root map `meta`; empty where it says nothing, or may not be read. */
  async meta(document: string): Promise<Record<string, unknown>> {
    const answer = await this.request('GET', `/documents/${encodeURIComponent(document)}/content?format=json&path=/meta`)
    const meta: unknown = answer.ok ? await answer.json().catch(() => null) : null
    return typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>) : {}
  }

  /**
   * Our role on a document, also on one that does not exist; null where we have none.
   * @throws ApiError where the server has another reason to refuse.
   */
  async role(document: string): Promise<string | null> {
    const answer = await this.request('GET', `/documents/${encodeURIComponent(document)}/access`)
    if (answer.status === 401 || answer.status === 403) return null
    return ((await this.read(answer)) as { role: string }).role
  }

  /** Everything in a document as JSON. */
  async content(document: string): Promise<string> {
    const answer = await this.request('GET', `/documents/${encodeURIComponent(document)}/content?format=json`)
    if (!answer.ok) await this.read(answer)
    return answer.text()
  }

  /** What may be brought back, and for how many seconds the server keeps what is deleted (0: not at all). */
  async deleted(): Promise<{ documents: Deleted[]; keep: number }> {
    const answer = await this.request('GET', '/documents?deleted=true&limit=100')
    if (!answer.ok) return { documents: [], keep: 0 }
    const { documents, keep } = (await answer.json()) as { documents: Partial<Deleted>[]; keep?: number }
    // A server without a trash does not know the parameter, and lists what is there.
    return { documents: documents.filter((each): each is Deleted => each.deleted_at !== undefined), keep: keep ?? 0 }
  }

  /** Bring a deleted document back, with its versions. */
  async undelete(document: string): Promise<void> {
    await this.read(await this.request('POST', `/documents/${encodeURIComponent(document)}/undelete`))
  }

  /** Delete a document, with its versions. */
  async remove(document: string): Promise<void> {
    await this.read(await this.request('DELETE', `/documents/${encodeURIComponent(document)}`))
  }

  /** The newest versions, newest first; null where this server has none. */
  async versions(document: string): Promise<Version[] | null> {
    const answer = await this.request('GET', `/documents/${encodeURIComponent(document)}/versions`)
    // A document that nobody has written to yet is not found either; its list is empty.
    if (answer.status === 404) return (await hasDocuments(answer)) ? [] : null
    return ((await this.read(answer)) as { versions: Raw[] }).versions.map(asVersion)
  }

  /** The names of the people who are signed in and here now, by their ids; empty where they may not be asked for. */
  async names(document: string): Promise<Map<string, string>> {
    const answer = await this.request('GET', `/documents/${encodeURIComponent(document)}/participants`)
    if (!answer.ok) return new Map()
    const { participants } = (await answer.json()) as { participants: { user: { id?: string; name: string } }[] }
    return new Map(participants.flatMap(({ user: { id, name } }) => (id === undefined ? [] : [[id, name]])))
  }

  /** Keep the document as it is now under a name. */
  async nameVersion(document: string, name: string): Promise<Version> {
    const answer = await this.request('POST', `/documents/${encodeURIComponent(document)}/versions`, { name })
    return asVersion((await this.read(answer)) as Raw)
  }

  /** A version as one Yjs v1 update. */
  async version(document: string, id: string): Promise<Uint8Array> {
    const path = `/documents/${encodeURIComponent(document)}/versions/${encodeURIComponent(id)}?format=update`
    const answer = await this.request('GET', path)
    if (!answer.ok) await this.read(answer)
    return new Uint8Array(await answer.arrayBuffer())
  }

  /** Bring a version back, as an ordinary edit that everybody receives. */
  async restore(document: string, id: string): Promise<void> {
    const path = `/documents/${encodeURIComponent(document)}/versions/${encodeURIComponent(id)}/restore`
    await this.read(await this.request('POST', path))
  }

  /**
   * Our inbox, oldest first; null where nobody has one: without a sign-in, or on a server that has none.
   * @throws ApiError where it cannot be had right now.
   */
  async inbox(unread = false): Promise<InboxNews | null> {
    const answer = await this.request('GET', `/inbox?unread=${unread}`)
    if (answer.status === 401 || answer.status === 403 || answer.status === 404) return null
    return (await this.read(answer)) as InboxNews
  }

  /** Entries of the inbox are read; the request outlives the page. Returns how many are not. */
  async markRead(what: { ids: number[] } | { up_to: number }): Promise<number> {
    return ((await this.read(await this.request('POST', '/inbox/read', what, true))) as { unread: number }).unread
  }

  /** What the server says about itself: version, store, nodes, as far as it does. */
  async about(): Promise<Record<string, unknown>> {
    const answer = await fetch('/healthz')
    return answer.ok ? ((await answer.json()) as Record<string, unknown>) : {}
  }

  private request(method: string, path: string, body?: unknown, keepalive = false): Promise<Response> {
    const token = this.tokenNow()
    return fetch(BASE + path, {
      method,
      keepalive,
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  private async read(answer: Response): Promise<unknown> {
    const body: unknown = answer.status === 204 ? null : await answer.json().catch(() => null)
    if (answer.ok) return body
    const { detail, title } = (body ?? {}) as { detail?: string; title?: string }
    const message = detail ?? title ?? 'The server could not do this.'
    throw new ApiError(answer.status, { ...(asFault(body) ?? { code: 'internal', retryable: false }), message })
  }
}

interface Raw {
  id: number
  name: string | null
  automatic: boolean
  participant: string | null
  created_at: string
  size: number
}

function asVersion({ id, name, automatic, participant, created_at, size }: Raw): Version {
  return { id: String(id), name, automatic, author: participant, created: Date.parse(created_at), size }
}

/** Whether a 404 comes from the API, about a document, and not from a server without it. */
async function hasDocuments(answer: Response): Promise<boolean> {
  const body: unknown = await answer.json().catch(() => null)
  return asFault(body)?.code === 'not_found'
}
