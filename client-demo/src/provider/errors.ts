/** The server's codes (CONTRACT section 5), and words that help a person. */

/** What the server sends in acks, refused connections and notices. */
export interface Fault {
  code: string
  message: string
  retryable: boolean
  /** Seconds. */
  retry_after?: number
  [detail: string]: unknown
}

/** Codes after which the same edit can be sent again, unchanged. */
export const RESEND = new Set(['storage_unavailable', 'rate_limited', 'cluster_degraded', 'internal', 'draining'])

/** What a person can do about it; the server's `message` says what happened. */
const ADVICE: Record<string, string> = {
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
}

/** A sentence of advice, or an empty string where there is nothing to do or the message says it already. */
export function adviceFor({ code, message }: Fault): string {
  const advice = ADVICE[code] ?? ''
  return message.includes(advice) ? '' : advice
}

/** What happened, and what to do about it. */
export function inWords(fault: Fault): string {
  return [fault.message, adviceFor(fault)].filter(Boolean).join(' ')
}

/** Read a fault out of whatever arrived; null where it is none. */
export function asFault(value: unknown): Fault | null {
  if (typeof value !== 'object' || value === null) return null
  const { code, message } = value as Partial<Fault>
  if (typeof code !== 'string') return null
  const retryable = (value as Partial<Fault>).retryable === true
  return { ...(value as object), code, message: typeof message === 'string' ? message : code, retryable }
}
