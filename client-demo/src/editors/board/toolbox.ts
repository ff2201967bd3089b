/** The tools, their keys and their icons. */

import {
  ArrowUpRight, Circle, Diamond, Eraser, Frame, Hand, ImagePlus, Minus, MousePointer2, Pencil, Square, StickyNote, Type,
  type IconNode,
} from 'lucide'

export type Tool =
  | 'select' | 'hand' | 'pen' | 'rectangle' | 'ellipse' | 'diamond' | 'arrow' | 'line' | 'note' | 'text' | 'frame' | 'eraser' | 'image'

export const TOOLS: { tool: Tool; label: string; key: string; icon: IconNode }[] = [
  { tool: 'select', label: 'Select', key: 'V', icon: MousePointer2 },
  { tool: 'hand', label: 'Hand', key: 'H', icon: Hand },
  { tool: 'pen', label: 'Pen', key: 'P', icon: Pencil },
  { tool: 'rectangle', label: 'Rectangle', key: 'R', icon: Square },
  { tool: 'ellipse', label: 'Ellipse', key: 'O', icon: Circle },
  { tool: 'diamond', label: 'Diamond', key: 'D', icon: Diamond },
  { tool: 'arrow', label: 'Arrow', key: 'A', icon: ArrowUpRight },
  { tool: 'line', label: 'Line', key: 'L', icon: Minus },
  { tool: 'note', label: 'Note', key: 'N', icon: StickyNote },
  { tool: 'text', label: 'Text', key: 'T', icon: Type },
  { tool: 'frame', label: 'Frame', key: 'F', icon: Frame },
  { tool: 'eraser', label: 'Eraser', key: 'E', icon: Eraser },
  { tool: 'image', label: 'Image', key: 'I', icon: ImagePlus },
]

/** Tools that change nothing, and so work for readers too. */
export const READING_TOOLS: ReadonlySet<Tool> = new Set(['select', 'hand'])

/** Shortcuts beside those of the tools: for the help sheet. */
export const SHORTCUTS: Record<string, [string, string][]> = {
  Edit: [
    ['Ctrl Z', 'Undo your own last step'],
    ['Ctrl Shift Z', 'Redo'],
    ['Ctrl C / X / V', 'Copy, cut, paste, between boards too'],
    ['Ctrl D', 'Duplicate'],
    ['Delete', 'Delete the selection'],
    ['Arrow keys', 'Nudge; with Shift by ten'],
    ['] / [', 'Bring to front, send to back'],
    ['Ctrl ] / [', 'One step up or down'],
    ['Ctrl L', 'Lock or unlock'],
    ['Ctrl G', 'Group; with Shift, ungroup'],
    ['Alt A / H / D', 'Align left, centre, right'],
    ['Alt W / V / S', 'Align top, middle, bottom'],
    ['Alt Shift H / V', 'Distribute across, down'],
    ['Q', 'Keep the tool after drawing'],
  ],
  'While dragging': [
    ['Shift', 'Keep proportions, straight lines'],
    ['Alt', 'Drag a copy; from the middle'],
    ['Ctrl', 'Do not snap or stick'],
    ['Escape', 'Give up'],
  ],
  View: [
    ['Space', 'Hold to move the board'],
    ['Ctrl wheel', 'Zoom'],
    ['+ / -', 'Zoom in, zoom out'],
    ['Shift 0', 'Zoom to 100 %'],
    ['Shift 1', 'Show everything'],
    ['M', 'Map'],
  ],
  'By keyboard alone': [
    ['Enter', 'Make a shape; take one; write in it; go into a group'],
    ['Tab', 'From shape to shape, then to the buttons'],
    ['Shift F10', 'Menu of the selection, or of the board'],
    ['Ctrl Enter', 'To the properties of the selection'],
    ['Ctrl A', 'Select everything'],
    ['Escape', 'Back to the board; to Select; select nothing'],
  ],
}
