/** Arrow keys, Home and End go from button to button of a toolbar; hidden ones are passed. */
export function arrowKeys(toolbar: HTMLElement): void {
  toolbar.addEventListener('keydown', (event) => {
    const buttons = [...toolbar.querySelectorAll('button')].filter((button) => !button.hidden)
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + buttons.length, Home: 0, End: buttons.length - 1 }[event.key]
    if (at === -1 || to === undefined) return
    event.preventDefault()
    event.stopPropagation()
    buttons[to % buttons.length]?.focus()
  })
}
