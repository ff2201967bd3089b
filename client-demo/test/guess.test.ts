import { describe, expect, it } from 'vitest'

import { ENDINGS, languageOfName, languageOfText } from '../src/editors/code/guess'
import { LANGUAGES } from '../src/editors/code/languages'

const SAMPLES: Record<string, string[]> = {
  python: ['#!/usr/bin/env python3\nx = 1\n', 'def stand(hours):\n    return hours\n', 'import os\n\nfor name in os.listdir("."):\n    print(name)\n', 'class Bird(Animal):\n    """A bird."""\n', 'from a import b\n'],
  javascript: ['const a = 1\n', 'function stand(hours) {\n  return hours\n}\n', "import { h } from './dom.js'\n", "module.exports = require('fs')\n", 'document.title = "heron"\n'],
  typescript: ['interface Bird {\n  name: string\n}\n', 'export function stand(hours: number): number {\n  return hours\n}\n', "import type { A } from './a'\nconst b: A = 1\n", 'type Name = string\nconst a = 1\n'],
  go: ['package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("heron")\n}\n', 'func stand(hours int) int {\n\treturn hours\n}\n'],
  rust: ['fn main() {\n    println!("heron");\n}\n', 'use std::fs;\n\npub fn stand(hours: u8) -> u8 {\n    let mut a = hours;\n    a\n}\n'],
  css: ['.bird {\n  width: 12px;\n}\n', '@media print {\n  .bird {\n    display: none;\n  }\n}\n', ':root {\n  --ink: #222;\n}\n'],
  html: ['<!doctype html>\n<title>Birds</title>\n', '<div class="bird">\n  <p>Heron</p>\n</div>\n'],
  json: ['{"a": 1}', '[1, 2, 3]\n', '{\n  "name": "heron",\n', '[]'],
  markdown: ['# Birds\n\n- heron\n- otter\n', 'See [the list](https://birds.example) and **this**.\n\n```\ncode\n```\n'],
}

describe('the language of code that nobody chose', () => {
  it.each(Object.entries(SAMPLES).flatMap(([id, texts]) => texts.map((text) => [id, text] as const)))('is %s: %j', (id, text) => {
    expect(languageOfText(text)).toBe(id)
  })

  it.each(['', 'hello', 'Dear all,\n\nwe meet at nine: bring a coat.\n', 'one two three\n', '[draft] what we said', '{', 'x'])('is not guessed in the dark: %j', (text) => {
    expect(languageOfText(text)).toBeNull()
  })

  it('is in the name', () => {
    expect(languageOfName('team/server.PY')).toBe('python')
    expect(languageOfName('a.test.tsx')).toBe('typescript')
    expect(languageOfName('notes.txt')).toBe('plain')
    expect(languageOfName('code-abcdefghij')).toBeNull()
    expect(languageOfName('v1.2')).toBeNull()
  })

  it('has an ending wherever there is a language', () => {
    expect(Object.keys(ENDINGS)).toEqual(Object.keys(LANGUAGES))
  })

  it('is found in a moment, whatever is written', () => {
    const began = performance.now()
    for (const piece of ['a'.repeat(4_000), '('.repeat(4_000), 'import '.repeat(600), '<div '.repeat(800), '[x]('.repeat(1_000), '- [ ] '.repeat(700), '{ "'.repeat(1_300), '*'.repeat(4_000), ' \n'.repeat(2_000), '#'.repeat(4_000), 'class a('.repeat(500)]) languageOfText(piece.repeat(3))
    // Some hundred times what it takes: only what grows by the square would be found.
    expect(performance.now() - began).toBeLessThan(5_000)
  })
})
