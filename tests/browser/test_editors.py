"""The text and code editors by hand: toolbar, links, lists, pictures, folding, search, many cursors."""

from __future__ import annotations

import re

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.pages import OpenPage, Screenshot, saved, write


def test_the_toolbar_comes_with_a_selection(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/toolbar?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/toolbar", name="Ben")
    saved(ben)
    bar = ann.get_by_role("toolbar", name="Format")
    write(ann, "heron")
    expect(bar).to_be_hidden()
    ann.keyboard.press("Shift+Home")
    expect(bar).to_be_visible()
    for tool, tag in (("Bold", "strong"), ("Italic", "em"), ("Strikethrough", "s"), ("Code", "code")):
        bar.get_by_role("button", name=tool, exact=True).click()
        expect(bar.get_by_role("button", name=tool, exact=True)).to_have_attribute("aria-pressed", "true")
        expect(ben.locator(f".ProseMirror {tag}")).to_have_text("heron")
    screenshot(ann, "toolbar")
    bar.get_by_role("button", name="Link").click()
    ann.get_by_role("textbox", name="Link").fill("example.org/birds")
    ann.keyboard.press("Enter")
    expect(ben.locator(".ProseMirror a")).to_have_attribute("href", "https://example.org/birds")
    for tool, place in (
        ("Heading 2", "h2"),
        ("Bulleted list", "ul:not([data-type]) > li"),
        ("Numbered list", "ol > li"),
        ("Check list", "li[data-checked=false]"),
        ("Quote", "blockquote"),
    ):
        bar.get_by_role("button", name=tool).click()
        expect(ben.locator(f".ProseMirror {place}")).to_have_text("heron")
    expect(ann.locator(".text-count")).to_have_text("1 word · 5 characters selected")
    # The tint of a selection, once per line and not once per format.
    expect(ben.locator(".tint-box")).to_have_count(1)


def test_markdown_while_typing(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{shared_server.url}/d/markdown?kind=text")
    saved(page)
    write(page, "## Two\n- dot\n\n1. one\n\n[] todo\n\nsome *slanted* and ~~struck~~ and `code`\n> said\n")
    editor = page.locator(".ProseMirror")
    for place, text in (
        ("h2", "Two"), ("ul:not([data-type]) > li", "dot"), ("ol > li", "one"), ("li[data-checked=false]", "todo"),
        ("em", "slanted"), ("s", "struck"), ("code", "code"),
    ):  # fmt: skip
        expect(editor.locator(place)).to_have_text(text)
    expect(editor.locator("blockquote").first).to_have_text("said")
    editor.get_by_role("checkbox", name="Done").click()
    expect(editor.locator("li[data-checked=true]")).to_have_text("todo")


def test_a_pasted_picture_is_seen_by_the_others(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/picture?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/picture", name="Ben")
    saved(ben)
    ann.locator(".ProseMirror").click()
    ann.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(40, 30)
            canvas.getContext('2d').fillRect(0, 0, 40, 30)
            const files = new DataTransfer()
            files.items.add(new File([await canvas.convertToBlob()], 'dot.png', { type: 'image/png' }))
            document.querySelector('.ProseMirror').dispatchEvent(
                new ClipboardEvent('paste', { clipboardData: files, bubbles: true, cancelable: true }))
        }"""
    )
    expect(ben.locator(".ProseMirror img")).to_have_attribute("src", re.compile("^data:image/png;base64,"))
    expect(ben.locator(".ProseMirror img")).to_have_js_property("naturalWidth", 40)
    saved(ann)


LANGUAGES = ("JavaScript", "TypeScript", "Python", "Markdown", "JSON", "HTML", "CSS", "Rust", "Go")


def test_code_has_languages_folding_search_and_many_cursors(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{shared_server.url}/d/code-tools?kind=code")
    saved(page)
    menu = page.locator(".code-bar button")
    for language in LANGUAGES:
        menu.click()
        page.get_by_role("menuitemradio", name=language, exact=True).click()
        expect(menu).to_have_text(language)
    menu.click()
    expect(page.get_by_role("menuitemradio", name="Go", exact=True)).to_have_attribute("aria-checked", "true")
    page.get_by_role("menuitemradio", name="TypeScript").click()

    page.locator(".cm-content").click()
    page.keyboard.insert_text("function stand(hours) {\n  return hours\n}\nconst hours = stand(2)\n")
    # Coloured, with colours that follow the theme.
    keyword = page.locator(".cm-line span", has_text=re.compile("^function$"))
    light = keyword.evaluate("(element) => getComputedStyle(element).color")
    page.emulate_media(color_scheme="dark")
    assert keyword.evaluate("(element) => getComputedStyle(element).color") != light
    # Folded and unfolded.
    page.locator(".cm-line").first.click()
    page.keyboard.press("Control+Shift+BracketLeft")
    expect(page.locator(".cm-foldPlaceholder")).to_be_visible()
    page.keyboard.press("Control+Shift+BracketRight")
    expect(page.locator(".cm-foldPlaceholder")).to_have_count(0)
    # Found, all of them.
    page.keyboard.press("Control+f")
    page.keyboard.type("hours")
    expect(page.locator(".cm-searchMatch")).to_have_count(3)
    screenshot(page, "code-search-dark")
    # Changed at once, with a cursor at each.
    page.locator(".cm-search").get_by_role("button", name="Select all").click()
    page.keyboard.press("Escape")
    page.keyboard.type("days")
    expect(page.locator(".cm-content")).to_contain_text("return days")
    expect(page.locator(".cm-content")).not_to_contain_text("hours")
    saved(page)


def test_what_nobody_named_or_chose_is_called_by_what_it_holds(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{shared_server.url}/d/code-mnpqrstuvw?kind=code")
    saved(page)
    language = page.locator(".code-bar button")
    expect(language).to_have_text("Plain text")
    page.locator(".cm-content").click()
    page.keyboard.insert_text("import os\n\nfor name in os.listdir():\n    print(name)\n")
    expect(language).to_have_text("Python")
    expect(page.locator(".cm-line span", has_text=re.compile("^import$"))).to_be_visible()
    screenshot(page, "code-guessed")

    def downloaded() -> str:
        page.get_by_role("button", name="Menu").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name="Download").click()
        return str(download.value.suggested_filename)

    assert downloaded() == "Untitled code.py"
    page.locator(".title").fill("tools/main.rs")
    page.locator(".title").press("Enter")
    expect(language).to_have_text("Rust")
    assert downloaded() == "tools main.rs"
    # What somebody chose stays, also where it is plain.
    language.click()
    page.get_by_role("menuitemradio", name="Plain text").click()
    page.locator(".title").fill("server.go")
    page.locator(".title").press("Enter")
    expect(page).to_have_title(re.compile("^server.go"))
    expect(language).to_have_text("Plain text")
    saved(page)

    page.goto(f"{shared_server.url}/d/text-mnpqrstuvw?kind=text")
    saved(page)
    page.locator(".ProseMirror").click()
    page.keyboard.type("Where herons stand\n# Herons")
    expect(page.locator(".title")).to_have_value("Herons")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Delete")
    expect(page.locator(".title")).to_have_value("Where herons stand")
    expect(page).to_have_title(re.compile("^Where herons stand"))
    saved(page)
    page.goto(shared_server.url)
    expect(page.locator(".document-row", has_text="Where herons stand")).to_be_visible()
