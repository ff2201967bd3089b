/** Times and sizes as people say them. */

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Infinity],
]

/** "3 minutes ago". */
export function ago(time: number, now = Date.now()): string {
  let passed = (time - now) / 1000
  if (Math.abs(passed) < 10) return 'just now'
  for (const [unit, size] of STEPS) {
    if (Math.abs(passed) < size) return relative.format(Math.round(passed), unit)
    passed /= size
  }
  return ''
}

/** "12 KB". */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`
  if (size < 1_000_000) return `${Math.round(size / 1000)} KB`
  return `${(size / 1_000_000).toFixed(1)} MB`
}

/** "30 days". */
export function span(seconds: number): string {
  const [size, unit] = seconds >= 2 * 86_400 ? [86_400, 'day'] : seconds >= 7200 ? [3600, 'hour'] : seconds >= 120 ? [60, 'minute'] : [1, 'second']
  const count = Math.floor(seconds / size)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
