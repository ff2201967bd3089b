/** Signs of Markdown: cheap enough to ask for everything that is pasted. */

const SIGNS = [
  /^#{1,6} \S/m,
  /^\s*(?:[-*+]|\d{1,9}[.)]) \S.*\n+\s*(?:[-*+]|\d{1,9}[.)]) \S/m,
  /^\s*[-*+] \[[ xX]\] /m,
  /^\s*> \S/m,
  /^(?:```|~~~)/m,
  /^\s*\|?.+\|.+\n\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)+\|?\s*$/m,
  /(?:^|[^!\\\w])\[[^\]\n]+\]\((?:https?:|mailto:|www\.)[^)\s]+\)/,
  /(?:^|[\s(])\*\*[^*\s](?:[^*\n]*[^*\s])?\*\*(?=$|[\s.,:;!?)])/m,
  /(?:^|[\s(])`[^`\n]+`(?=$|[\s.,:;!?)])/m,
  /(?:^|[\s(])~~[^~\n]+~~(?=$|[\s.,:;!?)])/m,
]
/** Signs are looked for up to here; who writes Markdown does not wait so long. */
const LOOK_AT = 20_000

/** Whether plain words are meant as Markdown: one sure sign is enough, a lone dash is none. */
export function looksLikeMarkdown(text: string): boolean {
  const head = text.slice(0, LOOK_AT)
  return SIGNS.some((sign) => sign.test(head))
}
