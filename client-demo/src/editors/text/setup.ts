/** Quill with the formats that we have buttons for, and tolerance for those that we have not. */

import Quill, { Delta } from 'quill/core'
import Embed from 'quill/blots/embed'
import Blockquote from 'quill/formats/blockquote'
import Bold from 'quill/formats/bold'
import CodeBlock, { Code, CodeBlockContainer } from 'quill/formats/code'
import Header from 'quill/formats/header'
import Image from 'quill/formats/image'
import IndentClass from 'quill/formats/indent'
import Italic from 'quill/formats/italic'
import Link from 'quill/formats/link'
import List from 'quill/formats/list'
import Strike from 'quill/formats/strike'
import Underline from 'quill/formats/underline'

/** Stands for an embed that another program put there and that we cannot show. */
class Foreign extends Embed {
  static override blotName = 'foreign'
  static override className = 'foreign'
  static override tagName = 'SPAN'

  static override create(value?: unknown): HTMLElement {
    const node = super.create(value) as HTMLElement
    node.textContent = '▢'
    node.title = 'Something that this editor cannot show'
    return node
  }

  static override value(): unknown {
    return true
  }
}

const { Attributor, Scope } = Quill.import('parchment') as typeof import('parchment')

/** What the editor itself can write; `change` is for previews only, so that copying out of one brings nothing along. */
export const FORMATS = [
  'blockquote', 'bold', 'code', 'code-block', 'foreign', 'header', 'image', 'indent', 'italic', 'link', 'list', 'strike', 'underline',
]

Quill.register(
  {
    'formats/change': new Attributor('change', 'data-change', { scope: Scope.INLINE }),
    'formats/blockquote': Blockquote,
    'formats/bold': Bold,
    'formats/code': Code,
    'formats/code-block': CodeBlock,
    'formats/code-block-container': CodeBlockContainer,
    'formats/header': Header,
    'formats/image': Image,
    'formats/indent': IndentClass,
    'formats/italic': Italic,
    'formats/link': Link,
    'formats/list': List,
    'formats/strike': Strike,
    'formats/underline': Underline,
    'formats/foreign': Foreign,
  },
  true,
)

/** Tab indents in lists and, by a binding of Quill, in code blocks. Elsewhere it moves on, as on every page. */
export const TABS = {
  tab: null,
  'remove tab': null,
  indent: { key: 'Tab', format: ['list'], handler: indenting('+1') },
  outdent: { key: 'Tab', shiftKey: true, format: ['list', 'indent'], handler: indenting('-1') },
}

function indenting(by: '+1' | '-1') {
  return function (this: { quill: Quill }): void {
    this.quill.format('indent', by, 'user')
  }
}

export { Delta, Quill }
