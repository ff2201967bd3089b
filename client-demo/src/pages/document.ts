/** `/d/<document>`: top bar, status, people, and the editor of the document's kind. */

import { ChevronLeft, History, MoreHorizontal, Share2, X } from 'lucide'
import { IndexeddbPersistence } from 'y-indexeddb'
import * as Y from 'yjs'

import type { Editor, EditorContext, Kind, MountEditor } from '../editors/editor'
import { adviceFor, CollabProvider, inWords, turnedAway, type Fault, type Notice, type Status } from '../provider'
import { Api, ApiError } from '../ui/api'
import { avatars } from '../ui/avatars'
import { fill, h } from '../ui/dom'
import { icon } from '../ui/icons'
import { KIND_ICONS, KIND_WORDS } from '../ui/kinds'
import { addressOf, freshName, kindInAddress, setTokenOfTab, tokenOfTab, untitled } from '../ui/location'
import { openDialog, openMenu, type MenuItem } from '../ui/overlays'
import { asUser, inkOn, me, rename, type Me } from '../ui/people'
import { peersOf } from '../ui/presence'
import { forget, remember } from '../ui/recent'
import { statusPill } from '../ui/statusPill'
import { chosenTheme, nextTheme } from '../ui/theme'
import { themeButton } from '../ui/themeButton'
import { closeToast, toast } from '../ui/toasts'
import { signEdits } from './authors'
import { LocalWrites } from './localWrites'
import { openShare } from './share'
import './document.css'

const EDITORS: Record<Kind, () => Promise<{ mount: MountEditor }>> = {
  text: () => import('../editors/text/text'),
  code: () => import('../editors/code/code'),
  board: () => import('../editors/board/board'),
}
const HINT_DISMISSED = 'collab:hint-dismissed'
/** Notices that the pill shows already. */
const TOLD_BY_PILL = new Set(['draining', 'lagging', 'read_only'])

/** Build the page into `host`. */
export function documentPage(host: HTMLElement, name: string): void {
  new DocumentPage(host, name)
}

class DocumentPage {
  private readonly doc = new Y.Doc()
  private readonly meta: Y.Map<unknown>
  private readonly provider: CollabProvider
  private readonly local: IndexeddbPersistence | null
  private readonly writes: LocalWrites | null
  private person = me()
  private kind: Kind | null = null
  private editor: Editor | null = null
  private following: number | null = null
  /** Why the stage shows a refusal instead of an editor. */
  private refusal: Fault | null = null

  private readonly stage = h('div', { class: 'stage' })
  private readonly heading = h('h1', { class: 'unseen' })
  private readonly title = h('input', { class: 'title', 'aria-label': 'Title', spellcheck: false, maxLength: 120 })
  private readonly kindIcon = h('span', { class: 'kind-icon', role: 'img' })
  private readonly followBar = h('div', { class: 'follow-bar', hidden: true })
  private readonly previewLayer = h('div', { class: 'preview-layer' })
  private readonly sideLayer = h('div', { class: 'side-layer' })
  private readonly versionsButton = h(
    'button',
    { class: 'button plain square desk-only', type: 'button', title: 'Versions', 'aria-label': 'Versions', hidden: true, onclick: () => void this.toggleVersions() },
    icon(History),
  )
  private side: { name: 'versions' | 'inspector'; element: HTMLElement; from: Element | null; destroy(): void } | null = null
  private readonly api: Api
  private readonly faces: ReturnType<typeof avatars>

  constructor(host: HTMLElement, private readonly name: string) {
    this.meta = this.doc.getMap('meta')
    this.local = this.openLocalCopy()
    // For whoever automates this page: is everything in the browser's database?
    this.writes = this.local && new LocalWrites(this.local, this.doc, (kept) => (document.body.dataset['kept'] = String(kept)))
    this.api = new Api(tokenOfTab)
    this.provider = new CollabProvider('', name, this.doc, {
      token: tokenOfTab(),
      user: asUser(this.person),
      local: this.local,
    })
    this.provider.awareness.setLocalStateField('user', asUser(this.person))
    signEdits(this.doc, () => this.shownPerson())
    this.faces = avatars(this.provider, {
      me: () => this.shownPerson(),
      onFollow: (client) => this.follow(client === this.following ? null : client),
      onMe: (anchor) => this.openIdentity(anchor),
      onMore: (anchor) => this.openPeople(anchor),
    })
    fill(host, this.topBar(), this.hint(), h('div', { class: 'stage-frame' }, h('main', { class: 'stage-main' }, this.heading, this.stage, this.previewLayer, this.followBar), this.sideLayer))
    this.stage.append(skeleton())
    this.watch()
    void this.chooseEditor()
  }

  // -- frame -----------------------------------------------------------------------------------

  private topBar(): HTMLElement {
    const pill = statusPill(this.provider, { renew: () => this.askForToken() })
    const theme = themeButton()
    theme.classList.add('desk-only')

    this.title.addEventListener('change', () => {
      const words = this.title.value.trim()
      if (words !== this.shownTitle()) this.meta.set('title', words)
      this.showTitle()
    })
    this.title.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.title.value = this.shownTitle()
      if (event.key === 'Enter' || event.key === 'Escape') this.title.blur()
    })

    const more = h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Menu', title: 'Menu' }, icon(MoreHorizontal))
    more.onclick = () => openMenu(more, this.menuItems())
    return h(
      'header',
      { class: 'top-bar' },
      h('a', { class: 'button plain square', href: '/', 'aria-label': 'All documents', title: 'All documents' }, icon(ChevronLeft)),
      this.kindIcon,
      this.title,
      h('div', { class: 'top-bar-gap' }),
      pill.element,
      this.faces.element,
      h(
        'button',
        { class: 'button share', type: 'button', 'aria-label': 'Share', onclick: () => openShare(this.name, this.provider.session, tokenOfTab() !== null) },
        icon(Share2),
        h('span', { class: 'share-word' }, 'Share'),
      ),
      this.versionsButton,
      theme,
      more,
    )
  }

  private menuItems(): (MenuItem | null)[] {
    const narrow = matchMedia('(max-width: 640px)').matches
    const ofEditor = this.editor?.menu() ?? []
    return [
      ...ofEditor,
      ...(ofEditor.length > 0 ? [null] : []),
      ...(narrow && !this.versionsButton.hidden ? [{ label: 'Versions', run: () => void this.toggleVersions() }] : []),
      ...(narrow ? [{ label: `Theme: ${chosenTheme()}`, run: nextTheme }] : []),
      { label: 'Inspector', hint: 'Ctrl Alt I', run: () => void this.toggleInspector() },
      { label: 'Open in a second window', run: () => openSecondWindow() },
      { label: 'New document', href: addressOf(freshName(this.kind ?? 'text'), this.kind ?? 'text') },
      ...(this.provider.session?.role === 'admin' ? [null, { label: 'Delete document...', danger: true, run: () => this.askDelete() }] : []),
    ]
  }

  private hint(): HTMLElement | null {
    try {
      if (localStorage.getItem(HINT_DISMISSED) !== null) return null
    } catch {
      return null
    }
    const close = (): void => {
      element.remove()
      this.provider.awareness.off('change', onPeers)
      this.provider.off('status', onStatus)
    }
    const dismiss = (): void => {
      try {
        localStorage.setItem(HINT_DISMISSED, '1')
      } catch {
        // It will be shown again, then.
      }
      close()
    }
    const element = h(
      'aside',
      { class: 'hint' },
      h('div', {}, h('strong', {}, 'You are alone here. '), 'Open this page in a second window and watch them keep up.'),
      h('div', { class: 'row' },
        h('button', { class: 'button primary', type: 'button', onclick: () => { openSecondWindow(); dismiss() } }, 'Open second window'),
        h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Dismiss', onclick: dismiss }, icon(X)),
      ),
    )
    const onPeers = (): void => {
      if (peersOf(this.provider.awareness).length > 0) close()
    }
    const onStatus = (status: Status): void => {
      if (turnedAway(status) !== null) close()
    }
    this.provider.awareness.on('change', onPeers)
    this.provider.on('status', onStatus)
    return element
  }

  // -- document --------------------------------------------------------------------------------

  private openLocalCopy(): IndexeddbPersistence | null {
    if (typeof indexedDB === 'undefined') return null
    const local = new IndexeddbPersistence(`collab:${this.name}`, this.doc)
    void local.whenSynced.then(() => {
      void this.chooseEditor()
    })
    return local
  }

  private watch(): void {
    const { provider } = this
    this.meta.observe(() => {
      this.showTitle()
      void this.chooseEditor()
    })
    provider.on('status', (status, before) => {
      if (isReadOnly(status) !== isReadOnly(before)) this.showRole()
      if (isDeleted(status) && !isDeleted(before)) this.onDeleted()
      this.showRefusal()
    })
    provider.on('session', () => {
      this.faces.refresh()
      closeToast('token_expired')
    })
    provider.on('synced', () => {
      void this.chooseEditor()
      keepPagesOffline()
      if (this.versionsButton.hidden) void this.offerVersions()
    })
    addEventListener('keydown', (event) => {
      if (!event.ctrlKey || !event.altKey || event.code !== 'KeyI') return
      event.preventDefault()
      void this.toggleInspector()
    })
    provider.on('notice', (notice) => this.onNotice(notice))
    provider.awareness.on('change', () => {
      if (this.following !== null && !provider.awareness.getStates().has(this.following)) this.follow(null)
    })
    addEventListener('beforeunload', (event) => {
      if (provider.unsaved > 0 && this.writes?.kept !== true) event.preventDefault()
    })
    this.showTitle()
  }

  /** Mount the editor as soon as the kind is known; again if it turns out to be another. */
  private async chooseEditor(): Promise<void> {
    if (this.whyNothing() !== null) return
    const kept = this.meta.get('kind')
    const known = kept === 'text' || kept === 'code' || kept === 'board' ? kept : null
    const kind = known ?? kindInAddress() ?? (this.provider.synced ? this.guessKind() : null)
    if (kind === null) return
    if (this.provider.synced && !this.provider.status.readOnly && known === null && kindInAddress() !== null) {
      this.meta.set('kind', kind)
      return
    }
    if (known !== null && kindInAddress() !== null) history.replaceState(null, '', addressOf(this.name))
    if (kind === this.kind) return
    this.kind = kind
    fill(this.kindIcon, icon(KIND_ICONS[kind]))
    this.kindIcon.title = KIND_WORDS[kind]
    this.kindIcon.setAttribute('aria-label', KIND_WORDS[kind])
    this.note()
    const { mount } = await EDITORS[kind]()
    if (this.kind !== kind || this.whyNothing() !== null) return
    this.refusal = null
    this.editor?.destroy()
    fill(this.stage)
    this.editor = mount(this.stage, this.context())
    this.editor.setReadOnly(isReadOnly(this.provider.status))
    if (matchMedia('(pointer: fine)').matches) this.editor.focus()
  }

  private guessKind(): Kind {
    return this.doc.getMap('board').size > 0 ? 'board' : 'text'
  }

  private context(): EditorContext {
    return {
      doc: this.doc,
      provider: this.provider,
      awareness: this.provider.awareness,
      meta: this.meta,
      toast,
      onFollowEnd: () => this.follow(null),
    }
  }

  private shownTitle(): string {
    const title = this.meta.get('title')
    return typeof title === 'string' && title.trim() !== '' ? title.slice(0, 120) : untitled(this.name)
  }

  private showTitle(): void {
    const title = this.shownTitle()
    if (document.activeElement !== this.title) this.title.value = title
    this.title.size = Math.max(4, Math.min(title.length + 1, 40))
    document.title = `${title} - collab`
    this.heading.textContent = title
    this.note()
  }

  private note(): void {
    if (this.kind !== null) remember({ name: this.name, title: this.shownTitle(), kind: this.kind, opened: Date.now() })
  }

  private showRole(): void {
    const { status } = this.provider
    const readOnly = isReadOnly(status)
    this.editor?.setReadOnly(readOnly)
    this.title.readOnly = readOnly
    if (status.readOnly) toast({ key: 'role', words: 'You can view this document, but not change it. Ask for a link that lets you edit.' })
  }

  private onDeleted(): void {
    forget(this.name)
    void this.local?.clearData()
  }

  /** The reason instead of the editor while there is nothing to show; the way to the editor once there may be. */
  private showRefusal(): void {
    const fault = this.whyNothing()
    // Every attempt brings the same reason again; whoever is on one of its buttons stays there.
    if (fault?.message === this.refusal?.message) return
    this.refusal = fault
    if (fault === null) {
      fill(this.stage, skeleton())
      void this.chooseEditor()
      return
    }
    this.editor?.destroy()
    this.editor = null
    this.kind = null
    fill(this.stage, this.refusalPage(fault))
  }

  /** Turned away at the door, and no copy here: an empty editor would be a lie. */
  private whyNothing(): Fault | null {
    const { status } = this.provider
    return status.wasLive || Y.encodeStateVector(this.doc).length > 1 ? null : turnedAway(status)
  }

  private refusalPage(fault: Fault): HTMLElement {
    const action = fault.retryable
      ? h('button', { class: 'button', type: 'button', onclick: () => this.provider.retryNow() }, 'Try now')
      : h('button', { class: 'button', type: 'button', onclick: () => this.askForToken() }, 'Use an access token')
    return h(
      'section',
      { class: 'refusal' },
      h('h1', {}, fault.message),
      h('p', { class: 'quiet' }, [adviceFor(fault), fault.retryable && 'This page goes on trying, and opens by itself.'].filter(Boolean).join(' ')),
      h('p', { class: 'row' }, h('a', { class: 'button', href: '/' }, 'All documents'), action),
      h('p', { class: 'small quiet' }, fault.code),
    )
  }

  private onNotice(notice: Notice): void {
    if (TOLD_BY_PILL.has(notice.code)) return
    toast({
      words: notice.resolved === true ? notice.message : inWords(notice),
      code: notice.code,
      key: notice.code,
      tone: notice.resolved === true ? 'good' : notice.retryable ? 'warn' : 'bad',
      ...(notice.code === 'token_expired'
        ? { sticky: true, action: { label: 'Renew', run: () => this.askForToken() } }
        : {}),
    })
  }

  // -- people ----------------------------------------------------------------------------------

  private follow(client: number | null): void {
    if (this.following === client) return
    this.following = client
    this.faces.setFollowing(client)
    this.editor?.follow(client)
    const peer = peersOf(this.provider.awareness).find((other) => other.client === client)
    this.followBar.hidden = peer === undefined
    if (peer === undefined) return
    this.followBar.style.setProperty('--person', peer.color)
    this.followBar.style.setProperty('--ink', inkOn(peer.color))
    fill(
      this.followBar,
      h('span', { class: 'follow-words' }, 'Following ', h('strong', {}, peer.name)),
      h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Stop following', onclick: () => this.follow(null) }, icon(X)),
    )
  }

  /** Who the others see: with a token, the server says so. */
  private shownPerson(): Me {
    const { name, color } = this.provider.session?.user ?? {}
    if (tokenOfTab() === null || name === undefined || name === '') return this.person
    return { ...this.person, name, color: color ?? this.person.color }
  }

  private openIdentity(anchor: HTMLElement): void {
    const { name } = this.shownPerson()
    const signedIn = name !== this.person.name
    const field = h('input', { class: 'field', value: name, readOnly: signedIn, maxLength: 40, 'aria-label': 'Your name' })
    field.addEventListener('change', () => {
      this.person = rename(this.person, field.value)
      this.provider.setUser(asUser(this.person))
      this.faces.refresh()
    })
    openMenu(anchor, [], h('label', { class: 'identity' }, h('span', { class: 'small quiet' }, signedIn ? 'Others see you as your sign-in says' : 'Others see you as'), field))
  }

  private openPeople(anchor: HTMLElement): void {
    const peers = peersOf(this.provider.awareness)
    openMenu(anchor, peers.map((peer) => ({ label: peer.name, hint: 'Follow', run: () => this.follow(peer.client) })))
  }

  // -- side panels -----------------------------------------------------------------------------

  /** The button is there only where the server has versions. */
  private async offerVersions(): Promise<void> {
    const versions = await this.api.versions(this.name).catch(() => null)
    this.versionsButton.hidden = versions === null
  }

  private async toggleVersions(): Promise<void> {
    if (this.side?.name === 'versions') return this.closeSide()
    const versions = await this.api.versions(this.name).catch(() => null)
    if (versions === null || this.kind === null) {
      toast({ words: 'The list of versions cannot be had right now.', tone: 'warn' })
      return
    }
    const { versionsPanel } = await import('./versions')
    this.openSide(
      'versions',
      versionsPanel(versions, {
        api: this.api,
        doc: this.doc,
        document: this.name,
        kind: this.kind,
        readOnly: () => isReadOnly(this.provider.status),
        onPreview: (element) => {
          fill(this.previewLayer, element)
          this.stage.inert = element !== null
        },
        onClose: () => this.closeSide(),
        saved: () => this.provider.saved(),
      }),
    )
  }

  private async toggleInspector(): Promise<void> {
    if (this.side?.name === 'inspector') return this.closeSide()
    const { inspector } = await import('./inspector')
    this.openSide('inspector', inspector(this.provider, () => this.closeSide()))
  }

  private openSide(name: 'versions' | 'inspector', panel: { element: HTMLElement; destroy(): void }): void {
    this.closeSide()
    this.side = { name, from: document.activeElement, ...panel }
    this.sideLayer.append(panel.element)
    this.versionsButton.setAttribute('aria-pressed', String(name === 'versions'))
  }

  private closeSide(): void {
    const { side } = this
    this.side = null
    const hadFocus = side?.element.contains(document.activeElement) === true
    side?.destroy()
    side?.element.remove()
    // To where it was when the panel was opened, for those who close it from within.
    if (hadFocus && side?.from instanceof HTMLElement) side.from.focus({ preventScroll: true })
    this.versionsButton.setAttribute('aria-pressed', 'false')
  }

  // -- dialogs ---------------------------------------------------------------------------------

  private askDelete(): void {
    const others = peersOf(this.provider.awareness).length
    const lost = others === 0 ? 'It is gone for everybody' : `It is gone for everybody, also for the ${others === 1 ? 'person' : `${others} people`} here now`
    const close = openDialog(
      `Delete “${this.shownTitle()}”?`,
      h('p', {}, `${lost}, with all its versions. This cannot be undone.`),
      h('div', { class: 'row' },
        h('button', { class: 'button danger', type: 'button', onclick: () => { close(); void this.delete() } }, 'Delete for everybody'),
        h('button', { class: 'button', type: 'button', onclick: () => close() }, 'Cancel'),
      ),
    )
  }

  private async delete(): Promise<void> {
    try {
      await this.api.remove(this.name)
      forget(this.name)
      await this.local?.clearData()
      location.assign('/')
    } catch (error) {
      toast({ words: error instanceof ApiError ? error.message : 'The document could not be deleted.', tone: 'bad' })
    }
  }

  private askForToken(): void {
    const field = h('input', { class: 'field', placeholder: 'Paste a token or a link', 'aria-label': 'Token', autocomplete: 'off' })
    const form = h('form', { class: 'row', method: 'dialog' }, field, h('button', { class: 'button primary', type: 'submit' }, 'Sign in'))
    const close = openDialog('Sign in', h('p', { class: 'quiet' }, 'Paste the access token that you were given. It stays in this tab.'), form)
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const token = field.value.trim().split('#token=').pop() ?? ''
      if (token === '') return
      close()
      setTokenOfTab(token)
      void this.provider.authenticate(token).then((fault) => {
        if (fault !== null) toast({ words: fault.message, code: fault.code, tone: 'bad' })
      })
    })
  }
}

function isDeleted({ phase, fault }: Status): boolean {
  return phase === 'refused' && fault?.code === 'document_deleted'
}

/** Whether nothing that is typed would be kept: also where there is no document any more. */
function isReadOnly(status: Status): boolean {
  return status.readOnly || isDeleted(status)
}

let pagesKept = false

/** From now on the page itself opens without a server; only where the document is there already. */
function keepPagesOffline(): void {
  if (pagesKept || !import.meta.env.PROD || !('serviceWorker' in navigator)) return
  pagesKept = true
  navigator.serviceWorker.register('/sw.js').catch(() => {
    // Without it a reload needs the server; edits are kept all the same.
  })
}

function openSecondWindow(): void {
  const width = Math.min(900, Math.round(screen.availWidth / 2))
  window.open(location.href, '_blank', `popup,width=${width},height=${Math.round(screen.availHeight * 0.8)}`)
}

function skeleton(): HTMLElement {
  const lines = [92, 78, 85, 40, 0, 88, 64]
  return h(
    'div',
    { class: 'skeleton', 'aria-hidden': 'true' },
    ...lines.map((width) => h('div', { style: `width:${width}%` })),
  )
}
