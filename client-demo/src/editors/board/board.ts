/** The whiteboard: composes the stage, the tools, the panel and what others do. */

import { fill, h } from '../../ui/dom'
import { isDark, onTheme } from '../../ui/theme'
import type { Editor, EditorContext } from '../editor'
import { Camera } from './camera'
import { ContextMenu } from './contextMenu'
import { Cursors } from './cursors'
import { Dock, zoomBar } from './dock'
import { Edits } from './edits'
import { Resize } from './gestures'
import { openHelp } from './help'
import { Live } from './live'
import { keptLook } from './look'
import { Minimap } from './minimap'
import { commonLook, panel, rowsFor, type PanelState } from './panel'
import { Pointers } from './pointers'
import { Screen } from './screen'
import { TYPES, type Point, type Shape } from './shapes'
import { Shortcuts } from './shortcuts'
import { nameOf, Spoken } from './spoken'
import { Stage } from './stage'
import { BoardStore } from './store'
import { READING_TOOLS, type Tool } from './toolbox'
import { Tools } from './tools'
import { Transfer } from './transfer'
import { Viewing } from './viewing'
import { Writing } from './writing'
import './board.css'

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
  private readonly store: BoardStore
  private readonly live: Live
  private readonly stage: Stage
  private readonly screen: Screen
  private readonly viewing: Viewing
  private readonly edits: Edits
  private readonly writing: Writing
  private readonly tools: Tools
  private readonly pointers: Pointers
  private readonly transfer: Transfer
  private readonly contextMenu: ContextMenu
  private readonly cursors: Cursors
  private readonly map: Minimap
  private readonly spoken: Spoken
  private readonly dock: Dock
  private readonly zoom: ReturnType<typeof zoomBar>
  private readonly panel: ReturnType<typeof panel>
  private shapesStale = true
  private frame = 0

  private readonly root = h('div', { class: 'board', tabIndex: 0, role: 'application', 'aria-label': 'Whiteboard' })
  /** The board, and the properties beside it. */
  private readonly shell = h('div', { class: 'board-shell' })
  private readonly layer = h('div', { class: 'board-layer' })
  private readonly empty = h('div', { class: 'board-empty', hidden: true }, 'Pick a tool below, or press R, P, N or T. ? shows all keys.')
  private readonly back = h('button', { class: 'button board-back floating', type: 'button', hidden: true, onclick: () => this.toContent() }, 'Back to content')
  private readonly ended = new AbortController()
  private readonly cleanups: (() => void)[] = []

  constructor(host: HTMLElement, private readonly context: EditorContext) {
    const { provider } = context
    const toSelect = (): void => this.chooseTool('select')
    this.store = new BoardStore(context.doc)
    this.live = new Live(provider, this.store, (what) => this.stage.invalidate(what))
    this.stage = new Stage(this.store, new Camera(), this.live, keptLook(), (what) => this.invalidate(what))
    this.screen = new Screen(this.stage, this.root)
    this.viewing = new Viewing(this.stage, () => provider.synced, () => context.onFollowEnd())
    this.edits = new Edits(this.stage, toSelect)
    this.writing = new Writing(this.stage, this.layer, {
      begin: () => {
        if (!this.stage.toolLock) toSelect()
      },
      end: () => {
        if (this.stage.tool !== 'select') this.stage.select([])
        this.focus()
      },
      empty: (id) => this.edits.remove([id]),
    })
    this.tools = new Tools(this.stage, this.edits, this.writing, toSelect)
    this.pointers = new Pointers(this.stage, { tools: this.tools, viewing: this.viewing, writing: this.writing, openMenu: (at) => this.contextMenu.open(at) }, this.root, this.screen.over)
    this.transfer = new Transfer(this.stage, this.edits, this.pointers, this.root, (message) => context.toast(message), provider.document)
    this.contextMenu = new ContextMenu(
      {
        stage: this.stage, edits: this.edits, viewing: this.viewing, transfer: this.transfer,
        focus: () => this.focus(),
        toggleMap: () => this.map.toggle(),
        help: openHelp,
      },
      this.layer,
    )
    this.cursors = new Cursors(this.stage, this.layer)
    this.map = new Minimap(this.stage, this.viewing)
    this.spoken = new Spoken(this.stage)
    this.dock = new Dock((tool) => this.chooseTool(tool), () => this.toggleLock())
    this.zoom = zoomBar({
      zoomBy: (factor) => this.viewing.zoomBy(factor),
      zoomTo: (zoom) => this.viewing.zoomTo(zoom),
      fitAll: () => this.viewing.fitAll(),
      undo: () => this.undo(),
      redo: () => this.redo(),
      toggleMap: () => this.map.toggle(),
      help: openHelp,
    })
    this.panel = panel({
      look: (change, more) => this.edits.setLook(change, more),
      restack: (to) => this.edits.restack(to),
      lock: (locked) => this.edits.lock(locked),
      duplicate: () => this.edits.duplicate(),
      align: (how) => this.edits.align(how),
      distribute: (axis) => this.edits.distribute(axis),
      group: () => this.edits.group(),
      ungroup: () => this.edits.ungroup(),
      remove: () => this.edits.removeSelected(),
    })
    const controls = [this.back, this.dock.element, this.zoom.element, this.map.element]
    fill(this.root, this.screen.canvas, this.screen.over, this.layer, this.empty, this.spoken.element, ...controls)
    for (const control of [...controls, this.panel.element]) control.addEventListener('mousedown', (event) => this.keepFocus(event))
    this.shell.append(this.root, this.panel.element)
    host.append(this.shell)
    document.body.classList.add('on-board')
    this.listen()
    this.chooseTool('select')
    // With the properties beside it: what is shown first lies in the middle of what is left.
    this.resize()
  }

  // -- what the page calls ---------------------------------------------------------------------

  setReadOnly(readOnly: boolean): void {
    this.stage.readOnly = readOnly
    if (readOnly) {
      this.pointers.cancel()
      this.writing.end()
      if (!READING_TOOLS.has(this.stage.tool)) this.chooseTool('select')
    }
    this.dock.setReadOnly(readOnly)
    this.zoom.setReadOnly(readOnly)
    this.showPanel()
    this.resize()
    this.invalidate('overlay')
  }

  follow(client: number | null): void {
    this.viewing.follow(client)
  }

  focus(): void {
    this.root.focus({ preventScroll: true })
  }

  menu(): ReturnType<Editor['menu']> {
    const selected = this.stage.selection.size > 0 ? ' (selection)' : ''
    return [
      { label: `Export as PNG${selected}`, run: () => void this.transfer.export('png') },
      { label: `Export as SVG${selected}`, run: () => void this.transfer.export('svg') },
      { label: 'Show everything', hint: 'Shift 1', run: () => this.viewing.fitAll() },
      { label: 'Keyboard shortcuts', hint: '?', run: openHelp },
    ]
  }

  destroy(): void {
    this.writing.end()
    this.map.destroy()
    this.spoken.destroy()
    cancelAnimationFrame(this.frame)
    this.ended.abort()
    for (const cleanup of this.cleanups) cleanup()
    document.body.classList.remove('on-board')
    this.live.destroy()
    this.store.destroy()
    this.screen.destroy()
    this.shell.remove()
  }

  // -- what happens around it ------------------------------------------------------------------

  private listen(): void {
    const { signal } = this.ended
    const { provider } = this.context
    this.pointers.listen(signal)
    this.transfer.listen(signal)
    new Shortcuts(
      {
        stage: this.stage, edits: this.edits, pointers: this.pointers, tools: this.tools, viewing: this.viewing, writing: this.writing,
        chooseTool: (tool) => this.chooseTool(tool),
        toPanel: () => {
          // It may have been selected since the last frame.
          this.showPanel()
          this.panel.focus()
        },
        undo: () => this.undo(),
        redo: () => this.redo(),
        toggleMap: () => this.map.toggle(),
        openMenu: () => this.contextMenu.open(this.menuPlace()),
        toggleLock: () => this.toggleLock(),
        help: openHelp,
      },
      this.root,
      this.shell,
    ).listen(signal)

    const size = new ResizeObserver(() => this.resize())
    size.observe(this.root)
    const onSynced = (): void => this.viewing.firstFit()
    provider.on('synced', onSynced)
    this.cleanups.push(
      () => size.disconnect(),
      () => provider.off('synced', onSynced),
      onTheme(() => {
        this.screen.readColours()
        this.map.touch()
        this.stage.repaint()
      }),
      this.store.onChange((ids) => {
        for (const id of ids) if (this.store.get(id) === undefined) this.stage.lose(id)
        this.screen.touch(ids)
        this.map.touch()
        this.stage.invalidate()
      }),
    )
    if (provider.synced || this.store.shapes.length > 0) requestAnimationFrame(() => this.viewing.firstFit())
    void document.fonts.ready.then(() => this.screen.fontsArrived())
  }

  private toContent(): void {
    this.viewing.fitAll()
    this.focus()
  }

  private resize(): void {
    const { width, height } = this.root.getBoundingClientRect()
    if (width === 0) return
    const { camera } = this.stage
    camera.width = width
    camera.height = height
    this.screen.resize()
    this.viewing.moved()
  }

  // -- painting --------------------------------------------------------------------------------

  private invalidate(what: 'shapes' | 'overlay'): void {
    if (what === 'shapes') this.shapesStale = true
    if (this.frame === 0 && !this.ended.signal.aborted) this.frame = requestAnimationFrame((now) => this.paint(now))
  }

  private paint(now: number): void {
    this.frame = 0
    const { stage } = this
    if (this.viewing.chase()) this.shapesStale = true
    if (this.shapesStale) {
      this.shapesStale = false
      this.screen.paintShapes()
      this.zoom.show(stage.camera.zoom)
      this.back.hidden = this.viewing.seesSomething()
      this.empty.hidden = stage.shapes.length > 0 || stage.readOnly || !this.context.provider.synced
    }
    const { gesture } = this.pointers
    this.screen.paintOverlay(!stage.readOnly && !this.writing.active && stage.tool === 'select' && (gesture === null || gesture instanceof Resize))
    this.writing.place()
    this.showPanel()
    this.cursors.place(now)
    this.map.paint()
    this.spoken.note()
  }

  /** A click on a button leaves the keys to the board; those who came by keyboard stay where they are. */
  private keepFocus(event: MouseEvent): void {
    if ((event.target as Element).matches('input')) return
    event.preventDefault()
    this.focus()
  }

  private showPanel(): void {
    this.panel.show(this.panelState(), isDark(), this.pointers.gesture !== null || this.writing.active)
  }

  private panelState(): PanelState | null {
    const { stage } = this
    const { readOnly, look, selected, tool } = stage
    if (readOnly) return null
    const [first] = selected
    if (first !== undefined) {
      // What is locked among them does not change with the rest.
      const open = selected.filter((shape) => !shape.locked)
      return {
        title: selected.length === 1 ? nameOf({ ...first, text: '' }) : `${stage.groupSelected === null ? '' : 'Group of '}${selected.length} shapes`,
        look: commonLook(open, look),
        rows: rowsFor(selected.map((shape) => shape.type)),
        selected: true,
        locked: selected.every((shape) => shape.locked),
        units: selected.length > 1 ? stage.units.length : 0,
        grouping: stage.groupSelected !== null ? 'group' : open.length > 1 ? 'loose' : null,
        idle: false,
      }
    }
    const idle = ['select', 'hand', 'eraser', 'image'].includes(tool)
    const rows = rowsFor(idle ? TYPES : [tool as Shape['type']])
    return { title: 'Next shape', look, rows, selected: false, locked: false, units: 0, grouping: null, idle }
  }

  // -- tools -----------------------------------------------------------------------------------

  private chooseTool(tool: Tool): void {
    const { stage } = this
    if (stage.readOnly && !READING_TOOLS.has(tool)) return
    if (tool === 'image') {
      this.transfer.choosePictures()
      return
    }
    stage.tool = tool
    if (tool !== 'select') stage.select([])
    this.dock.show(tool)
    this.pointers.showCursor()
    // Not with the next frame only: a quick hand would press where the panel is no more.
    this.showPanel()
    this.invalidate('overlay')
  }

  /** For a menu that was asked for by keys: beside the selection, or in the middle. */
  private menuPlace(): Point {
    const { camera, selectionBox: box } = this.stage
    if (box === null) return { x: camera.width / 2, y: camera.height / 2 }
    const { x, y } = camera.toScreen({ x: box.x + box.w, y: box.y })
    return { x: Math.max(0, Math.min(x, camera.width)), y: Math.max(0, Math.min(y, camera.height)) }
  }

  private toggleLock(): void {
    const { stage } = this
    if (stage.readOnly) return
    stage.toolLock = !stage.toolLock
    this.dock.showLock(stage.toolLock)
    this.spoken.say(stage.toolLock ? 'Tools stay after drawing.' : 'After drawing comes Select.')
  }

  private undo(): void {
    if (this.stage.readOnly) return
    if (this.pointers.gesture !== null) {
      this.pointers.cancel()
      return
    }
    this.writing.end()
    this.store.undo.undo()
  }

  private redo(): void {
    if (!this.stage.readOnly && this.pointers.gesture === null) this.store.undo.redo()
  }
}
