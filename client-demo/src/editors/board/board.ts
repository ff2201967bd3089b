/** The whiteboard: composes the stage, the tools, the panel and what others do. */

import { Maximize, Minus, Plus, Redo2, Undo2 } from 'lucide'
import { fill, h } from '../../ui/dom'
import { icon } from '../../ui/icons'
import { openDialog } from '../../ui/overlays'
import { inkOn } from '../../ui/people'
import { isDark, onTheme } from '../../ui/theme'
import type { Editor, EditorContext } from '../editor'
import { pictureOf } from '../pictures'
import { Camera } from './camera'
import { fromClipboard, toClipboard } from './clipboard'
import { toPng, toSvg } from './export'
import { centre, distance } from './geometry'
import { CLICK, copiesOf, Draw, Ends, Erase, freshShape, Marquee, Move, Pen, Resize, Rotate, type Gesture, type Touch } from './gestures'
import { shapeAt } from './hit'
import { linearPoints } from './linear'
import { Live } from './live'
import { handleAt, paintOverlay, selectionOnScreen } from './overlay'
import { paint, repaintShape } from './paint'
import { panel, rowsFor, type PanelState } from './panel'
import { forgetLayouts, textSize } from './parts'
import { FIRST_LOOK, FONT_SIZES, holdsText, isLinear, NOTE_SIZE, rounded, type Look, type Point, type Shape } from './shapes'
import { Raster } from './raster'
import { Stage } from './stage'
import { BoardStore } from './store'
import { editText, type TextEditing } from './textEditing'
import { READING_TOOLS, SHORTCUTS, TOOLS, type Tool } from './toolbox'
import { moved, withPoints } from './transform'
import './board.css'

const LOOK_KEY = 'collab:look'
const GRID = 24
const PASTE_STEP = 24
/** With more shapes than this, those that do not move are kept as a picture. */
const KEPT_AS_PICTURE = 200

/** Fill `host` with a whiteboard. */
export function mount(host: HTMLElement, context: EditorContext): Editor {
  const board = new Board(host, context)
  return {
    setReadOnly: (readOnly) => board.setReadOnly(readOnly),
    follow: (client) => board.follow(client),
    focus: () => board.focus(),
    menu: () => board.menu(),
    destroy: () => board.destroy(),
  }
}

class Board {
  private readonly camera = new Camera()
  private readonly store: BoardStore
  private readonly live: Live
  private readonly stage: Stage
  private tool: Tool = 'select'
  private readOnly = false
  private gesture: Gesture | null = null
  private texting: TextEditing | null = null
  private followed: number | null = null
  private fitted = false
  private stale = { shapes: true, overlay: true }
  private frame = 0
  private pointers = new Map<number, Point>()
  private pinch: { middle: Point; span: number } | null = null
  private panning: { last: Point; pointer: number } | null = null
  private spaceHeld = false
  private lastPointer: Point | null = null
  private pasted = 0
  private colours = { accent: '', background: '', guide: '' }

  private readonly root = h('div', { class: 'board', tabIndex: 0, role: 'application', 'aria-label': 'Whiteboard' })
  private readonly canvas = h('canvas', { class: 'board-canvas' })
  private readonly over = h('canvas', { class: 'board-canvas' })
  private readonly layer = h('div', { class: 'board-layer' })
  private readonly cursors = new Map<number, HTMLElement>()
  private readonly dock = h('div', { class: 'board-dock floating', role: 'toolbar', 'aria-label': 'Tools' })
  private readonly toolButtons = new Map<Tool, HTMLButtonElement>()
  private readonly percent = h('button', { class: 'button plain board-percent', type: 'button', title: 'Zoom to 100 %  Shift 0' })
  private readonly empty = h('div', { class: 'board-empty', hidden: true }, 'Pick a tool below, or press R, P, N or T. ? shows all keys.')
  private readonly panel = panel({
    look: (change, more) => this.setLook(change, more),
    restack: (to) => this.restack(to),
    lock: (locked) => this.lock(locked),
    duplicate: () => this.duplicate(),
    remove: () => this.removeSelected(),
  })
  private readonly raster = new Raster(() => this.invalidate('shapes'))
  private readonly cleanups: (() => void)[] = []

  constructor(private readonly host: HTMLElement, private readonly context: EditorContext) {
    this.store = new BoardStore(context.doc)
    this.live = new Live(context.provider, this.store, (what) => this.stage.invalidate(what))
    this.stage = new Stage(this.store, this.camera, this.live, keptLook(), (what) => this.invalidate(what))
    fill(this.root, this.canvas, this.over, this.layer, this.empty, this.panel.element, this.dock, this.zoomBar())
    this.fillDock()
    host.append(this.root)
    document.body.classList.add('on-board')
    this.cleanups.push(() => document.body.classList.remove('on-board'))
    this.readColours()
    this.listen()
    this.resize()
    this.chooseTool('select')
  }

  // -- what the page calls ---------------------------------------------------------------------

  setReadOnly(readOnly: boolean): void {
    this.readOnly = readOnly
    if (readOnly) {
      this.cancelGesture()
      this.texting?.end()
      if (!READING_TOOLS.has(this.tool)) this.chooseTool('select')
    }
    for (const [tool, button] of this.toolButtons) button.hidden = readOnly && !READING_TOOLS.has(tool)
    this.dock.classList.toggle('reading', readOnly)
    this.invalidate('overlay')
  }

  follow(client: number | null): void {
    this.followed = client
    this.invalidate('overlay')
  }

  focus(): void {
    this.root.focus({ preventScroll: true })
  }

  menu(): ReturnType<Editor['menu']> {
    const selected = this.stage.selection.size > 0 ? ' (selection)' : ''
    return [
      { label: `Export as PNG${selected}`, run: () => void this.export('png') },
      { label: `Export as SVG${selected}`, run: () => void this.export('svg') },
      { label: 'Show everything', hint: 'Shift 1', run: () => this.fitAll() },
      { label: 'Keyboard shortcuts', hint: '?', run: () => this.help() },
    ]
  }

  destroy(): void {
    this.texting?.end()
    cancelAnimationFrame(this.frame)
    for (const cleanup of this.cleanups) cleanup()
    this.live.destroy()
    this.store.destroy()
    this.raster.destroy()
    this.root.remove()
  }

  // -- frame -----------------------------------------------------------------------------------

  private fillDock(): void {
    fill(
      this.dock,
      ...TOOLS.map(({ tool, label, key, icon: node }) => {
        const button = h(
          'button',
          { class: 'button plain board-tool', type: 'button', title: `${label}  ${key}`, 'aria-label': label, 'data-tool': tool, onclick: () => this.chooseTool(tool) },
          icon(node, 20),
        )
        this.toolButtons.set(tool, button)
        return button
      }),
    )
  }

  private zoomBar(): HTMLElement {
    const button = (label: string, node: SVGElement, run: () => void): HTMLElement =>
      h('button', { class: 'button plain square', type: 'button', title: label, 'aria-label': label, onclick: run }, node)
    this.percent.onclick = () => this.zoomTo(1)
    return h(
      'div',
      { class: 'board-zoom floating' },
      button('Zoom out  -', icon(Minus), () => this.zoomBy(1 / 1.25)),
      this.percent,
      button('Zoom in  +', icon(Plus), () => this.zoomBy(1.25)),
      button('Show everything  Shift 1', icon(Maximize), () => this.fitAll()),
      h('span', { class: 'board-zoom-line' }),
      button('Undo  Ctrl Z', icon(Undo2), () => this.undo()),
      button('Redo  Ctrl Shift Z', icon(Redo2), () => this.redo()),
    )
  }

  private listen(): void {
    const { root } = this
    const on = <K extends keyof HTMLElementEventMap>(
      target: HTMLElement | Window | Document, type: K | string, react: (event: HTMLElementEventMap[K]) => void, options?: AddEventListenerOptions,
    ): void => {
      target.addEventListener(type, react as EventListener, options)
      this.cleanups.push(() => target.removeEventListener(type, react as EventListener, options))
    }
    on(this.over, 'pointerdown', (event: PointerEvent) => this.onDown(event))
    on(this.over, 'pointermove', (event: PointerEvent) => this.onMove(event))
    on(this.over, 'pointerup', (event: PointerEvent) => this.onUp(event))
    on(this.over, 'pointercancel', (event: PointerEvent) => this.onLost(event))
    on(this.over, 'lostpointercapture', (event: PointerEvent) => this.onLost(event))
    on(this.over, 'pointerleave', () => this.live.pointAt(null))
    on(this.over, 'dblclick', (event: MouseEvent) => this.onDoubleClick(event))
    on(this.over, 'contextmenu', (event: MouseEvent) => event.preventDefault())
    on(root, 'wheel', (event: WheelEvent) => this.onWheel(event), { passive: false })
    on(window, 'keydown', (event: KeyboardEvent) => this.onKey(event))
    on(window, 'keyup', (event: KeyboardEvent) => {
      if (event.key === ' ') this.spaceHeld = false
      this.showCursor()
    })
    on(document, 'copy', (event: ClipboardEvent) => this.onCopy(event, false))
    on(document, 'cut', (event: ClipboardEvent) => this.onCopy(event, true))
    on(document, 'paste', (event: ClipboardEvent) => this.onPaste(event))
    on(root, 'dragover', (event: DragEvent) => event.preventDefault())
    on(root, 'drop', (event: DragEvent) => {
      event.preventDefault()
      void this.addPictures(event.dataTransfer?.files ?? [], this.camera.toBoard(this.local(event)))
    })

    const size = new ResizeObserver(() => this.resize())
    size.observe(this.host)
    this.cleanups.push(() => size.disconnect())
    this.cleanups.push(
      onTheme(() => {
        this.readColours()
        this.invalidate('shapes')
      }),
    )
    this.cleanups.push(
      this.store.onChange((ids) => {
        for (const id of ids) if (this.store.get(id) === undefined) this.stage.selection.delete(id)
        this.raster.touch(ids)
        this.stage.invalidate()
      }),
    )
    const onSynced = (): void => this.firstFit()
    this.context.provider.on('synced', onSynced)
    this.cleanups.push(() => this.context.provider.off('synced', onSynced))
    if (this.context.provider.synced || this.store.shapes.length > 0) requestAnimationFrame(() => this.firstFit())
    void document.fonts.ready.then(() => {
      forgetLayouts()
      for (const shape of this.store.shapes) repaintShape(shape)
      this.raster.forget()
      this.invalidate('shapes')
    })
  }

  private readColours(): void {
    const style = getComputedStyle(document.documentElement)
    const probe = h('span', { style: 'display:none' })
    document.body.append(probe)
    const read = (name: string): string => {
      probe.style.color = `var(${name})`
      return getComputedStyle(probe).color || style.color
    }
    this.colours = { accent: read('--accent'), background: read('--background'), guide: read('--bad-dot') }
    probe.remove()
  }

  private resize(): void {
    const { width, height } = this.host.getBoundingClientRect()
    if (width === 0) return
    this.camera.width = width
    this.camera.height = height
    this.raster.forget()
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * devicePixelRatio)
      canvas.height = Math.round(height * devicePixelRatio)
    }
    this.cameraMoved()
  }

  // -- painting --------------------------------------------------------------------------------

  private invalidate(what: 'shapes' | 'overlay'): void {
    if (what === 'shapes') this.stale.shapes = true
    this.stale.overlay = true
    if (this.frame === 0) this.frame = requestAnimationFrame((now) => this.paint(now))
  }

  private cameraMoved(): void {
    this.live.look(this.camera.view())
    this.invalidate('shapes')
  }

  private paint(now: number): void {
    this.frame = 0
    const { camera, stage, stale } = this
    if (this.followed !== null && this.chase()) stale.shapes = true
    const { zoom } = camera
    if (stale.shapes) {
      stale.shapes = false
      const context = this.canvas.getContext('2d')
      if (context !== null) {
        context.setTransform(1, 0, 0, 1, 0, 0)
        context.clearRect(0, 0, this.canvas.width, this.canvas.height)
        this.paintShapes(context)
      }
      this.paintGrid()
      this.percent.textContent = `${Math.round(zoom * 100)} %`
      this.empty.hidden = stage.shapes.length > 0 || this.readOnly || !this.context.provider.synced
    }
    stale.overlay = false
    const context = this.over.getContext('2d')
    if (context !== null) {
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0)
      context.clearRect(0, 0, camera.width, camera.height)
      const handles = !this.readOnly && this.texting === null && this.tool === 'select' && (this.gesture === null || this.gesture instanceof Resize)
      paintOverlay(context, stage, this.colours, this.live.selections(), handles)
    }
    this.placeText()
    this.showPanel()
    this.placeCursors(now)
  }

  private paintShapes(context: CanvasRenderingContext2D): void {
    const { camera, stage } = this
    const { zoom } = camera
    const moving = stage.moving
    const scene = { lookup: stage.lookup, dark: isDark(), onPicture: this.onPicture }
    const many = stage.shapes.length > KEPT_AS_PICTURE
    if (many) this.raster.draw(context, camera, { ...scene, shapes: stage.shapes, moving })
    const loose = many ? stage.shapes.filter((shape) => moving.has(shape.id)) : stage.shapes
    context.setTransform(devicePixelRatio * zoom, 0, 0, devicePixelRatio * zoom, -camera.x * zoom * devicePixelRatio, -camera.y * zoom * devicePixelRatio)
    const { doomed, editing } = stage
    const shown = loose.map((shape) =>
      doomed.has(shape.id) ? { ...shape, opacity: shape.opacity * 0.25 } : shape.id === editing ? { ...shape, text: '' } : shape,
    )
    paint(context, doomed.size > 0 || editing !== null ? shown : loose, { ...scene, view: camera.view(), zoom })
  }

  private readonly onPicture = (): void => {
    this.raster.forget()
    this.invalidate('shapes')
  }

  private paintGrid(): void {
    const { camera } = this
    let step = GRID * camera.zoom
    while (step < 14) step *= 2
    while (step > 48) step /= 2
    const style = this.root.style
    style.backgroundSize = `${step}px ${step}px`
    style.backgroundPosition = `${-camera.x * camera.zoom}px ${-camera.y * camera.zoom}px`
  }

  private placeCursors(now: number): void {
    const cursors = this.live.cursors(now)
    const here = new Set<number>()
    for (const { peer, at } of cursors) {
      here.add(peer.client)
      let element = this.cursors.get(peer.client)
      if (element === undefined) {
        element = remoteCursor()
        this.cursors.set(peer.client, element)
        this.layer.append(element)
      }
      const flag = element.lastElementChild as HTMLElement
      if (flag.textContent !== peer.name) flag.textContent = peer.name
      element.style.setProperty('--person', peer.color)
      element.style.setProperty('--ink', inkOn(peer.color))
      const { x, y } = this.camera.toScreen(at)
      element.style.transform = `translate(${x}px, ${y}px)`
    }
    for (const [client, element] of this.cursors) {
      if (here.has(client)) continue
      element.remove()
      this.cursors.delete(client)
    }
    if (this.live.moving) this.invalidate('overlay')
  }

  private showPanel(): void {
    const { stage } = this
    const selected = this.readOnly || this.gesture !== null || this.texting !== null ? [] : stage.selected
    let state: PanelState | null = null
    if (selected.length > 0) {
      const [first] = selected as [Shape, ...Shape[]]
      const { stroke, fill: inside, width, dash, opacity, fontSize } = first
      state = {
        look: { stroke, fill: inside, width, dash, opacity, fontSize },
        rows: rowsFor(selected.map((shape) => shape.type)),
        selected: true,
        locked: selected.every((shape) => shape.locked),
      }
    } else if (!['select', 'hand', 'eraser', 'image'].includes(this.tool) && this.gesture === null && this.texting === null) {
      state = { look: stage.look, rows: rowsFor([this.tool as Shape['type']]), selected: false, locked: false }
    }
    this.panel.show(state, isDark())
    this.panel.place(selectionOnScreen(stage, this.camera), { w: this.camera.width, h: this.camera.height })
  }

  // -- tools -----------------------------------------------------------------------------------

  private chooseTool(tool: Tool): void {
    if (this.readOnly && !READING_TOOLS.has(tool)) return
    if (tool === 'image') {
      this.choosePictures()
      return
    }
    this.tool = tool
    if (tool !== 'select') this.stage.select([])
    for (const [name, button] of this.toolButtons) button.setAttribute('aria-pressed', String(name === tool))
    this.showCursor()
    this.invalidate('overlay')
  }

  private showCursor(): void {
    const { tool } = this
    let cursor = 'crosshair'
    if (this.panning !== null) cursor = 'grabbing'
    else if (tool === 'hand' || this.spaceHeld) cursor = 'grab'
    else if (tool === 'select') {
      const handle = this.lastPointer === null || this.readOnly ? null : handleAt(this.stage, this.lastPointer, false)
      cursor = handle?.cursor ?? 'default'
    } else if (tool === 'text') cursor = 'text'
    this.over.style.cursor = cursor
  }

  private setLook(change: Partial<Look>, more: boolean): void {
    const { stage } = this
    stage.look = { ...stage.look, ...change }
    keepLook(stage.look)
    const changed = stage.selected.filter((shape) => !shape.locked).map((shape) => ({ ...shape, ...change, ...this.sizeFor(shape, change) }))
    if (changed.length === 0) {
      this.invalidate('overlay')
    } else if (more) {
      for (const shape of changed) stage.preview.set(shape.id, shape)
      stage.invalidate()
    } else {
      for (const shape of changed) stage.preview.set(shape.id, shape)
      stage.commit()
    }
  }

  /** A free text takes the room that its letters need. */
  private sizeFor(shape: Shape, change: Partial<Look>): Partial<Shape> {
    if (shape.type !== 'text' || change.fontSize === undefined) return {}
    return textSize(shape.text, FONT_SIZES[change.fontSize])
  }

  private restack(to: 'top' | 'bottom'): void {
    this.store.step()
    this.store.restack(this.stage.selection, to)
  }

  private lock(locked: boolean): void {
    this.store.step()
    this.store.update(new Map([...this.stage.selection].map((id) => [id, { locked }])))
  }

  private duplicate(): void {
    const copies = copiesOf(this.stage.selected).map((shape) => moved(shape, PASTE_STEP, PASTE_STEP))
    this.place(copies)
  }

  private removeSelected(): void {
    this.remove(this.stage.selected.filter((shape) => !shape.locked).map((shape) => shape.id))
  }

  private remove(ids: string[]): void {
    if (ids.length === 0) return
    const gone = new Set(ids)
    this.store.step()
    this.store.together(() => {
      // Arrows that stuck to what goes stay where they point.
      const left = this.store.shapes.filter((shape) => !gone.has(shape.id) && [shape.from, shape.to].some((end) => end !== null && gone.has(end.id)))
      this.store.update(
        new Map(
          left.map((shape) => {
            const { x, y, points } = withPoints(shape, linearPoints(shape, this.stage.lookup))
            const keep = (end: Shape['from']): Shape['from'] => (end !== null && gone.has(end.id) ? null : end)
            return [shape.id, { x, y, points, from: keep(shape.from), to: keep(shape.to) }]
          }),
        ),
      )
      this.store.remove(ids)
    })
    this.store.step()
    this.stage.select([...this.stage.selection].filter((id) => !gone.has(id)))
  }

  /** Put new shapes into the document and select them. */
  private place(shapes: Shape[]): void {
    if (shapes.length === 0 || this.readOnly) return
    this.store.step()
    this.store.add(shapes)
    this.store.step()
    this.chooseTool('select')
    this.stage.select(shapes.map((shape) => shape.id))
  }

  private undo(): void {
    if (this.readOnly) return
    this.texting?.end()
    this.store.undo.undo()
  }

  private redo(): void {
    if (!this.readOnly) this.store.undo.redo()
  }

  // -- text ------------------------------------------------------------------------------------

  private editText(id: string): void {
    const shape = this.stage.lookup(id)
    const text = this.readOnly || shape === undefined || !holdsText(shape) || shape.locked ? null : this.store.textOf(id)
    if (shape === undefined || text === null) return
    this.texting?.end()
    this.chooseTool('select')
    this.store.step()
    this.stage.editing = id
    this.stage.select([id])
    this.texting = editText(this.layer, this.camera, shape, text, {
      onInput: (words) => {
        const now = this.store.get(id)
        if (now?.type === 'text') {
          const size = textSize(words, FONT_SIZES[now.fontSize])
          this.store.update(new Map([[id, size]]))
        }
        this.invalidate('shapes')
      },
      onEnd: (empty) => {
        this.texting = null
        this.stage.editing = null
        if (empty && this.store.get(id)?.type === 'text') this.remove([id])
        this.store.step()
        this.stage.invalidate()
        this.focus()
      },
    })
    this.stage.invalidate()
  }

  private placeText(): void {
    if (this.texting === null) return
    const shape = this.stage.lookup(this.texting.id)
    if (shape === undefined) this.texting.end()
    else this.texting.place(shape, isDark())
  }

  // -- pointers --------------------------------------------------------------------------------

  private local(event: MouseEvent): Point {
    const { left, top } = this.root.getBoundingClientRect()
    return { x: event.clientX - left, y: event.clientY - top }
  }

  private touch(event: PointerEvent): Touch {
    const pen = event.pointerType === 'pen' && event.pressure > 0
    return {
      at: this.camera.toBoard(this.local(event)),
      pressure: pen ? event.pressure : null,
      keys: { shift: event.shiftKey, alt: event.altKey, ctrl: event.ctrlKey || event.metaKey },
    }
  }

  private onDown(event: PointerEvent): void {
    this.endFollow()
    // The browser's own default would take the focus away again.
    event.preventDefault()
    this.texting?.end()
    this.focus()
    const screen = this.local(event)
    this.over.setPointerCapture(event.pointerId)
    if (event.pointerType === 'touch') {
      this.pointers.set(event.pointerId, screen)
      if (this.pointers.size === 2) {
        this.cancelGesture()
        this.panning = null
        this.pinch = this.pinchNow()
        return
      }
      if (this.pointers.size > 2) return
    }
    if (event.button === 1 || this.spaceHeld || this.tool === 'hand') {
      this.panning = { last: screen, pointer: event.pointerId }
      this.showCursor()
      return
    }
    if (event.button !== 0) return
    this.gesture = this.begin(event, screen)
    this.invalidate('overlay')
  }

  private begin(event: PointerEvent, screen: Point): Gesture | null {
    const { stage, tool } = this
    const touch = this.touch(event)
    switch (tool) {
      case 'select':
        return this.beginSelect(event, screen, touch)
      case 'pen':
        return new Pen(stage, touch)
      case 'eraser':
        return new Erase(stage, touch, (ids) => this.remove(ids))
      case 'arrow':
      case 'line':
        return Ends.begin(stage, tool, touch, (shape, wasMoved) => {
          if (!wasMoved) return
          this.chooseTool('select')
          stage.select([shape.id])
        })
      case 'rectangle':
      case 'ellipse':
      case 'diamond':
        return new Draw(stage, tool, touch.at, { w: 160, h: 100 }, (shape) => {
          this.chooseTool('select')
          stage.select([shape.id])
        })
      case 'note':
        return new Draw(stage, tool, touch.at, { w: NOTE_SIZE, h: NOTE_SIZE }, (shape) => this.editText(shape.id))
      case 'text': {
        const shape = shapeAt(touch.at, stage.shapes, stage.lookup, 4 / this.camera.zoom)
        if (shape !== null && holdsText(shape)) this.editText(shape.id)
        else this.addText(touch.at)
        return null
      }
      default:
        return null
    }
  }

  private beginSelect(event: PointerEvent, screen: Point, touch: Touch): Gesture | null {
    const { stage } = this
    const coarse = event.pointerType === 'touch'
    const handle = this.readOnly ? null : handleAt(stage, screen, coarse)
    if (handle !== null) {
      if (handle.kind === 'rotate') return new Rotate(stage, touch.at)
      if (handle.kind === 'end') return new Ends(stage, handle.shape, handle.end, () => undefined)
      return new Resize(stage, handle)
    }
    const hit = shapeAt(touch.at, stage.shapes, stage.lookup, (coarse ? 12 : 5) / this.camera.zoom)
    if (hit === null) return new Marquee(stage, touch.at, event.shiftKey)
    const selected = stage.selection.has(hit.id)
    if (event.shiftKey) {
      stage.select(selected ? [...stage.selection].filter((id) => id !== hit.id) : [...stage.selection, hit.id])
      return null
    }
    if (!selected) stage.select([hit.id])
    if (this.readOnly || hit.locked) return null
    return new AfterThreshold(touch.at, this.camera.zoom, () => new Move(stage, touch.at, (ids) => stage.select(ids)), () => {
      // A click on one of several means that one.
      if (selected && stage.selection.size > 1) stage.select([hit.id])
    })
  }

  private onMove(event: PointerEvent): void {
    const screen = this.local(event)
    this.lastPointer = screen
    this.live.pointAt(this.camera.toBoard(screen))
    if (event.pointerType === 'touch' && this.pointers.has(event.pointerId)) {
      this.pointers.set(event.pointerId, screen)
      if (this.pinch !== null) {
        const now = this.pinchNow()
        if (now === null) return
        this.camera.pan(this.pinch.middle.x - now.middle.x, this.pinch.middle.y - now.middle.y)
        if (this.pinch.span > 0) this.camera.zoomAt(now.middle, (this.camera.zoom * now.span) / this.pinch.span)
        this.pinch = now
        this.cameraMoved()
        return
      }
    }
    if (this.panning !== null) {
      this.camera.pan(this.panning.last.x - screen.x, this.panning.last.y - screen.y)
      this.panning.last = screen
      this.cameraMoved()
      return
    }
    if (this.gesture === null) {
      this.showCursor()
      return
    }
    if (this.gesture instanceof Pen) {
      // Between two frames a pen was in more places than one.
      const moves = event.getCoalescedEvents()
      for (const each of moves.length > 0 ? moves : [event]) this.gesture.move(this.touch(each))
    } else {
      this.gesture.move(this.touch(event))
    }
    this.invalidate('overlay')
  }

  private onUp(event: PointerEvent): void {
    this.release(event)
    if (this.panning?.pointer === event.pointerId) {
      this.panning = null
      this.showCursor()
      return
    }
    const { gesture } = this
    this.gesture = null
    gesture?.end(this.touch(event))
    this.showCursor()
    this.invalidate('overlay')
  }

  private onLost(event: PointerEvent): void {
    this.release(event)
    if (this.panning?.pointer === event.pointerId) this.panning = null
    if (event.type === 'pointercancel') this.cancelGesture()
  }

  private release(event: PointerEvent): void {
    this.pointers.delete(event.pointerId)
    if (this.pointers.size < 2) this.pinch = null
    if (event.pointerType === 'touch') this.live.pointAt(null)
  }

  private pinchNow(): { middle: Point; span: number } | null {
    const [a, b] = [...this.pointers.values()]
    if (a === undefined || b === undefined) return null
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, span: distance(a, b) }
  }

  private cancelGesture(): void {
    this.gesture?.cancel()
    this.gesture = null
  }

  private onDoubleClick(event: MouseEvent): void {
    if (this.tool !== 'select' || this.readOnly) return
    const at = this.camera.toBoard(this.local(event))
    const hit = shapeAt(at, this.stage.shapes, this.stage.lookup, 5 / this.camera.zoom)
    if (hit !== null && holdsText(hit)) this.editText(hit.id)
    else if (hit === null) this.addText(at)
  }

  private addText(at: Point): void {
    const size = FONT_SIZES[this.stage.look.fontSize]
    const shape = { ...freshShape(this.stage, 'text', { x: at.x, y: at.y - size * 0.65 }), fill: 'none', ...textSize('', size) }
    this.store.step()
    this.store.add([shape])
    this.editText(shape.id)
  }

  private onWheel(event: WheelEvent): void {
    if ((event.target as Element).closest('textarea, .board-panel') !== null) return
    event.preventDefault()
    this.endFollow()
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1
    if (event.ctrlKey || event.metaKey) {
      const screen = this.local(event)
      this.camera.zoomAt(screen, this.camera.zoom * Math.exp((-event.deltaY * unit) / (Math.abs(event.deltaY) < 40 ? 100 : 400)))
    } else {
      const sideways = event.shiftKey && event.deltaX === 0
      this.camera.pan((sideways ? event.deltaY : event.deltaX) * unit, (sideways ? 0 : event.deltaY) * unit)
    }
    this.cameraMoved()
  }

  // -- keys ------------------------------------------------------------------------------------

  private onKey(event: KeyboardEvent): void {
    const target = event.target as Element
    if (target !== this.root && target !== document.body && !this.root.contains(target)) return
    if (target.matches('input, textarea, [contenteditable=true]')) return
    const handled = event.ctrlKey || event.metaKey ? this.command(event) : this.key(event)
    if (!handled) return
    event.preventDefault()
    event.stopPropagation()
  }

  private command(event: KeyboardEvent): boolean {
    switch (event.key.toLowerCase()) {
      case 'z':
        if (event.shiftKey) this.redo()
        else this.undo()
        return true
      case 'y':
        this.redo()
        return true
      case 'a':
        this.chooseTool('select')
        this.stage.select(this.stage.shapes.filter((shape) => !shape.locked).map((shape) => shape.id))
        return true
      case 'd':
        this.duplicate()
        return true
      case 'l':
        if (!this.readOnly) this.lock(!this.stage.selected.every((shape) => shape.locked))
        return true
      default:
        return false
    }
  }

  private key(event: KeyboardEvent): boolean {
    const { stage } = this
    const nudges: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
    const nudge = nudges[event.key]
    if (nudge !== undefined) {
      const step = event.shiftKey ? 10 : 1
      if (stage.selection.size === 0) this.camera.pan(nudge[0] * 40 * step ** 0.5, nudge[1] * 40 * step ** 0.5)
      else if (!this.readOnly) {
        const patches = stage.selected
          .filter((shape) => !shape.locked)
          .map((shape) => [shape.id, { x: shape.x + nudge[0] * step, y: shape.y + nudge[1] * step }] as const)
        this.store.update(new Map(patches))
      }
      this.cameraMoved()
      return true
    }
    switch (event.key) {
      case ' ':
        this.spaceHeld = true
        this.showCursor()
        return true
      case 'Escape':
        if (this.gesture !== null) this.cancelGesture()
        else if (this.followed !== null) this.endFollow()
        else if (this.tool !== 'select') this.chooseTool('select')
        else stage.select([])
        return true
      case 'Delete':
      case 'Backspace':
        if (!this.readOnly) this.removeSelected()
        return true
      case 'Enter': {
        const only = stage.selected[0]
        if (stage.selection.size === 1 && only !== undefined) this.editText(only.id)
        return true
      }
      case ']':
      case '[':
        if (!this.readOnly) this.restack(event.key === ']' ? 'top' : 'bottom')
        return true
      case '+':
      case '=':
        this.zoomBy(1.25)
        return true
      case '-':
        this.zoomBy(1 / 1.25)
        return true
      case ')':
        this.zoomTo(1)
        return true
      case '!':
        this.fitAll()
        return true
      case '?':
        this.help()
        return true
    }
    if (event.shiftKey && event.code === 'Digit0') this.zoomTo(1)
    else if (event.shiftKey && event.code === 'Digit1') this.fitAll()
    else {
      const found = TOOLS.find((entry) => entry.key === event.key.toUpperCase())
      if (found === undefined || event.altKey) return false
      this.chooseTool(found.tool)
    }
    return true
  }

  // -- clipboard and pictures ------------------------------------------------------------------

  private ownsClipboard(event: ClipboardEvent): boolean {
    const target = event.target as Element
    const elsewhere = target instanceof Element && target.matches('input, textarea, [contenteditable=true]')
    return !elsewhere && (document.activeElement === this.root || document.activeElement === document.body)
  }

  private onCopy(event: ClipboardEvent, cut: boolean): void {
    const { selected } = this.stage
    if (selected.length === 0 || !this.ownsClipboard(event)) return
    event.preventDefault()
    event.clipboardData?.setData('text/plain', toClipboard(selected.map((shape) => this.standing(shape))))
    this.pasted = 0
    if (cut && !this.readOnly) this.removeSelected()
  }

  /** An arrow as it stands, for places where what it sticks to may be missing. */
  private standing(shape: Shape): Shape {
    return isLinear(shape) ? { ...withPoints(shape, linearPoints(shape, this.stage.lookup)) } : shape
  }

  private onPaste(event: ClipboardEvent): void {
    if (this.readOnly || !this.ownsClipboard(event)) return
    const data = event.clipboardData
    if (data === null) return
    event.preventDefault()
    const at = this.lastPointer ?? { x: this.camera.width / 2, y: this.camera.height / 2 }
    const middle = this.camera.toBoard(at)
    const files = [...data.files].filter((file) => file.type.startsWith('image/'))
    if (files.length > 0) {
      void this.addPictures(files, middle)
      return
    }
    const text = data.getData('text/plain')
    const offset = this.pasted * PASTE_STEP
    this.pasted += 1
    const shapes = fromClipboard(text, { x: middle.x + offset, y: middle.y + offset })
    if (shapes !== null) {
      this.place(shapes)
    } else if (text.trim() !== '') {
      const words = text.trim().slice(0, 5000)
      const size = textSize(words, FONT_SIZES[this.stage.look.fontSize])
      this.place([{ ...freshShape(this.stage, 'text', middle), fill: 'none', text: words, ...size }])
    }
  }

  private choosePictures(): void {
    const input = h('input', { type: 'file', accept: 'image/*', multiple: true })
    const middle = this.camera.toBoard({ x: this.camera.width / 2, y: this.camera.height / 2 })
    input.addEventListener('change', () => void this.addPictures(input.files ?? [], middle))
    input.click()
  }

  private async addPictures(files: Iterable<File>, at: Point): Promise<void> {
    const shapes: Shape[] = []
    for (const file of files) {
      if (!file.type.startsWith('image/')) continue
      try {
        const { url, width, height } = await pictureOf(file)
        const scale = Math.min(1, 480 / Math.max(width, height))
        const [w, tall] = [rounded(width * scale), rounded(height * scale)]
        const shift = shapes.length * PASTE_STEP
        shapes.push({ ...freshShape(this.stage, 'image', { x: at.x - w / 2 + shift, y: at.y - tall / 2 + shift }), w, h: tall, src: url })
      } catch (error) {
        this.context.toast({ words: error instanceof Error ? error.message : 'This picture cannot be used.', tone: 'warn' })
      }
    }
    this.place(shapes)
  }

  private async export(format: 'png' | 'svg'): Promise<void> {
    const { stage } = this
    const shapes = stage.selection.size > 0 ? stage.selected : stage.shapes
    if (shapes.length === 0) {
      this.context.toast({ words: 'There is nothing on this board to export.' })
      return
    }
    try {
      const blob =
        format === 'png'
          ? await toPng(shapes, stage.lookup, isDark())
          : new Blob([toSvg(shapes, stage.lookup, isDark())], { type: 'image/svg+xml' })
      const link = h('a', { href: URL.createObjectURL(blob), download: `${this.context.provider.document.replaceAll('/', '-')}.${format}` })
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
    } catch {
      this.context.toast({ words: 'This board is too large for one picture. Select a part of it and export that.', tone: 'warn' })
    }
  }

  // -- view ------------------------------------------------------------------------------------

  private zoomBy(factor: number): void {
    this.zoomTo(this.camera.zoom * factor)
  }

  private zoomTo(zoom: number): void {
    this.endFollow()
    this.camera.zoomAt({ x: this.camera.width / 2, y: this.camera.height / 2 }, zoom)
    this.cameraMoved()
  }

  private fitAll(): void {
    this.endFollow()
    const { contents } = this.stage
    if (contents !== null) this.camera.fit(contents, 96)
    this.cameraMoved()
  }

  /** Show what there is when the document is here; afterwards the view is the person's own. */
  private firstFit(): void {
    const { contents } = this.stage
    this.invalidate('shapes')
    if (this.fitted) return
    this.fitted = this.context.provider.synced
    // An empty board has its origin in the middle.
    this.camera.fit(contents ?? { x: 0, y: 0, w: 0, h: 0 }, 96)
    this.cameraMoved()
  }

  private endFollow(): void {
    this.fitted = true
    if (this.followed !== null) this.context.onFollowEnd()
  }

  /** Come closer to what the followed person sees; whether the camera moved. */
  private chase(): boolean {
    const view = this.followed === null ? null : this.live.viewOf(this.followed)
    if (view === null) return false
    const { camera } = this
    const goal = new Camera()
    goal.width = camera.width
    goal.height = camera.height
    goal.fit(view, 0, 8)
    const middle = centre(camera.view())
    const wanted = centre(goal.view())
    const near = Math.abs(goal.zoom / camera.zoom - 1) < 0.002 && distance(middle, wanted) * camera.zoom < 0.5
    const part = near || matchMedia('(prefers-reduced-motion: reduce)').matches ? 1 : 0.25
    camera.zoom *= (goal.zoom / camera.zoom) ** part
    const at = { x: middle.x + (wanted.x - middle.x) * part, y: middle.y + (wanted.y - middle.y) * part }
    camera.x = at.x - camera.width / camera.zoom / 2
    camera.y = at.y - camera.height / camera.zoom / 2
    this.live.look(camera.view())
    if (!near) this.invalidate('shapes')
    return true
  }

  private help(): void {
    const rows: [string, string][] = [...TOOLS.map(({ key, label }): [string, string] => [key, label]), ...SHORTCUTS]
    openDialog(
      'Keyboard shortcuts',
      h('dl', { class: 'board-help' }, ...rows.map(([keys, words]) => h('div', {}, h('dt', {}, h('kbd', {}, keys)), h('dd', {}, words)))),
    )
  }
}

/** A gesture that begins only when the pointer really moves, so that a click does not nudge. */
class AfterThreshold implements Gesture {
  private gesture: Gesture | null = null

  constructor(
    private readonly start: Point,
    private readonly zoom: number,
    private readonly make: () => Gesture,
    private readonly onClick: () => void,
  ) {}

  move(touch: Touch): void {
    if (this.gesture === null && distance(touch.at, this.start) * this.zoom >= CLICK) this.gesture = this.make()
    this.gesture?.move(touch)
  }

  end(touch: Touch): void {
    if (this.gesture === null) this.onClick()
    else this.gesture.end(touch)
  }

  cancel(): void {
    this.gesture?.cancel()
  }
}

function remoteCursor(): HTMLElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('width', '22')
  svg.setAttribute('height', '22')
  svg.setAttribute('viewBox', '0 0 18 18')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', 'M1.5 1.5l5.2 14 2.2-6 6-2.2z')
  svg.append(path)
  return h('div', { class: 'board-cursor', 'aria-hidden': 'true' }, svg, h('span', { class: 'board-cursor-flag' }))
}

function keptLook(): Look {
  try {
    return { ...FIRST_LOOK, ...(JSON.parse(localStorage.getItem(LOOK_KEY) ?? '{}') as Partial<Look>) }
  } catch {
    return FIRST_LOOK
  }
}

function keepLook(look: Look): void {
  try {
    localStorage.setItem(LOOK_KEY, JSON.stringify(look))
  } catch {
    // The next visit begins with the usual look.
  }
}
