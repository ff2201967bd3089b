/** Deltas that come from elsewhere, made safe to show: other programs write into the same text. */

interface Op {
  insert?: unknown
  delete?: number
  retain?: unknown
  attributes?: Record<string, unknown>
}

/** What our Quill can show, and which values it can show it with. */
const ATTRIBUTES: Record<string, (value: unknown) => boolean> = {
  bold: isFlag,
  italic: isFlag,
  strike: isFlag,
  underline: isFlag,
  code: isFlag,
  blockquote: isFlag,
  alt: (value) => typeof value === 'string',
  link: (value) => typeof value === 'string',
  header: (value) => typeof value === 'number' && value >= 1 && value <= 6,
  indent: (value) => typeof value === 'number' && value >= 1 && value <= 8,
  list: (value) => ['ordered', 'bullet', 'checked', 'unchecked'].includes(value as string),
  'code-block': (value) => typeof value === 'string' || typeof value === 'boolean',
}

/**
 * The same delta, of the same length, without anything that Quill would stumble over: an unknown embed
 * becomes a placeholder, an unknown format is left out. The document keeps both.
 */
export function tolerated(delta: Op[]): Op[] {
  return delta.map((op) => {
    const safe: Op = { ...op }
    if (op.insert !== undefined && typeof op.insert !== 'string') safe.insert = embed(op.insert)
    if (op.attributes !== undefined) safe.attributes = known(op.attributes)
    return safe
  })
}

function embed(value: unknown): object {
  const image = (value as { image?: unknown } | null)?.image
  return typeof image === 'string' ? { image } : { foreign: true }
}

function known(attributes: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(attributes)) {
    const allows = ATTRIBUTES[name]
    // null and false take a format away, which is always fine.
    if (allows !== undefined && (value === null || value === false || allows(value))) kept[name] = value
  }
  return kept
}

function isFlag(value: unknown): boolean {
  return value === true
}
