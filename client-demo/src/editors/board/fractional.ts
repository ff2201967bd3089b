/** Fractional indices: strings that sort, with room between any two. They order shapes without renumbering. */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * An index between two others; null stands for the bottom or the top.
 * A random tail keeps two people apart who put something into the same place at once.
 */
export function indexBetween(below: string | null, above: string | null, random: () => number = Math.random): string {
  const middle = between(clean(below ?? ''), above === null ? null : clean(above))
  const tail = DIGITS[1 + Math.floor(random() * (DIGITS.length - 1))] ?? 'V'
  return middle + tail
}

/** Several in a row. */
export function indicesBetween(below: string | null, above: string | null, count: number): string[] {
  const indices: string[] = []
  let last = below
  for (let i = 0; i < count; i++) {
    last = indexBetween(last, above)
    indices.push(last)
  }
  return indices
}

/** The digits of a fraction in [0, 1) that lies strictly between two others. */
function between(below: string, above: string | null): string {
  if (above !== null && below >= above) return `${below}V`
  let prefix = ''
  const longest = Math.max(below.length, above?.length ?? 0)
  for (let at = 0; ; at++) {
    // "a" and "a0" are the same fraction; nothing fits between, so it goes above.
    if (above !== null && at > longest) return `${below}V`
    const low = digit(below[at]) ?? 0
    const high = above === null ? DIGITS.length : (digit(above[at]) ?? 0)
    if (above !== null && low === high) {
      prefix += DIGITS[low]
      continue
    }
    // Growing upwards costs one step only, so that thousands of shapes drawn in a row keep short indices.
    if (above === null && low + 1 < DIGITS.length) return prefix + DIGITS[low + 1]
    if (high - low > 1) return prefix + DIGITS[Math.floor((low + high) / 2)]
    prefix += DIGITS[low]
    above = null
  }
}

function digit(character: string | undefined): number | undefined {
  return character === undefined ? undefined : DIGITS.indexOf(character)
}

/** Scripts may write any string; what is not a digit counts as the nearest thing to it. */
function clean(index: string): string {
  return index.replace(/[^0-9A-Za-z]/g, 'V')
}
