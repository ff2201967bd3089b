/** The server's codes (CONTRACT section 5), and words that help a person. */

/** Every code that a server may say; `tests/unit/test_distribution.py` holds this beside the server's own table. */
export const CODES = [
  'invalid_document',
  'invalid_payload',
  'invalid_update',
  'missing_dependencies',
  'unknown_event',
  'unauthorized',
  'token_expired',
  'forbidden',
  'read_only',
  'not_found',
  'document_deleted',
  'document_exists',
  'document_full',
  'document_too_large',
  'update_too_large',
  'too_many_connections',
  'too_many_documents',
  'rate_limited',
  'lagging',
  'storage_unavailable',
  'cluster_degraded',
  'draining',
  'store_full',
  'internal',
] as const

export type ErrorCode = (typeof CODES)[number]

/** What the server sends in acks, refused connections and notices. */
export interface Fault {
  /** One of {@link CODES}; a code that only a newer server knows is `internal` here, and stands in `said`. */
  code: ErrorCode
  message: string
  retryable: boolean
  /** Seconds. */
  retry_after?: number
  [detail: string]: unknown
}

/** Why something that was asked for cannot be; `code` tells which of them it is. */
export class CollabError extends Error implements Fault {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retry_after?: number;
  [detail: string]: unknown

  constructor(fault: Fault) {
    super(fault.message)
    this.name = 'CollabError'
    this.code = fault.code
    this.retryable = fault.retryable
    if (fault.retry_after !== undefined) this.retry_after = fault.retry_after
  }
}

/** Codes after which the same edit can be sent again, unchanged. */
export const RESEND: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['storage_unavailable', 'rate_limited', 'cluster_degraded', 'internal', 'draining', 'store_full'])

/** What a person can do about it; the server's `message` says what happened. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  invalid_document: 'Go back and choose another name.',
  invalid_payload: 'Reload the page.',
  invalid_update: 'Your copy is kept here. Copy what you need, then reload.',
  unauthorized: 'Open this page with a link that includes access.',
  token_expired: 'Renew to go on.',
  forbidden: 'Ask somebody who has access for a link.',
  read_only: 'Ask for the right to edit.',
  not_found: 'Check the address.',
  document_deleted: 'What you see can be copied, but no longer changed.',
  document_full: 'Try again in a minute.',
  document_too_large: 'Delete something, or start another document.',
  update_too_large: 'Undo the last step and add it in smaller parts.',
  too_many_connections: 'Close some tabs.',
  too_many_documents: 'Close some documents.',
  store_full: 'What you have is kept here. Delete what is not needed, or ask who runs the server.',
}

/** A sentence of advice, or an empty string where there is nothing to do or the message says it already. */
export function adviceFor({ code, message }: Fault): string {
  const advice = Object.hasOwn(ADVICE, code) ? (ADVICE[code] ?? '') : ''
  return message.includes(advice) ? '' : advice
}

/** What happened, and what to do about it. */
export function inWords(fault: Fault): string {
  return [fault.message, adviceFor(fault)].filter(Boolean).join(' ')
}

/** Read a fault out of whatever arrived; null where it is none. */
export function asFault(value: unknown): Fault | null {
  if (typeof value !== 'object' || value === null) return null
  const { code, message } = value as { code?: unknown; message?: unknown }
  if (typeof code !== 'string') return null
  const retryable = (value as Partial<Fault>).retryable === true
  const known = isCode(code)
  return {
    ...(value as object),
    ...(known ? {} : { said: code }),
    code: known ? code : 'internal',
    message: typeof message === 'string' ? message : code,
    retryable,
  }
}

function isCode(code: string): code is ErrorCode {
  return (CODES as readonly string[]).includes(code)
}
