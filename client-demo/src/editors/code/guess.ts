/** In what language code is written, where nobody has said so: by the name of its document, else by its first lines. */

import { LanguageDescription } from '@codemirror/language'

/** So much is looked at. */
const BEGINNING = 4_000
/** Fewer signs than these could be chance. */
const ENOUGH = 2

/** What a file of each language is called; the first ending is the one that a download gets. */
export const ENDINGS: Record<string, readonly [string, ...string[]]> = {
  plain: ['txt', 'text', 'log'],
  javascript: ['js', 'mjs', 'cjs', 'jsx'],
  typescript: ['ts', 'mts', 'cts', 'tsx'],
  python: ['py', 'pyi', 'pyw'],
  markdown: ['md', 'markdown'],
  json: ['json', 'webmanifest'],
  html: ['html', 'htm'],
  css: ['css'],
  rust: ['rs'],
  go: ['go'],
}

const BY_NAME = Object.entries(ENDINGS).map(([name, extensions]) => LanguageDescription.of({ name, extensions, load: () => Promise.reject(new Error('only for its name')) }))

/** Signs of a language in a text; each counts once, some for two. */
const SIGNS: Record<string, readonly (readonly [RegExp, number])[]> = {
  python: [
    [/^#!.*\bpython/, 3],
    [/^\s*(async )?def \w+\(.*\)( -> .+)?:\s*(#.*)?$/m, 2],
    [/^\s*class \w+(\(.*\))?:\s*$/m, 2],
    [/^(from [\w.]+ import [\w*(]|import \w+( as \w+)?\s*$)/m, 2],
    [/^\s*(if|elif|for|while|with|try|except)\b[^{;]*:\s*(#.*)?$/m, 1],
    [/^\s*print\(.*\)\s*$/m, 1],
  ],
  javascript: [
    [/^#!.*\bnode/, 3],
    [/^\s*(export )?(default )?(async )?function\*? ?\w*\(/m, 2],
    [/^\s*(const|let|var) [\w{[].*=/m, 2],
    [/^import .+ from ['"]|^import ['"]|\brequire\(['"]/m, 2],
    [/=>\s*[{([\w]/, 1],
    [/\b(console\.log|document\.|window\.|module\.exports)/, 2],
  ],
  typescript: [
    [/^\s*(export )?interface \w+( extends .+)? \{/m, 3],
    [/^\s*(export )?type \w+(<.+>)? =/m, 3],
    [/\b(const|let|var) \w+: \w+/, 2],
    [/\(\w+\??: (string|number|boolean|unknown|any|\w+\[\])/, 3],
    [/^import type\b/m, 3],
    [/^\s*(private|public|readonly) \w+/m, 2],
  ],
  go: [
    [/^package \w+\s*$/m, 3],
    [/^func (\(\w+ \*?\w+\) )?\w+\(/m, 2],
    [/:= /, 1],
    [/^import \($|^import "/m, 2],
  ],
  rust: [
    [/^\s*(pub(\(\w+\))? )?fn \w+(<.*>)?\(/m, 2],
    [/\blet mut \w+/, 2],
    [/^use (std|crate|super|\w+)::/m, 2],
    [/\b(println|vec|format|panic)!\(|^#!?\[\w+/m, 2],
    [/^\s*impl(<.*>)? \w+/m, 2],
  ],
  css: [
    [/^\s*[.#:@*\w[][^{};()]*\{\s*$/m, 1],
    [/^\s*(--)?[\w-]+:\s*[^;{}]+;\s*$/m, 1],
    [/^@(media|import|font-face|keyframes|supports)\b/m, 2],
    [/\b\d+(px|r?em|vh|vw)\b/, 1],
  ],
  markdown: [
    [/^#{1,6} \S/m, 2],
    [/^\s*[-*] (\[[ x]\] )?\S/m, 1],
    [/^```/m, 2],
    [/\[[^\]]+\]\([^)\s]+\)/, 1],
    [/\*\*[^*\n]+\*\*/, 1],
  ],
}

/** The language that a file of this name is in; null where its name does not say. */
export function languageOfName(name: string): string | null {
  return LanguageDescription.matchFilename(BY_NAME, name.trim().toLowerCase())?.name ?? null
}

/** The language that a text looks like; null where that would be a guess in the dark. */
export function languageOfText(text: string): string | null {
  const beginning = text.slice(0, BEGINNING)
  const start = beginning.trimStart()
  if (/^(<!doctype html|<html[\s>])/i.test(start) || /^<(head|body|div|p|h1|main|section|script|style|ul)[\s>][\s\S]*<\//i.test(start)) return 'html'
  if (looksLikeJson(start)) return 'json'
  let best: string | null = null
  let most = ENOUGH - 1
  const points = Object.entries(SIGNS).map(([id, signs]) => [id, signs.reduce((sum, [sign, weight]) => sum + (sign.test(beginning) ? weight : 0), 0)] as const)
  const javascript = points.find(([id]) => id === 'javascript')?.[1] ?? 0
  for (const [id, own] of points) {
    // All of JavaScript is TypeScript, too: what only that has decides.
    const score = id === 'typescript' && own > 0 ? own + javascript : own
    if (score > most) [best, most] = [id, score]
  }
  return best
}

function looksLikeJson(start: string): boolean {
  if (!/^(\{\s*("(\\.|[^"\\])*"\s*:|\}$)|\[\s*([[{"\d\]-]|true|false|null))/.test(start)) return false
  if (start.length < BEGINNING / 2) {
    try {
      JSON.parse(start)
      return true
    } catch {
      return /^\{\s*"/.test(start)
    }
  }
  return true
}
