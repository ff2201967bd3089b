/** `/d/<document>`: top bar, status, people, and the editor of the document's kind. */

import { ChevronLeft, File, History, MoreHorizontal, Share2 } from 'lucide'
import { IndexeddbPersistence } from 'y-indexeddb'
import * as Y from 'yjs'

import type { Editor, EditorContext, Kind, MountEditor } from '../editors/editor'
import { CollabProvider, inWords, refusalOfName, type Fault, type InboxEntry, type Notice, type User } from 'collab-client'
import { Chat } from '../chat/chat'
import { ChatFrame } from '../chat/frame'
import { Api } from '../ui/api'
import { avatars } from '../ui/avatars'
import { fill, h, oncePerFrame } from '../ui/dom'
import { icon } from '../ui/icons'
import { KIND_ICONS, KIND_WORDS } from '../ui/kinds'
import { onLeaving } from '../ui/device'
import { claimsOf, keptName, learnSubject, rememberedPerson, rememberPerson, subjectOf, subjectOfTab } from '../ui/identity'
import { addressOf, kindInAddress, onTokenInAddress, setTokenOfTab, tokenOfTab, untitled } from '../ui/location'
import { openMenu, type MenuItem } from '../ui/overlays'
import { asUser, me, personOf, rename, type Me, type Person } from '../ui/people'
import { ownColour, ownShade, peersOf } from '../ui/presence'
import { forget, remember, rememberedRefusal, rememberRefusal } from '../ui/recent'
import { statusPill } from '../ui/statusPill'
import { heard, readInboxOf } from '../ui/inbox'
import { chosenTheme, nextTheme } from '../ui/theme'
import { themeButton } from '../ui/themeButton'
import { showRefused, watchRefused } from '../ui/refused'
import { closeToast, toast } from '../ui/toasts'
import { signEdits } from './authors'
import { askDelete } from './deleting'
import { followBar } from './followBar'
import { foreignPage } from './foreign'
import { hint, openSecondWindow } from './hint'
import { LocalWrites } from './localWrites'
import { newDocument } from './making'
import { keepPagesOffline } from './offlinePages'
import { hides, refusalPage, whyNothing } from './refusal'
import { rootsOf } from './roots'
import { openShare } from './share'
import { SidePanels } from './sidePanels'
import { askForToken, leavingItems } from './signIn'
import { skeleton } from './skeleton'
import { titleField } from './titleField'
import { isDeleted, isReadOnly } from './writable'
import './document.css'

const EDITORS: Record<Kind, () => Promise<{ mount: MountEditor }>> = {
  text: () => import('../editors/text/text'),
  code: () => import('../editors/code/code'),
  board: () => import('../editors/board/board'),
}
/** Roots that the editors of this page write. */
const OWN_ROOTS = new Set(['content', 'body', 'board'])
type Side = 'versions' | 'inspector' | 'chat'
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
  /** Whose page this is: what is kept here and told to other tabs is theirs alone. */
  private readonly subject = subjectOfTab()
  private person = me()
  /** What the server, or else the token, last said of us. */
  private signedIn: Person | null
  private kind: Kind | null = null
  private editor: Editor | null = null
  /** Shown instead of an editor for documents of others. */
  private foreign: { element: HTMLElement; destroy(): void } | null = null
  private following: number | null = null
  /** The title for as long as nobody gives one. */
  private firstHeading: string | null = null
  /** Why the stage shows a refusal instead of an editor. */
  private refusal: Fault | null = null
  /** What the server said to an earlier page of this person, until it says something else. */
  private refusedBefore: Fault | null

  private readonly stage = h('div', { class: 'stage' })
  private readonly title = titleField(() => this.shownTitle(), (words) => {
    if (words !== this.shownTitle()) this.meta.set('title', words)
    this.showTitle()
  })
  private readonly kindIcon = h('span', { class: 'kind-icon', role: 'img' })
  private readonly followBar = followBar(() => this.follow(null))
  private readonly previewLayer = h('div', { class: 'preview-layer' })
  private readonly side = new SidePanels<Side>(() => this.showSide())
  private readonly versionsButton = h(
    'button',
    { class: 'button plain square desk-only', type: 'button', title: 'Versions', 'aria-label': 'Versions', hidden: true, onclick: () => void this.toggleVersions() },
    icon(History),
  )
  private readonly chat: Chat
  private readonly api: Api
  private readonly faces: ReturnType<typeof avatars>
  private readonly shade: ReturnType<typeof ownShade>

  constructor(host: HTMLElement, private readonly name: string) {
    this.meta = this.doc.getMap('meta')
    this.signedIn = signedInAs(this.subject)
    this.refusedBefore = rememberedRefusal(name)
    this.local = this.openLocalCopy()
    // For whoever automates this page: is everything in the browser's database?
    this.writes = this.local && new LocalWrites(this.local, this.doc, (kept) => (document.body.dataset['kept'] = String(kept)))
    this.api = new Api(tokenOfTab)
    this.provider = new CollabProvider('', name, this.doc, {
      token: tokenOfTab(),
      user: asUser(this.person),
      local: this.local,
      subject: this.subject,
    })
    const { awareness } = this.provider
    awareness.setLocalStateField('user', asUser(this.shownPerson()))
    signEdits(this.doc, () => this.shownPerson())
    this.shade = ownShade(awareness, () => this.faces.refresh())
    this.faces = avatars(this.provider, {
      me: () => ({ ...this.shownPerson(), color: ownColour(awareness) }),
      onFollow: (client) => this.follow(client === this.following ? null : client),
      onMe: (anchor) => this.openIdentity(anchor),
      onMore: (anchor) => this.openPeople(anchor),
    })
    this.chat = new Chat(this.provider, { document: name, subject: this.subject, me: () => this.shownPerson(), onToggle: () => this.toggleChat() })
    fill(host, this.topBar(), h('div', { class: 'stage-frame' }, h('main', { class: 'stage-main' }, this.title.heading, this.stage, this.previewLayer, this.followBar.element, hint(this.provider)), this.side.layer), this.chat.spoken)
    this.stage.append(skeleton())
    this.watch()
    this.showRefusal()
    void this.chooseEditor()
  }

  // -- frame -----------------------------------------------------------------------------------

  private topBar(): HTMLElement {
    const pill = statusPill(this.provider, { renew: () => this.signIn(), showRefused: () => showRefused(this.provider) })
    const theme = themeButton()
    theme.classList.add('desk-only')

    const more = h('button', { class: 'button plain square', type: 'button', 'aria-label': 'Menu', title: 'Menu' }, icon(MoreHorizontal))
    more.onclick = () => openMenu(more, this.menuItems())
    return h(
      'header',
      { class: 'top-bar' },
      h('a', { class: 'button plain square', href: '/', 'aria-label': 'All documents', title: 'All documents' }, icon(ChevronLeft)),
      this.kindIcon,
      this.title.field,
      h('div', { class: 'top-bar-gap' }),
      pill.element,
      this.faces.element,
      h(
        'button',
        { class: 'button share desk-only', type: 'button', 'aria-label': 'Share', onclick: () => this.share() },
        icon(Share2),
        'Share',
      ),
      this.chat.button,
      this.versionsButton,
      theme,
      more,
    )
  }

  private share(): void {
    openShare(this.name, this.provider.session, tokenOfTab() !== null)
  }

  private menuItems(): (MenuItem | null)[] {
    const narrow = matchMedia('(max-width: 640px)').matches
    const ofEditor = this.editor?.menu() ?? []
    return [
      ...ofEditor,
      ...(ofEditor.length > 0 ? [null] : []),
      ...(narrow ? [{ label: 'Share...', run: () => this.share() }] : []),
      ...(narrow && !this.versionsButton.hidden ? [{ label: 'Versions', run: () => void this.toggleVersions() }] : []),
      ...(narrow ? [{ label: `Theme: ${chosenTheme()}`, run: nextTheme }] : []),
      { label: 'Inspector', hint: 'Ctrl Alt I', run: () => void this.toggleInspector() },
      { label: 'Open in a second window', run: () => openSecondWindow() },
      { label: 'New document', run: () => void newDocument(this.api, this.kind ?? 'text', this.name) },
      null,
      ...leavingItems(() => this.close()),
      ...(this.provider.session?.role === 'admin' ? [null, { label: 'Delete document...', danger: true, run: () => void this.askDelete() }] : []),
    ]
  }

  // -- document --------------------------------------------------------------------------------

  private openLocalCopy(): IndexeddbPersistence | null {
    if (typeof indexedDB === 'undefined' || refusalOfName(this.name) !== null) return null
    const local = new IndexeddbPersistence(keptName('collab:', this.subject, this.name), this.doc)
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
    this.doc.on('afterTransaction', (transaction: Y.Transaction) => {
      // A document becomes a text with its first words; looking at it marks nothing.
      if (transaction.local && transaction.changed.size > 0 && this.kind !== null && !this.meta.has('kind') && this.holdsContent()) this.mark(this.kind)
      else if (this.meta.get('kind') === undefined && !transaction.local) this.chooseSoon()
    })
    provider.on('details', (status, before) => {
      if (isReadOnly(status) !== isReadOnly(before)) this.tellRole()
      if (isDeleted(status) && !isDeleted(before)) this.onDeleted()
      this.showRefusal()
    })
    provider.on('session', ({ user }) => this.onSession(user))
    provider.on('synced', (synced) => {
      if (!synced) return
      this.shade.came()
      void this.chooseEditor()
      keepPagesOffline()
      this.openAsAsked()
      if (this.versionsButton.hidden) void this.offerVersions()
    })
    addEventListener('keydown', (event) => {
      if (!event.ctrlKey || !event.altKey || event.code !== 'KeyI') return
      event.preventDefault()
      void this.toggleInspector()
    })
    provider.on('inbox', ({ events }) => this.onInbox(events))
    provider.on('notice', (notice) => this.onNotice(notice))
    watchRefused(provider)
    provider.awareness.on('change', () => {
      if (this.following !== null && !provider.awareness.getStates().has(this.following)) this.follow(null)
    })
    onTokenInAddress((token) => void this.useToken(token))
    onLeaving(() => this.close())
    addEventListener('beforeunload', (event) => {
      if (!this.closed && provider.unsaved > 0 && this.writes?.kept !== true) event.preventDefault()
    })
    this.showTitle()
  }

  /** Mount the editor as soon as the kind is known; again if it turns out to be another. */
  private async chooseEditor(): Promise<void> {
    if (this.whyNothing() !== null) return
    const marker = this.meta.get('kind')
    const kind = asKind(marker) ?? this.kindOfUnmarked()
    if (kind === null) return
    const wished = kindInAddress()
    if (this.provider.synced && kind !== 'foreign' && kind === wished && asKind(marker) === null && !this.provider.details.readOnly) {
      this.mark(kind)
      return
    }
    if (wished !== null && (asKind(marker) !== null || kind === 'foreign')) history.replaceState(history.state, '', addressOf(this.name))
    if (kind === 'foreign') return this.showForeign(marker)
    if (kind === this.kind) return
    this.closeStage()
    this.kind = kind
    this.showKind(KIND_WORDS[kind], KIND_ICONS[kind])
    this.note()
    const { mount } = await EDITORS[kind]()
    if (this.kind !== kind || this.whyNothing() !== null) return
    this.refusal = null
    this.closeStage()
    fill(this.stage)
    this.editor = mount(this.stage, this.context())
    this.showRole()
    if (matchMedia('(pointer: fine)').matches) this.editor.focus()
  }

  /** A document says itself what it is. One that is empty is what was wished for; what others filled is theirs. */
  private kindOfUnmarked(): Kind | 'foreign' | null {
    const marker = this.meta.get('kind')
    const roots = rootsOf(this.doc)
    const ours = marker === undefined && roots.every(({ name }) => OWN_ROOTS.has(name))
    if (roots.length > 0 && !(ours && (kindInAddress() !== null || this.kind !== null))) return this.provider.synced || this.local !== null ? 'foreign' : null
    if (marker !== undefined && this.provider.synced) return 'foreign'
    return kindInAddress() ?? (this.provider.synced ? (this.kind ?? 'text') : null)
  }

  private readonly chooseSoon = oncePerFrame(() => void this.chooseEditor())

  private holdsContent(): boolean {
    return [...OWN_ROOTS].some((name) => {
      const root = this.doc.share.get(name)
      return root !== undefined && (root._start !== null || root._map.size > 0)
    })
  }

  private mark(kind: Kind): void {
    this.meta.set('kind', kind)
  }

  private showForeign(marker: unknown): void {
    if (this.foreign !== null) return
    this.closeStage()
    this.kind = null
    this.showKind('Document of another editor', File)
    this.note()
    const { doc, name, provider, api } = this
    this.foreign = foreignPage({ doc, document: name, provider, api, marker, openAs: (kind) => this.mark(kind) })
    fill(this.stage, this.foreign.element)
    this.showRole()
  }

  private showKind(words: string, picture: Parameters<typeof icon>[0]): void {
    fill(this.kindIcon, icon(picture))
    this.kindIcon.title = words
    this.kindIcon.setAttribute('aria-label', words)
  }

  /** Take away whatever shows the document. */
  private closeStage(): void {
    this.editor?.destroy()
    this.foreign?.destroy()
    this.editor = this.foreign = null
  }

  private context(): EditorContext {
    return {
      doc: this.doc,
      provider: this.provider,
      awareness: this.provider.awareness,
      meta: this.meta,
      toast,
      onFollowEnd: () => this.follow(null),
      onHeading: (words) => {
        if (words === this.firstHeading) return
        this.firstHeading = words
        this.showTitle()
      },
      title: () => this.shownTitle(),
    }
  }

  private shownTitle(): string {
    const title = this.refusal === null ? this.meta.get('title') : undefined
    return typeof title === 'string' && title.trim() !== '' ? title.slice(0, 120) : (this.firstHeading ?? untitled(this.name))
  }

  private showTitle(): void {
    this.title.show()
    this.note()
  }

  private note(): void {
    if (this.kind !== null || this.foreign !== null) remember({ name: this.name, title: this.shownTitle(), kind: this.kind, opened: Date.now() })
  }

  private showRole(): void {
    const readOnly = isReadOnly(this.provider.details)
    this.editor?.setReadOnly(readOnly)
    this.title.field.readOnly = readOnly || this.foreign !== null || this.refusal !== null
  }

  private tellRole(): void {
    this.showRole()
    if (this.provider.details.readOnly) toast({ key: 'role', words: 'You can view this document, but not change it. Ask for a link that lets you edit.' })
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
    this.chat.button.hidden = fault !== null
    this.showTitle()
    if (fault === null) {
      fill(this.stage, skeleton())
      void this.chooseEditor()
      return
    }
    if (hides(fault) && fault.code !== 'invalid_document') {
      rememberRefusal(this.name, fault)
      this.side.close()
    }
    this.closeStage()
    this.kind = null
    fill(this.kindIcon)
    this.showRole()
    fill(this.stage, refusalPage(fault, this.provider.unsaved, { retry: () => this.provider.retryNow(), signIn: () => this.signIn() }))
  }

  /** Turned away at the door: an empty editor would be a lie, and a copy is not for whom the server turns away. */
  private whyNothing(): Fault | null {
    return whyNothing(this.provider.details, Y.encodeStateVector(this.doc).length > 1, this.refusedBefore)
  }

  private onNotice(notice: Notice): void {
    if (TOLD_BY_PILL.has(notice.code)) return
    toast({
      words: notice.resolved === true ? notice.message : inWords(notice),
      code: notice.code,
      key: notice.code,
      tone: notice.resolved === true ? 'good' : notice.retryable ? 'warn' : 'bad',
      ...(notice.code === 'token_expired'
        ? { sticky: true, action: { label: 'Renew', run: () => this.signIn() } }
        : {}),
    })
  }

  // -- people ----------------------------------------------------------------------------------

  private follow(client: number | null): void {
    if (this.following === client) return
    this.following = client
    this.faces.setFollowing(client)
    this.editor?.follow(client)
    this.followBar.show(peersOf(this.provider.awareness).find((other) => other.client === client) ?? null)
  }

  /** Who the others see: with a token, the server says so, and it stays so while nobody answers. */
  private shownPerson(): Me {
    return { ...this.person, ...this.signedIn }
  }

  private onSession(user: User): void {
    closeToast('token_expired')
    this.refusedBefore = null
    if (rememberedRefusal(this.name) !== null) rememberRefusal(this.name, null)
    const token = tokenOfTab()
    // Nobody in particular has no id, whatever was sent along.
    if (token === null || user.id === undefined) {
      this.signedIn = null
    } else {
      // As the others read it: their eyes and ours see one person.
      this.signedIn = personOf(user, this.doc.clientID)
      rememberPerson(this.subject, this.signedIn)
      this.provider.setUser(user)
      if (learnSubject(token, user.id) !== this.subject) return void this.reload()
    }
    this.faces.refresh()
  }

  private openIdentity(anchor: HTMLElement): void {
    const { name } = this.shownPerson()
    const signedIn = this.signedIn !== null
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
    if (this.side.now === 'versions') return this.side.close()
    const versions = await this.api.versions(this.name).catch(() => null)
    if (versions === null || (this.kind === null && this.foreign === null)) {
      toast({ words: 'The list of versions cannot be had right now.', tone: 'warn' })
      return
    }
    const { versionsPanel } = await import('./versions')
    this.side.open(
      'versions',
      versionsPanel(versions, {
        api: this.api,
        doc: this.doc,
        document: this.name,
        kind: this.kind,
        readOnly: () => isReadOnly(this.provider.details),
        onPreview: (element) => {
          fill(this.previewLayer, element)
          this.stage.inert = element !== null
        },
        onClose: () => this.side.close(),
        saved: () => this.provider.saved(),
      }),
    )
  }

  private toggleChat(): void {
    if (this.side.now === 'chat') return this.side.close()
    if (this.refusal !== null) return
    const panel = new ChatFrame(this.chat, () => this.side.close())
    this.side.open('chat', { element: panel.element, destroy: () => panel.destroy() })
    panel.focus()
    void readInboxOf(this.api, this.name)
  }

  /** Somebody spoke to us, here or elsewhere. */
  private onInbox(entries: InboxEntry[]): void {
    const watched = ({ document, stream }: InboxEntry): boolean => document === this.name && stream === 'chat' && this.chat.watched()
    const seen = entries.filter(watched)
    if (seen.length > 0) void this.api.markRead({ ids: seen.map(({ id }) => id) }).catch(() => undefined)
    heard(entries.filter((entry) => !watched(entry)), this.subject, ({ document }) => {
      if (document !== this.name) location.assign(`${addressOf(document)}#chat`)
      else if (this.side.now !== 'chat') this.toggleChat()
    })
  }

  /** `#chat` in the address: what a notification leads to. */
  private openAsAsked(): void {
    if (location.hash !== '#chat') return
    history.replaceState(history.state, '', location.pathname + location.search)
    if (this.side.now !== 'chat') this.toggleChat()
  }

  private async toggleInspector(): Promise<void> {
    if (this.side.now === 'inspector') return this.side.close()
    if (this.refusal !== null) return
    const { inspector } = await import('./inspector')
    this.side.open('inspector', inspector(this.provider, () => this.side.close()))
  }

  private showSide(): void {
    this.versionsButton.setAttribute('aria-pressed', String(this.side.now === 'versions'))
    this.chat.button.setAttribute('aria-pressed', String(this.side.now === 'chat'))
  }

  // -- dialogs ---------------------------------------------------------------------------------

  private askDelete(): Promise<void> {
    const onGone = async (): Promise<void> => {
      forget(this.name)
      await this.local?.clearData()
    }
    return askDelete({ api: this.api, document: this.name, title: this.shownTitle(), others: peersOf(this.provider.awareness).length, onGone })
  }

  private signIn(): void {
    askForToken((token) => void this.useToken(token))
  }

  /** Go on with another token; as another person, with another page. */
  private async useToken(token: string): Promise<void> {
    setTokenOfTab(token)
    if (subjectOf(token) !== this.subject) return this.reload()
    const fault = await this.provider.authenticate(token)
    if (fault !== null) toast({ words: fault.message, code: fault.code, tone: 'bad' })
  }

  /** Begin anew, once what was typed is kept. */
  private async reload(): Promise<void> {
    const deadline = Date.now() + 2_000
    while (this.writes?.kept === false && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    location.reload()
  }

  private closed = false

  /** Let go of everything that is kept in this browser; the page is about to be another. */
  private close(): void {
    this.closed = true
    this.side.close()
    this.closeStage()
    this.chat.destroy()
    this.provider.destroy()
    void this.local?.destroy()
  }
}

/** How the holder of this tab's token is called, before the server says so: as last time, or as the token has it. */
function signedInAs(subject: string): Person | null {
  if (subject === '') return null
  const { name, color } = claimsOf(tokenOfTab())
  return rememberedPerson(subject) ?? (typeof name === 'string' ? personOf({ name, color, id: subject }, 0) : null)
}

function asKind(marker: unknown): Kind | null {
  return marker === 'text' || marker === 'code' || marker === 'board' ? marker : null
}
