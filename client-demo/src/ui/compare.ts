/** Two texts, compared by words. */

export interface Piece {
  words: string
  kind: 'same' | 'gone' | 'new'
}

const MOST_WORK = 4_000_000

/** What stayed, what went and what came between two texts, by words. */
export function compare(then: string, now: string): Piece[] {
  const [a, b]: [string[], string[]] = [wordsIn(then), wordsIn(now)]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  const [middleA, middleB] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  const pieces: Piece[] = []
  const put = (words: string, kind: Piece['kind']): void => {
    const last = pieces.at(-1)
    if (words === '') return
    if (last?.kind === kind) last.words += words
    else pieces.push({ words, kind })
  }
  put(a.slice(0, start).join(''), 'same')
  if (middleA.length * middleB.length > MOST_WORK) {
    put(middleA.join(''), 'gone')
    put(middleB.join(''), 'new')
  } else {
    for (const [words, kind] of walk(middleA, middleB)) put(words, kind)
  }
  put(a.slice(a.length - end).join(''), 'same')
  return pieces
}

function wordsIn(text: string): string[] {
  return text.match(/\s+|\S+/g) ?? []
}

function walk(a: string[], b: string[]): [string, Piece['kind']][] {
  const width = b.length + 1
  const longest = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const steps: [string, Piece['kind']][] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      steps.push([a[i] as string, 'same'])
      i += 1
      j += 1
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      steps.push([a[i] as string, 'gone'])
      i += 1
    } else {
      steps.push([b[j] as string, 'new'])
      j += 1
    }
  }
  return steps
}
