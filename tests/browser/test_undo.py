"""What is not typing is a step of its own: one undo takes it back, and nothing that was typed right before or after it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.pages import OpenPage, saved, wait_for
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

#: a clock that stands still: however long a busy machine takes, everything is done in one moment
STILL = """
    const now = Date.now.bind(Date)
    window.moment = null
    Date.now = () => window.moment ?? now()
"""
Act = Callable[[Page], None]


def press(*keys: str) -> Act:
    def act(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)

    return act


def all_of(*acts: Act) -> Act:
    def act(page: Page) -> None:
        for each in acts:
            each(page)

    return act


def transfer(kind: str, text: str) -> Act:
    """Paste or drop words from another program."""

    def act(page: Page) -> None:
        page.evaluate(
            """([kind, text]) => {
                const data = new DataTransfer()
                data.setData('text/plain', text)
                const all = { bubbles: true, cancelable: true }
                const host = document.querySelector('.ProseMirror, .cm-content')
                const { left, top } = host.querySelector('p, .cm-line').getBoundingClientRect()
                const at = { clientX: left + 3, clientY: top + 8 }
                host.dispatchEvent(kind === 'paste'
                    ? new ClipboardEvent('paste', { ...all, clipboardData: data })
                    : new DragEvent('drop', { ...all, ...at, dataTransfer: data }))
            }""",
            [kind, text],
        )

    return act


def click(name: str, role: str = "button") -> Act:
    return lambda page: page.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]


def undone_alone(page: Page, editor: str, look: str, before: str, act: Act) -> None:
    """Type, do something, type on, all in a moment; then take back step by step."""
    host = page.locator(editor)

    def now() -> str:
        return str(host.evaluate(look))

    host.focus()
    press("Control+a", "Delete")(page)
    page.evaluate("() => { window.moment = Date.now() + 10_000 }")
    for line in before.split("\n"):
        if line != before.split("\n")[0]:
            page.keyboard.press("Enter")
        page.keyboard.type(line)
    typed = now()
    act(page)
    wait_for(lambda: now() != typed, "something was done")
    done = now()
    host.focus()
    press("Control+End", "z", "z")(page)
    wait_for(lambda: now() != done, "one goes on typing")
    press("Control+z")(page)
    wait_for(lambda: now() == done, "what was typed behind it is taken back alone")
    press("Control+z")(page)
    wait_for(lambda: now() == typed, "it is taken back alone")
    page.evaluate("() => { window.moment = null }")


def search(page: Page, *buttons: str) -> None:
    page.keyboard.press("Control+f")
    panel = page.locator(".cm-search, .find-bar")
    panel.locator("input").nth(0).fill("one")
    panel.locator("input[name=replace], [aria-label='Replace with']").fill("another")
    for button in buttons:
        panel.get_by_role("button", name=button, exact=True).click()
    page.keyboard.press("Escape")


def complete(page: Page) -> None:
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_be_visible()
    # What comes just before Enter is not taken for what was chosen.
    page.evaluate("() => { window.moment += 200 }")
    page.keyboard.press("Enter")


IN_CODE: dict[str, tuple[str, Act]] = {
    "replace": ("one two one", lambda page: search(page, "Next", "Replace")),
    "replace all": ("one two one", lambda page: search(page, "Replace all")),
    "cut": ("one two", press("Shift+Home", "Control+x")),
    "paste": ("one", transfer("paste", "pasted words")),
    "drop": ("one", transfer("drop", "dropped")),
    "delete a selection": ("one two", press("Control+Shift+ArrowLeft", "Delete")),
    "comment": ("one", press("Control+/")),
    "indent lines": ("one\ntwo", press("Control+a", "Tab")),
    "move a line": ("one\ntwo", press("Alt+ArrowUp")),
    "copy a line": ("one", press("Shift+Alt+ArrowDown")),
    "delete a line": ("one\ntwo", press("Control+Shift+k")),
    "complete": ("const heron = 1\nher", complete),
}


def test_in_code(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{shared_server.url}/d/undo-code?kind=code", init_script=STILL)
    saved(page)
    page.locator(".code-bar button").click()
    page.get_by_role("menuitemradio", name="JavaScript").click()
    expect(page.locator(".code-bar button")).to_have_text("JavaScript")
    words = "(host) => [...host.querySelectorAll('.cm-line')].map((line) => line.textContent).join('|')"
    for name, (before, act) in IN_CODE.items():
        print(name)
        undone_alone(page, ".cm-content", words, before, act)
    saved(page)


def link(page: Page) -> None:
    press("Shift+Home", "Control+k")(page)
    page.get_by_role("textbox", name="Link").fill("example.org")
    page.keyboard.press("Enter")


IN_TEXT: dict[str, tuple[str, Act]] = {
    "replace": ("one two one", lambda page: search(page, "Replace")),
    "replace all": ("one two one", lambda page: search(page, "Replace all")),
    "cut": ("one two", press("Shift+Home", "Control+x")),
    "paste": ("one", transfer("paste", "pasted words")),
    "paste an address": ("one ", transfer("paste", "https://example.org/")),
    "drop": ("one", transfer("drop", "dropped")),
    "delete a selection": ("one two", press("Control+Shift+ArrowLeft", "Delete")),
    "delete lines": ("one\ntwo\nthree", press("Shift+ArrowUp", "Shift+ArrowUp", "Delete")),
    "bold": ("one", press("Shift+Home", "Control+b")),
    "heading by the bar": ("one", all_of(press("Shift+Home"), click("Heading 2"))),
    "list by the bar": ("one", all_of(press("Shift+Home"), click("Bulleted list"))),
    "link by the bar": ("one", link),
    "link by typing": ("https://example.org/a", press("Space")),
    "heading by typing": ("#", press("Space")),
    "indent an item": ("- one\ntwo", press("Tab")),
    "tick an item": ("[] one", press("Control+Enter")),
    "indent code": ("``` one\ntwo", press("Shift+ArrowUp", "Tab")),
}
#: a text without what only shows it
BODY = '(host) => host.innerHTML.replace(/ class="[^"]*"|<br[^>]*>|<span><\\/span>/g, \'\')'
TABLE_BAR = ("Row above", "Row below", "Column after", "Delete table")
TABLE_MENU = ("Heading row", "Delete row", "Delete column")


def test_in_text(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{shared_server.url}/d/undo-text?kind=text", init_script=STILL)
    saved(page)
    for name, (before, act) in IN_TEXT.items():
        print(name)
        undone_alone(page, ".ProseMirror", BODY, before, act)
    saved(page)


def test_in_tables(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{shared_server.url}/d/undo-tables?kind=text", init_script=STILL)
    saved(page)
    editor = page.locator(".ProseMirror")
    editor.focus()
    page.keyboard.type("/table")
    page.keyboard.press("Enter")
    expect(editor.locator("table")).to_be_visible()

    def now() -> str:
        return str(editor.evaluate(BODY))

    page.evaluate("() => { window.moment = Date.now() + 10_000 }")
    for name in (*TABLE_BAR, *TABLE_MENU):
        print(name)
        editor.locator("td").nth(4).click()
        page.keyboard.type("one")
        typed = now()
        if name in TABLE_MENU:
            page.get_by_role("toolbar", name="Table").get_by_role("button", name="Table", exact=True).click()
            page.get_by_role("menuitem", name=name, exact=True).click()
        else:
            page.get_by_role("button", name=name, exact=True).click()
        wait_for(lambda before=typed: now() != before, "something was done")  # type: ignore[misc]
        done = now()
        if name != "Delete table":
            press("z", "z")(page)
            wait_for(lambda before=done: now() != before, "one goes on typing")  # type: ignore[misc]
            press("Control+z")(page)
            wait_for(lambda before=done: now() == before, f"{name}: what was typed behind it is taken back alone")  # type: ignore[misc]
        press("Control+z")(page)
        wait_for(lambda before=typed: now() == before, f"{name}: it is taken back alone")  # type: ignore[misc]


def test_much_pasted_over_a_selection_is_one_step(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{shared_server.url}/d/undo-much?kind=code", init_script=STILL)
    saved(page)
    code = page.locator(".cm-content")
    code.focus()
    page.evaluate("() => { window.moment = Date.now() + 10_000 }")
    page.keyboard.type("one")
    page.keyboard.press("Shift+Home")
    transfer("paste", "line\n" * 10_000)(page)
    expect(page.locator(".code-position")).to_have_text("Ln 10001, Col 1")
    page.keyboard.press("Control+z")
    expect(code).to_have_text("one")
