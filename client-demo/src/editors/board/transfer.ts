/** What comes in and goes out: the clipboard, pictures from files, exports. */

import { h } from '../../ui/dom'
import { saveBlob } from '../../ui/saveFile'
import { isDark } from '../../ui/theme'
import type { Toast } from '../../ui/toasts'
import { pictureOf } from '../pictures'
import { fromClipboard, toClipboard } from './clipboard'
import { freshShape } from './drawing'
import { PASTE_STEP, type Edits } from './edits'
import { toPng, toSvg } from './export'
import { linearPoints } from './linear'
import { textSize } from './layout'
import type { Pointers } from './pointers'
import { FONT_SIZES, isLinear, rounded, type Point, type Shape } from './shapes'
import type { Stage } from './stage'
import { withPoints } from './transform'

const LARGEST_PICTURE = 480
const MOST_PASTED_TEXT = 5000

export class Transfer {
  private pasted = 0

  constructor(
    private readonly stage: Stage,
    private readonly edits: Edits,
    private readonly pointers: Pointers,
    private readonly root: HTMLElement,
    private readonly toast: (message: Toast) => void,
    private readonly name: string,
  ) {}

  /** Begin to listen; ends with `signal`. */
  listen(signal: AbortSignal): void {
    document.addEventListener('copy', (event) => this.onCopy(event, false), { signal })
    document.addEventListener('cut', (event) => this.onCopy(event, true), { signal })
    document.addEventListener('paste', (event) => this.onPaste(event), { signal })
    this.root.addEventListener('dragover', (event) => event.preventDefault(), { signal })
    this.root.addEventListener(
      'drop',
      (event) => {
        event.preventDefault()
        void this.addPictures(event.dataTransfer?.files ?? [], this.stage.camera.toBoard(this.pointers.local(event)))
      },
      { signal },
    )
  }

  /** Let the person choose picture files. */
  choosePictures(): void {
    const middle = this.stage.camera.toBoard(this.middle)
    // In the page while the dialog is open: an input that nobody holds may be collected before the person has chosen.
    const input = h('input', { type: 'file', accept: 'image/*', multiple: true, hidden: true })
    this.root.append(input)
    input.addEventListener('change', () => {
      input.remove()
      void this.addPictures(input.files ?? [], middle)
    })
    input.addEventListener('cancel', () => input.remove())
    input.click()
  }

  /** Download the selection, or everything where nothing is selected. */
  async export(format: 'png' | 'svg'): Promise<void> {
    const { stage } = this
    const shapes = stage.selection.size > 0 ? stage.taken : stage.shapes
    if (shapes.length === 0) {
      this.toast({ words: 'There is nothing on this board to export.' })
      return
    }
    try {
      const blob =
        format === 'png'
          ? await toPng(shapes, stage.lookup, isDark())
          : new Blob([toSvg(shapes, stage.lookup, isDark())], { type: 'image/svg+xml' })
      saveBlob(blob, `${this.name.replaceAll('/', '-')}.${format}`)
    } catch {
      this.toast({ words: 'This board is too large for one picture. Select a part of it and export that.', tone: 'warn' })
    }
  }

  /** As Ctrl C: the browser gives the clipboard to whoever handles its event. */
  copy(): void {
    document.execCommand('copy')
  }

  cut(): void {
    this.copy()
    this.edits.removeSelected()
  }

  /** Whether the clipboard can be read without Ctrl V. */
  get canPaste(): boolean {
    // On pages without https there is no clipboard at all, whatever the types say.
    return typeof (navigator.clipboard as Partial<Clipboard> | undefined)?.readText === 'function'
  }

  async paste(): Promise<void> {
    try {
      this.pasteText(await navigator.clipboard.readText(), this.stage.camera.toBoard(this.pointers.last ?? this.middle))
    } catch {
      this.toast({ words: 'The browser did not give the clipboard to this page. Press Ctrl V instead.', tone: 'warn' })
    }
  }

  private get middle(): Point {
    const { width, height } = this.stage.camera
    return { x: width / 2, y: height / 2 }
  }

  private ownsClipboard(event: ClipboardEvent): boolean {
    const target = event.target as Element
    const elsewhere = target instanceof Element && target.matches('input, textarea, [contenteditable=true]')
    return !elsewhere && (document.activeElement === this.root || document.activeElement === document.body)
  }

  private onCopy(event: ClipboardEvent, cut: boolean): void {
    const { selected } = this.stage
    if (selected.length === 0 || !this.ownsClipboard(event)) return
    event.preventDefault()
    event.clipboardData?.setData('text/plain', toClipboard(this.stage.taken.map((shape) => this.standing(shape))))
    this.pasted = 0
    if (cut) this.edits.removeSelected()
  }

  /** An arrow as it stands, for places where what it sticks to may be missing. */
  private standing(shape: Shape): Shape {
    return isLinear(shape) ? { ...withPoints(shape, linearPoints(shape, this.stage.lookup)) } : shape
  }

  private onPaste(event: ClipboardEvent): void {
    const { stage } = this
    if (stage.readOnly || !this.ownsClipboard(event)) return
    const data = event.clipboardData
    if (data === null) return
    event.preventDefault()
    const middle = stage.camera.toBoard(this.pointers.last ?? this.middle)
    const files = [...data.files].filter((file) => file.type.startsWith('image/'))
    if (files.length > 0) {
      void this.addPictures(files, middle)
      return
    }
    this.pasteText(data.getData('text/plain'), middle)
  }

  private pasteText(text: string, middle: Point): void {
    const { stage } = this
    const offset = this.pasted * PASTE_STEP
    this.pasted += 1
    const shapes = fromClipboard(text, { x: middle.x + offset, y: middle.y + offset })
    if (shapes !== null) {
      this.edits.place(shapes)
    } else if (text.trim() !== '') {
      const words = text.trim().slice(0, MOST_PASTED_TEXT)
      const size = textSize(words, FONT_SIZES[stage.look.fontSize])
      this.edits.place([{ ...freshShape(stage, 'text', middle), fill: 'none', text: words, ...size }])
    }
  }

  private async addPictures(files: Iterable<File>, at: Point): Promise<void> {
    const shapes: Shape[] = []
    for (const file of files) {
      if (!file.type.startsWith('image/')) continue
      try {
        const { url, width, height } = await pictureOf(file)
        const scale = Math.min(1, LARGEST_PICTURE / Math.max(width, height))
        const [w, tall] = [rounded(width * scale), rounded(height * scale)]
        const shift = shapes.length * PASTE_STEP
        shapes.push({ ...freshShape(this.stage, 'image', { x: at.x - w / 2 + shift, y: at.y - tall / 2 + shift }), w, h: tall, src: url })
      } catch (error) {
        this.toast({ words: error instanceof Error ? error.message : 'This picture cannot be used.', tone: 'warn' })
      }
    }
    this.edits.place(shapes)
  }
}
