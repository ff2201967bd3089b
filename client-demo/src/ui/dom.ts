/** Elements without a framework: `h('button', { class: 'button', onclick }, 'Save')`. */

type Child = Node | string | null | undefined | false
type Props = Record<string, unknown>

/**
 * Make an element. Properties that begin with `on` are listeners, `class`, `style`, `aria-*`, `data-*` and
 * `role` are attributes, everything else is set as a property. Strings become text, never HTML.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue
    if (key.startsWith('on') && typeof value === 'function') {
      element.addEventListener(key.slice(2), value as EventListener)
    } else if (key in element && !/^(class|style|role|list|form)$/.test(key)) {
      ;(element as unknown as Props)[key] = value
    } else {
      element.setAttribute(key, value === true ? '' : String(value))
    }
  }
  append(element, children)
  return element
}

/** Append children, leaving out what is empty. */
export function append(parent: Node, children: Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) parent.appendChild(asNode(child))
  }
}

/** Replace all children. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren()
  append(parent, children)
}

function asNode(child: Node | string): Node {
  return typeof child === 'string' ? document.createTextNode(child) : child
}

/** Resolves when the page has shown itself, with the milliseconds of that frame: what all do in it, without the wait for it. */
export function frame(): Promise<number> {
  return new Promise((resolve) => {
    const show = (began: number): void => {
      document.removeEventListener('visibilitychange', hide)
      setTimeout(() => resolve(performance.now() - began))
    }
    // Frames pause in hidden tabs, also in one that is hidden meanwhile; the work must not.
    const hide = (): void => {
      if (document.visibilityState === 'hidden') show(performance.now())
    }
    document.addEventListener('visibilitychange', hide)
    requestAnimationFrame(show)
    hide()
  })
}

/** Run `work` at most once per frame, however often it is called; also where frames do not come. */
export function oncePerFrame(work: () => void): () => void {
  let waiting = false
  const run = (): void => {
    if (!waiting) return
    waiting = false
    work()
  }
  return () => {
    if (waiting) return
    waiting = true
    requestAnimationFrame(run)
    // Frames pause in hidden tabs; the truth must not.
    setTimeout(run, 200)
  }
}
