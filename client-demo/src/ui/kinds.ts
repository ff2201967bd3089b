/** The kinds of documents, as people see them. */

import { Code, FileText, Shapes } from 'lucide'

export const KIND_ICONS = { text: FileText, code: Code, board: Shapes }
export const KIND_WORDS = { text: 'Text', code: 'Code', board: 'Board' }
