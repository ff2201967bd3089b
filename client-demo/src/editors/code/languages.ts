/** Languages, each loaded when somebody chooses it. */

import type { LanguageSupport } from '@codemirror/language'

/** The id of a language as a document has it: any words, of which only ours are known. */
export function languageId(chosen: unknown): string {
  // What every object has, such as `__proto__`, is no language.
  return typeof chosen === 'string' && Object.hasOwn(LANGUAGES, chosen) ? chosen : 'plain'
}

export const LANGUAGES: Record<string, { label: string; load: () => Promise<LanguageSupport> }> = {
  plain: { label: 'Plain text', load: () => Promise.reject(new Error('plain text has no language')) },
  javascript: { label: 'JavaScript', load: async () => (await import('@codemirror/lang-javascript')).javascript({ jsx: true }) },
  typescript: {
    label: 'TypeScript',
    load: async () => (await import('@codemirror/lang-javascript')).javascript({ jsx: true, typescript: true }),
  },
  python: { label: 'Python', load: async () => (await import('@codemirror/lang-python')).python() },
  markdown: { label: 'Markdown', load: async () => (await import('@codemirror/lang-markdown')).markdown() },
  json: { label: 'JSON', load: async () => (await import('@codemirror/lang-json')).json() },
  html: { label: 'HTML', load: async () => (await import('@codemirror/lang-html')).html() },
  css: { label: 'CSS', load: async () => (await import('@codemirror/lang-css')).css() },
  rust: { label: 'Rust', load: async () => (await import('@codemirror/lang-rust')).rust() },
  go: { label: 'Go', load: async () => (await import('@codemirror/lang-go')).go() },
}
