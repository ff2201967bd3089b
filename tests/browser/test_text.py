"""The text editor: the keyboard alone, links, pictures, what readers are offered, how wide a line is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, Screenshot, saved, until, wait_for, write
from tests.browser.test_access import axe

IN_TEXT = "() => document.activeElement.matches('.ProseMirror')"
FOCUSED = "() => document.activeElement.getAttribute('aria-label')"


def open_text(open_page: OpenPage, server: CollabServer, document: str, **options: Any) -> Page:
    """A text that is there."""
    page = open_page(f"{server.url}/d/{document}?kind=text", **options)
    saved(page)
    return page


def press(page: Page, *keys: str) -> None:
    """Press keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)


# -- keys -------------------------------------------------------------------------------------------


def test_tab_moves_on_and_replaces_nothing(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_text(open_page, shared_server, "tab")
    editor = page.locator(".ProseMirror")
    write(page, "all of it")
    press(page, "Control+a", "Tab")
    assert not page.evaluate(IN_TEXT)
    expect(editor).to_have_text("all of it")
    editor.click()
    press(page, "Shift+Tab")
    assert not page.evaluate(IN_TEXT)


def test_tab_indents_in_lists_and_code_and_leaves_after_escape(
    shared_server: CollabServer, open_page: OpenPage
) -> None:
    page = open_text(open_page, shared_server, "tab-indents")
    editor = page.locator(".ProseMirror")
    write(page, "- item\ninner")
    press(page, "Tab", "Tab")
    expect(editor.locator("li li")).to_have_text("inner")
    press(page, "Shift+Tab", "Shift+Tab")
    expect(editor.locator("li li")).to_have_count(0)
    expect(editor.locator("li")).to_have_text(["item", "inner"])
    assert page.evaluate(IN_TEXT)
    press(page, "Escape", "Tab")
    assert not page.evaluate(IN_TEXT)

    editor.click()
    press(page, "Control+End", "Enter", "Enter")
    page.keyboard.type("``` code")
    press(page, "Home", "Tab")
    expect(editor.locator("pre")).to_have_text("  code", use_inner_text=True)
    press(page, "Escape", "Shift+Tab")
    assert not page.evaluate(IN_TEXT)
    expect(editor.locator("pre")).to_have_text("  code", use_inner_text=True)


def test_the_formatting_bar_by_keys(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_text(open_page, shared_server, "bar-keys")
    editor, bar = page.locator(".ProseMirror"), page.get_by_role("toolbar", name="Format")
    expect(editor).to_have_accessible_description(re.compile("Alt F10.*Escape"))
    write(page, "heron")
    press(page, "Shift+Home", "Shift+Tab")
    assert page.evaluate(FOCUSED) == "Bold"
    press(page, "ArrowRight", "Enter")
    expect(editor.locator("em")).to_have_text("heron")
    expect(editor).to_be_focused()
    # Without a selection, too: for the line.
    press(page, "End")
    expect(bar).to_be_hidden()
    press(page, "Alt+F10")
    assert page.evaluate(FOCUSED) == "Bold"
    page.wait_for_timeout(200)
    screenshot(page, "text-bar-keys")
    assert axe(page, "text with its bar") == []
    press(page, "End")
    assert page.evaluate(FOCUSED) == "Code block"
    press(page, "ArrowLeft", "Space")
    expect(editor.locator("blockquote")).to_have_text("heron")
    press(page, "Alt+F10", "Escape")
    expect(editor).to_be_focused()
    expect(bar).to_be_hidden()
    page.keyboard.type("s")
    expect(editor.locator("blockquote")).to_have_text("herons")
    press(page, "Alt+F10", "Shift+Tab")
    expect(bar).to_be_hidden()
    page.get_by_label("Menu").click()
    page.get_by_role("menuitem", name="Format").click()
    assert page.evaluate(FOCUSED) == "Bold"
    press(page, "Escape", "End", "Enter", "Enter", "Tab")
    # After the text comes the button of an empty line, whose menu leads back to it.
    assert page.evaluate(FOCUSED) == "Add a block"
    press(page, "Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    press(page, "Escape")
    assert page.evaluate(FOCUSED) == "Add a block"
    press(page, "Enter", "Enter")
    page.keyboard.type("Birds")
    expect(editor.locator("h1")).to_have_text("Birds")


def test_tab_goes_to_the_tools_of_what_was_just_typed(shared_server: CollabServer, open_page: OpenPage) -> None:
    """Whoever types fast, or on a busy machine, presses the next key before the page has painted the last."""
    page = open_text(open_page, shared_server, "bar-fast")
    write(page, "heron")
    expect(page.locator(".ProseMirror")).to_be_focused()
    page.evaluate("() => { window.requestAnimationFrame = () => 0 }")
    press(page, "Shift+Home", "Shift+Tab")
    assert page.evaluate(FOCUSED) == "Bold"
    press(page, "Escape", "End", "Enter", "Tab")
    assert page.evaluate(FOCUSED) == "Add a block"


# -- links and pictures -----------------------------------------------------------------------------


def test_links_open_and_change_where_they_are_written(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_text(open_page, shared_server, "links")
    editor, card = page.locator(".ProseMirror"), page.get_by_role("group", name="Link")
    page.context.route("https://birds.example/**", lambda route: route.fulfill(body="birds"))
    write(page, "see herons")
    press(page, "Control+Shift+ArrowLeft", "Control+k")
    page.keyboard.type("birds.example/herons")
    press(page, "Enter")
    expect(editor).to_be_focused()
    # Right after an editor got the focus, a key may still act on where the focus was.
    count = page.locator(".text-count")
    wait_for(lambda: (press(page, "Home"), "selected" not in count.inner_text())[1], "the caret leaves the link")
    expect(card).to_be_hidden()
    link = editor.locator("a")
    with page.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    assert opened.value.url == "https://birds.example/herons"
    assert opened.value.evaluate("() => window.opener") is None
    opened.value.close()

    page.wait_for_timeout(600)  # two clicks within half a second are a double click to ProseMirror
    link.click()
    expect(card.get_by_role("link")).to_have_text("birds.example/herons")
    expect(card.get_by_role("link")).to_have_attribute("href", "https://birds.example/herons")
    page.wait_for_timeout(200)
    screenshot(page, "text-link")
    assert axe(page, "text with a link") == []
    card.get_by_role("button", name="Edit link").click()
    field = page.get_by_role("textbox", name="Link")
    expect(field).to_have_value("https://birds.example/herons")
    field.fill("birds.example/storks")
    press(page, "Enter")
    expect(link).to_have_attribute("href", "https://birds.example/storks")
    # By keys, as what comes after the text.
    press(page, "ArrowRight")
    expect(card).to_be_visible()
    press(page, "Tab", "Tab", "Tab")
    assert page.evaluate(FOCUSED) == "Remove link"
    press(page, "Enter")
    expect(link).to_have_count(0)
    expect(card).to_be_hidden()
    expect(editor).to_have_text("see herons")
    expect(editor).to_be_focused()
    # Without a selection the address is what the link says.
    press(page, "End")
    page.keyboard.type(" on ")
    press(page, "Alt+F10", *["ArrowRight"] * 5, "Enter")
    expect(field).to_be_focused()
    page.keyboard.type("birds.example")
    press(page, "Enter")
    expect(link).to_have_attribute("href", "https://birds.example")
    expect(editor).to_have_text("see herons on birds.example")
    expect(editor).to_be_focused()


def test_the_caret_follows_pasted_pictures(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_text(open_page, shared_server, "pictures", name="Ann")
    ben = open_text(open_page, shared_server, "pictures", name="Ben")
    write(ann, "seen: ")
    ann.evaluate(
        """async () => {
            const files = new DataTransfer()
            for (const name of ['A grey heron.png', 'A stork.png']) {
                const canvas = new OffscreenCanvas(40, 30)
                canvas.getContext('2d').fillRect(0, 0, 40, 30)
                files.items.add(new File([await canvas.convertToBlob()], name, { type: 'image/png' }))
            }
            document.querySelector('.ProseMirror').dispatchEvent(
                new ClipboardEvent('paste', { clipboardData: files, bubbles: true, cancelable: true }))
        }"""
    )
    expect(ann.locator(".ProseMirror img")).to_have_count(2)
    ann.keyboard.type("!")
    for page in (ann, ben):
        expect(page.locator(".ProseMirror")).to_have_text("seen: !")
        parts = "(text) => [...text.children].map((node) => node.querySelector('img')?.alt ?? node.textContent)"
        assert page.locator(".ProseMirror").evaluate(parts) == ["seen: ", "A grey heron", "A stork", "!"]


# -- reading ----------------------------------------------------------------------------------------


def test_readers_are_offered_what_they_can_do(start_server: Any, open_page: OpenPage, screenshot: Screenshot) -> None:
    server = start_server(args=["--default-role", "viewer"])
    text = open_page(f"{server.url}/d/read?kind=text")
    expect(text.locator(".pill-words")).to_have_text("View only", timeout=15_000)
    editor = text.locator(".ProseMirror")
    expect(editor).to_have_attribute("data-placeholder", "Nothing is written here yet.")
    expect(editor).to_have_attribute("aria-readonly", "true")
    text.get_by_label("Menu").click()
    expect(text.get_by_role("menuitem", name="Inspector")).to_be_visible()
    for name in ("Undo", "Redo", "Insert picture", "Format"):
        expect(text.get_by_role("menuitem", name=name)).to_have_count(0)
    screenshot(text, "viewer-text")

    code = open_page(f"{server.url}/d/read-code?kind=code")
    expect(code.locator(".pill-words")).to_have_text("View only", timeout=15_000)
    expect(code.locator(".cm-placeholder")).to_have_count(0)

    board = open_page(f"{server.url}/d/read-board?kind=board")
    expect(board.locator(".pill-words")).to_have_text("View only", timeout=15_000)
    for name in ("Undo", "Redo"):
        expect(board.get_by_role("button", name=name)).to_be_hidden()
    expect(board.get_by_role("button", name="Zoom in")).to_be_visible()
    screenshot(board, "viewer-board")


def test_a_line_has_about_68_letters(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_text(open_page, shared_server, "measure")
    words = (
        "A heron stands still for hours and is the fastest thing on the river. What looks like patience is attention: "
        "the bird knows where the light falls, how the water bends it, and when the fish will turn. Then it strikes, "
        "once, and stands again as if nothing had happened, which for everybody but the fish is quite true. "
    )
    page.locator(".ProseMirror").click()
    page.keyboard.insert_text(words * 3)
    lines = page.evaluate(
        """() => {
            const range = document.createRange()
            range.selectNodeContents(document.querySelector('.ProseMirror p'))
            return new Set([...range.getClientRects()].map(({ top }) => top)).size
        }"""
    )
    screenshot(page, "text-measure")
    # The last line is short, and words do not break.
    assert 62 <= len(words * 3) / (lines - 0.5) <= 70
    expect(page.locator(".text-count")).to_contain_text(re.compile(r"\d characters$"))
    press(page, "Shift+ArrowLeft")
    expect(page.locator(".text-count")).to_have_text(re.compile(r" 1 character selected$"))


def test_following_jumps_where_less_motion_is_asked_for(shared_server: CollabServer, open_page: OpenPage) -> None:
    watch = """
        const scrollTo = Element.prototype.scrollTo
        Element.prototype.scrollTo = function (options) { window.scrolled = options.behavior; return scrollTo.call(this, options) }
    """
    ann = open_text(open_page, shared_server, "still", reduced_motion="reduce", init_script=watch)
    ben = open_text(open_page, shared_server, "still", name="Ben")
    write(ben, "top" + "\n" * 60)
    ann.get_by_role("button", name=re.compile("Ben")).click()
    expect(ann.locator(".follow-bar")).to_be_visible()
    press(ben, "Control+Home")
    press(ben, "Control+End")
    until(ann, "() => window.scrolled !== undefined")
    assert ann.evaluate("() => window.scrolled") == "instant"
