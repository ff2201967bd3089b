/** The HTTP API (CONTRACT section 4), as far as the demo uses it. A server without it is no error. */

import { asFault, type Fault } from '../provider'

const BASE = '/api/v1'

/** A document as the list has it. */
export interface Listed {
  name: string
  size: number
  /** ISO time, or epoch seconds. */
  updated_at: string | number | null
  participants: number
}

export interface Version {
  id: string
  name: string | null
  author: string | null
  /** Epoch milliseconds. */
  created: number
  automatic: boolean
  size: number | null
}

/** Something that the server refused, in words for a person. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly fault: Fault) {
    super(fault.message)
  }
}

/** Requests with the token of a tab. */
export class Api {
  constructor(private readonly token: string | null) {}

  /** The newest documents, or null where this server or this person has no list. */
  async documents(): Promise<Listed[] | null> {
    const answer = await this.request('GET', '/documents?limit=200')
    if (!answer.ok) return null
    const body = (await answer.json()) as { documents?: Listed[]; items?: Listed[] }
    return body.documents ?? body.items ?? []
  }

  /** Whether versions can be listed at all. */
  async versions(document: string): Promise<Version[] | null> {
    const answer = await this.request('GET', `/documents/${encodeURIComponent(document)}/versions`)
    if (answer.status === 404 || answer.status === 405 || answer.status === 501) return null
    const body = (await this.read(answer)) as { versions?: Raw[]; items?: Raw[] } | Raw[]
    const list = Array.isArray(body) ? body : (body.versions ?? body.items ?? [])
    return list.map(asVersion).sort((a, b) => b.created - a.created)
  }

  /** Keep the document as it is now under a name. */
  async nameVersion(document: string, name: string): Promise<void> {
    await this.read(await this.request('POST', `/documents/${encodeURIComponent(document)}/versions`, { name }))
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

  /** What the server says about itself: version, store, nodes, as far as it does. */
  async about(): Promise<Record<string, unknown>> {
    const answer = await fetch('/healthz')
    return answer.ok ? ((await answer.json()) as Record<string, unknown>) : {}
  }

  private request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(BASE + path, {
      method,
      headers: {
        ...(this.token === null ? {} : { Authorization: `Bearer ${this.token}` }),
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

type Raw = Record<string, unknown>

/** Epoch milliseconds out of what a server may call a time. */
export function timeOf(value: unknown): number {
  if (typeof value === 'number') return value < 1e12 ? value * 1000 : value
  const time = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(time) ? 0 : time
}

function asVersion(raw: Raw): Version {
  const name = typeof raw['name'] === 'string' && raw['name'] !== '' ? raw['name'] : null
  const author: unknown = raw['author'] ?? raw['created_by'] ?? raw['participant'] ?? null
  const words = typeof author === 'object' && author !== null ? (author as { name?: unknown }).name : author
  return {
    id: String(raw['id'] ?? raw['version'] ?? ''),
    name,
    author: typeof words === 'string' ? words : null,
    created: timeOf(raw['created_at'] ?? raw['created'] ?? raw['at']),
    automatic: raw['automatic'] === true || raw['kind'] === 'automatic' || raw['kind'] === 'checkpoint' || name === null,
    size: typeof raw['size'] === 'number' ? raw['size'] : null,
  }
}
