"""What a person sees: two windows on one document, versions, a phone, the home page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from collab.client.sync import connect
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import (
    SECRET,
    OpenPage,
    Screenshot,
    draw,
    expect_shapes,
    operate,
    saved,
    token,
    unsaved,
    wait_for,
    words,
    write,
)  # fmt: skip

# -- together ---------------------------------------------------------------------------------------


def test_two_people_type_and_see_each_others_caret(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/two-type?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/two-type", name="Ben", color_scheme="dark")
    saved(ben)
    write(ann, "# Notes\nThe heron stood **still** for an hour.\n- binoculars\n")
    expect(ben.locator(".ProseMirror h1")).to_have_text("Notes")
    expect(ben.locator(".ProseMirror strong")).to_have_text("still")
    expect(ben.locator(".ProseMirror li").first).to_contain_text("binoculars")
    expect(ben.locator(".caret-flag")).to_have_text("Ann")
    write(ben, "notebook")
    expect(ann.locator(".ProseMirror")).to_contain_text("notebook")
    expect(ann.locator(".caret-flag")).to_have_text("Ben")
    expect(ann.locator(".avatar[title^=Ben]")).to_be_visible()
    saved(ann)
    saved(ben)
    screenshot(ann, "text-two")
    screenshot(ben, "text-two-dark")


def test_undo_takes_back_ones_own_words_only(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/undo?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/undo", name="Ben")
    saved(ben)
    write(ann, "mine ")
    expect(ben.locator(".ProseMirror")).to_contain_text("mine")
    write(ben, "yours")
    expect(ann.locator(".ProseMirror")).to_contain_text("mine yours")
    ann.locator(".ProseMirror").click()
    ann.keyboard.press("Control+z")
    expect(ben.locator(".ProseMirror p")).to_have_text("yours")


def test_two_people_write_code(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    ann = open_page(f"{shared_server.url}/d/code?kind=code", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/code", name="Ben")
    saved(ben)
    ann.locator(".code-bar button").click()
    ann.get_by_role("menuitemradio", name="Python").click()
    ann.locator(".cm-content").click()
    ann.keyboard.type('def greet(name):\n"""Say hello."""\nreturn f"Hello {name}"')
    expect(ben.locator(".cm-content")).to_contain_text("return f")
    expect(ben.locator(".code-bar button")).to_have_text("Python")
    expect(ben.locator(".caret-flag")).to_have_text("Ann")
    ben.locator(".cm-line").first.click()
    ben.keyboard.press("Home")
    ben.keyboard.type("# together\n")
    expect(ann.locator(".cm-line").first).to_have_text("# together")
    expect(ann.locator(".caret-flag")).to_have_text("Ben")
    screenshot(ann, "code-two")


def test_two_draw_and_a_third_joins_late(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/plan?kind=board", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/plan", name="Ben", color_scheme="dark")
    saved(ben)
    draw(ann, "r", (200, 200), (380, 300))
    draw(ben, "o", (600, 200), (780, 300))
    draw(ann, "a", (300, 250), (690, 250))
    draw(ann, "p", (250, 450), (700, 520))
    ben.mouse.move(500, 400)
    expect(ann.locator(".board-cursor-flag")).to_have_text("Ben")
    screenshot(ann, "board-two")
    saved(ann)
    saved(ben)
    late = open_page(f"{shared_server.url}/d/plan", name="Cleo")
    saved(late)
    screenshot(late, "board-late")
    for page in (ann, ben, late):
        expect_shapes(page, 4)
    ann.locator(".board").focus()
    ann.keyboard.press("Control+z")
    expect_shapes(late, 3)


def test_a_stroke_is_seen_while_it_is_drawn(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/stroke?kind=board", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/stroke", name="Ben")
    saved(ben)
    ann.locator(".board").focus()
    ann.keyboard.press("p")
    ann.mouse.move(300, 400)
    ann.mouse.down()
    ann.mouse.move(700, 420, steps=30)
    wait_for(lambda: _painted(ben), "Ben sees the stroke before the pen is lifted")
    assert unsaved(ann) == 0, "nothing is in the document before the pen is lifted"
    ann.mouse.up()
    expect_shapes(ben, 1)


def _painted(page: Page) -> bool:
    """Whether anything is painted on the canvas of the shapes."""
    return bool(
        page.evaluate(
            """() => {
                const canvas = document.querySelector('.board-canvas')
                const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
                return data.some((value) => value !== 0)
            }"""
        )
    )


def test_following_somebody_moves_the_view(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/follow?kind=board", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/follow", name="Ben")
    saved(ben)
    ben.locator(".avatar[title^=Ann]").click()
    expect(ben.locator(".follow-bar")).to_contain_text("Following Ann")
    ann.locator(".board").focus()
    for _ in range(3):
        ann.keyboard.press("-")
    expect(ann.locator(".board-percent")).to_have_text("51 %")
    expect(ben.locator(".board-percent")).to_have_text("51 %")
    ben.mouse.move(640, 400)
    ben.mouse.wheel(0, 50)
    expect(ben.locator(".follow-bar")).to_be_hidden()


def test_html_in_names_and_titles_stays_text(shared_server: CollabServer, open_page: OpenPage) -> None:
    evil = "<img src=x onerror=alert(1)>"
    ann = open_page(f"{shared_server.url}/d/evil?kind=text", name=evil)
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/evil", name="Ben")
    saved(ben)
    ben.on("dialog", lambda dialog: pytest.fail("a script of a name ran"))
    ann.locator(".title").fill("<b>bold</b>")
    ann.keyboard.press("Enter")
    write(ann, "<script>alert(1)</script>")
    expect(ben.locator(".caret-flag")).to_have_text(evil)
    expect(ben.locator(".title")).to_have_value("<b>bold</b>")
    expect(ben.locator(".ProseMirror")).to_contain_text("<script>alert(1)</script>")
    assert ben.locator("img[src=x]").count() == 0


def test_content_of_other_programs_does_no_harm(shared_server: CollabServer, open_page: OpenPage) -> None:
    """Embeds, formats and shapes that this page does not know, next to what it does."""
    operations: list[dict[str, Any]] = [
        {
            "op": "text.insert",
            "path": "/body",
            "index": 0,
            "text": "before after",
            "attributes": {"font": "evil"},
        },
        {
            "op": "text.format",
            "path": "/body",
            "index": 0,
            "length": 6,
            "attributes": {"header": {"a": 1}, "bold": True},
        },
    ]
    operate(shared_server, "odd-text", operations)
    text = open_page(f"{shared_server.url}/d/odd-text?kind=text")
    saved(text)
    expect(text.locator(".ProseMirror strong")).to_have_text("before")
    write(text, " typed")
    expect(text.locator(".ProseMirror")).to_contain_text("before after typed")
    odd: list[Any] = [
        None,
        7,
        "x",
        [],
        {"type": "video"},
        {"type": "pen", "points": "no"},
        {"type": "note", "x": "left", "w": -1e308},
    ]
    operations = [{"op": "map.set", "path": f"/board/shapes/s{i}", "value": value} for i, value in enumerate(odd)]
    operate(shared_server, "odd-board", operations)
    board = open_page(f"{shared_server.url}/d/odd-board?kind=board")
    saved(board)
    draw(board, "r", (300, 200), (400, 300))
    expect_shapes(board, len(odd) + 1)


# -- with the HTTP API ------------------------------------------------------------------------------


def test_versions_are_named_shown_and_restored(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/versions?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/versions", name="Ben")
    saved(ben)
    write(ann, "The first draft.")
    saved(ann)
    ann.get_by_role("button", name="Versions", exact=True).click()
    ann.get_by_label("Name of the version").fill("First")
    ann.get_by_role("button", name="Save", exact=True).click()
    expect(ann.locator(".version strong")).to_have_text("First")
    write(ben, " And more.")
    expect(ann.locator(".ProseMirror")).to_contain_text("And more.")
    saved(ben)
    ann.get_by_label("Name of the version").fill("Second")
    ann.keyboard.press("Enter")
    expect(ann.locator(".version strong")).to_have_text(["Second", "First"])
    # Each version shows what was changed in it, and by whom.
    ann.locator(".version button", has_text="First").click()
    expect(ann.locator("[data-change]")).to_have_text("The first draft.")
    expect(ann.locator(".legend-person")).to_have_text("Ann")
    ann.locator(".version button", has_text="Second").click()
    expect(ann.locator("[data-change]")).to_have_text("And more.")
    expect(ann.locator("[data-change]")).to_have_attribute("title", "Ben")
    expect(ann.locator(".legend-person")).to_have_text("Ben")
    screenshot(ann, "versions")
    ann.locator(".version button", has_text="First").click()
    expect(ann.locator("[data-change]")).to_have_text("The first draft.")  # the other preview is gone
    ann.get_by_label("Compare").select_option("Changes from then to now")
    expect(ann.locator("[data-change]")).to_have_text("And more.")
    # By the keyboard: the list keeps the focus, Escape leaves the question and not the preview.
    expect(ann.locator(".version button", has_text="First")).to_be_focused()
    ann.get_by_role("button", name="Restore").click()
    ann.keyboard.press("Escape")
    expect(ann.locator("dialog")).to_have_count(0)
    ann.get_by_role("button", name="Restore").click()
    expect(ann.locator("dialog")).to_contain_text("for everybody who has it open")
    ann.locator("dialog").get_by_role("button", name="Restore").click()
    expect(ann.locator(".toast")).to_contain_text("Version restored")
    expect(ben.locator(".ProseMirror")).to_have_text("The first draft.")
    ann.locator(".toast").get_by_role("button", name="Undo").click()
    expect(ben.locator(".ProseMirror")).to_have_text("The first draft. And more.")


def test_what_others_name_appears_in_an_open_list(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot, tmp_path: Path
) -> None:
    server = start_server(
        f"sqlite:///{tmp_path}/demo.db",
        args=["--auth", "jwt", "--checkpoint-interval", "1s"],
        env={"COLLAB_JWT_SECRET": SECRET},
    )
    ann = open_page(f"{server.url}/d/named?kind=text#token={token(name='Ann')}")
    saved(ann)
    ben = open_page(f"{server.url}/d/named#token={token(name='Ben')}")
    saved(ben)
    cleo = open_page(f"{server.url}/d/unnamed#token={token(name='Cleo', role='viewer')}")
    expect(words(cleo)).to_have_text("View only")
    write(ann, "words")
    saved(ann)
    for page in (ann, ben):
        page.get_by_role("button", name="Versions", exact=True).click()
    ben.get_by_label("Name of the version").fill("By Ben")
    ben.keyboard.press("Enter")
    expect(ann.locator(".version strong")).to_have_text("By Ben", timeout=8_000)
    expect(ann.locator(".version", has_text="By Ben").locator(".quiet").first).to_have_text("Ben")
    size = "(element) => parseFloat(getComputedStyle(element).fontSize)"
    automatic = ann.locator(".version.automatic button").first
    expect(automatic).to_be_visible(timeout=20_000)
    assert automatic.evaluate(size) < ann.locator(".version:not(.automatic) button").first.evaluate(size)
    screenshot(ann, "versions-signed-in")
    # Who may not name one is not told to.
    cleo.get_by_role("button", name="Versions", exact=True).click()
    expect(cleo.locator(".versions-empty")).to_have_text("No versions yet. The server keeps one from time to time.")


def test_versions_of_code_and_boards_show_their_changes(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    code = open_page(f"{shared_server.url}/d/code-versions?kind=code", name="Ann")
    saved(code)
    code.locator(".cm-content").click()
    code.keyboard.type("one two")
    board = open_page(f"{shared_server.url}/d/board-versions?kind=board", name="Ann")
    saved(board)
    draw(board, "r", (300, 200), (400, 300))
    for page in (code, board):
        saved(page)
        page.get_by_role("button", name="Versions", exact=True).click()
        page.get_by_label("Name of the version").fill("First")
        page.keyboard.press("Enter")
        expect(page.locator(".version strong")).to_have_text("First")
    code.locator(".cm-content").click()
    for _ in range(3):
        code.keyboard.press("Backspace")
    code.keyboard.type("three")
    saved(code)
    code.locator(".version button").click()
    code.get_by_label("Compare").select_option("Changes from then to now")
    expect(code.locator("[data-change=gone]")).to_have_text("two")
    expect(code.locator("[data-change^=by-]")).to_have_text("three")
    board.locator(".version button").click()
    expect(board.locator(".board-preview")).to_be_visible()
    expect(board.locator(".legend-person")).to_have_text("Ann")
    screenshot(board, "versions-board")


def test_a_script_draws_and_the_page_shows_it(shared_server: CollabServer, open_page: OpenPage) -> None:
    note: dict[str, Any] = {"type": "note", "x": 0, "y": 0, "text": "Drawn by a script"}
    operations: list[dict[str, Any]] = [
        {"op": "map.set", "path": "/meta/kind", "value": "board"},
        {"op": "map.set", "path": "/board/shapes/hello", "value": note},
    ]
    operate(shared_server, "scripted", operations)
    ann = open_page(f"{shared_server.url}/d/scripted", name="Ann")
    saved(ann)
    expect(ann.locator(".board")).to_be_visible()
    expect_shapes(ann, 1)
    operate(
        shared_server,
        "scripted",
        [{"op": "map.set", "path": "/board/shapes/other", "value": {**note, "x": 300}}],
    )
    expect_shapes(ann, 2)
    ann.locator(".board").focus()
    ann.keyboard.press("Control+a")
    ann.keyboard.press("ArrowRight")
    saved(ann)
    with urlopen(f"{shared_server.url}/api/v1/documents/scripted/content", timeout=30) as answer:
        content = json.load(answer)
    assert "Drawn by a script" in json.dumps(content)


# -- phone, weight, first visit ---------------------------------------------------------------------


def test_a_phone(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    phone = {"size": (390, 780), "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    home = open_page(shared_server.url, name="Phone", **phone)
    expect(home.locator(".card")).to_have_count(3)
    screenshot(home, "phone-home")
    desk = open_page(f"{shared_server.url}/d/phone-text?kind=text", name="Desk")
    saved(desk)
    write(desk, "# From the desk\nA line.")
    text = open_page(f"{shared_server.url}/d/phone-text", name="Phone", **phone)
    expect(text.locator(".ProseMirror h1")).to_have_text("From the desk")
    write(text, " And one from the phone.")
    expect(desk.locator(".ProseMirror")).to_contain_text("from the phone")
    screenshot(text, "phone-text")
    saved(text)
    whole = "() => { const { scrollWidth, clientWidth } = document.querySelector('.pill-words'); return scrollWidth <= clientWidth }"
    assert text.evaluate(whole), "the status is not cut off"
    text.get_by_label("Menu").tap()
    text.get_by_role("menuitem", name="Versions").tap()
    text.get_by_label("Name of the version").fill("On the way")
    text.keyboard.press("Enter")
    text.locator(".version button").tap()
    expect(text.locator(".version-preview h1")).to_be_visible()
    expect(text.get_by_role("button", name="Restore")).to_be_in_viewport()
    screenshot(text, "phone-versions")
    text.get_by_role("button", name="Back to now").tap()
    board = open_page(f"{shared_server.url}/d/phone-board?kind=board", name="Phone", **phone)
    saved(board)
    board.locator("[data-tool=note]").tap()
    board.touchscreen.tap(190, 300)
    board.keyboard.type("from a phone")
    screenshot(board, "phone-board")
    for page in (home, text, board):
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing sticks out at the side"


def test_pages_are_light(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    """What goes over the wire, headers included, to somebody who was never here."""
    weight: dict[str, int] = {}
    paint: dict[str, float] = {}
    for page_of in ("home", "text", "code", "board"):
        address = "/" if page_of == "home" else f"/d/light-{page_of}?kind={page_of}"
        page = open_page(f"{shared_server.url}{address}", service_workers="block")
        if page_of == "home":
            expect(page.locator(".card")).to_have_count(3)
            expect(page.locator(".home-foot")).to_contain_text("store: memory")
            screenshot(page, "home")
        else:
            saved(page)
        weight[page_of], paint[page_of] = page.evaluate(
            """() => [
                performance.getEntries().reduce((sum, { transferSize }) => sum + (transferSize ?? 0), 0),
                performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
            ]"""
        )
        page.context.close()
    for page_of, size in weight.items():
        print(f"{page_of}: {size / 1000:.0f} KB, first paint after {paint[page_of]:.0f} ms")
    assert weight["home"] < 150_000
    assert max(weight.values()) < 400_000


def test_code_is_set_in_its_own_type_everywhere(shared_server: CollabServer, open_page: OpenPage) -> None:
    loaded = "() => [...document.fonts].filter(({ family, status }) => /JetBrains/.test(family) && status === 'loaded').length"
    home = open_page(shared_server.url, service_workers="block")
    wait_for(lambda: home.evaluate(loaded) > 0, "the folder in the footer is set in it")
    assert home.evaluate(loaded) == 1, "one file is enough"
    text = open_page(f"{shared_server.url}/d/typed?kind=text", service_workers="block")
    saved(text)
    assert text.evaluate(loaded) == 0, "nothing is fetched where no code is shown"
    write(text, "some `code` ")
    wait_for(lambda: text.evaluate(loaded) > 0, "code in a text is set in it")


def test_a_card_makes_a_document_that_is_listed(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(shared_server.url)
    page.locator(".card[data-kind=board]").click()
    saved(page)
    assert re.search(r"/d/board-\w{10}$", page.url)
    page.locator(".title").fill("Roof plan")
    page.keyboard.press("Enter")
    saved(page)
    page.get_by_role("link", name="All documents").click()
    expect(page.locator(".document-row", has_text="Roof plan")).to_be_visible()
    page.get_by_label("Search documents").fill("nothing like it")
    expect(page.locator(".documents-empty")).to_contain_text("nothing like it")


def test_the_list_follows_titles_that_others_change(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/renamed?kind=board", name="Ann")
    saved(ann)
    ann.locator(".title").fill("Old title")
    ann.keyboard.press("Enter")
    saved(ann)
    ann.get_by_role("link", name="All documents").click()
    expect(ann.locator(".document-row", has_text="Old title")).to_be_visible()
    operate(shared_server, "renamed", [{"op": "map.set", "path": "/meta/title", "value": "New title"}])
    ann.reload()
    expect(ann.locator(".document-row", has_text="New title")).to_be_visible()
    expect(ann.locator(".document-row", has_text="Old title")).to_have_count(0)


def test_deleting_is_asked_for_and_told_to_everybody(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/short-lived?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/short-lived", name="Ben")
    saved(ben)
    write(ben, "for a while")
    expect(ann.locator(".ProseMirror")).to_contain_text("for a while")
    ann.get_by_label("Menu").click()
    ann.get_by_role("menuitem", name="Delete document").click()
    expect(ann.locator("dialog")).to_contain_text("also for the person here now")
    expect(ann.locator("dialog")).to_contain_text("For 30 days the home page can bring it back.")
    ann.get_by_role("button", name="Delete for everybody").click()
    expect(ann.locator(".cards")).to_be_visible()
    expect(ann.locator(".document-row", has_text="short-lived")).to_have_count(0)
    expect(ann.locator(".deleted-row", has_text="short-lived")).to_contain_text("deleted just now")
    expect(ben.locator(".pill")).to_have_attribute("data-tone", "bad")
    expect(ben.locator(".pill-words")).to_have_text(
        "This document was deleted. What you see can be copied, but no longer changed."
    )
    # What is typed from now on would be kept nowhere.
    write(ben, " longer")
    expect(ben.locator(".ProseMirror")).to_have_text("for a while")
    expect(ben.locator(".title")).not_to_be_editable()


def test_five_faces_and_how_many_more(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    ann = open_page(f"{shared_server.url}/d/crowd?kind=text", name="Ann")
    saved(ann)
    names = ["Ben Okafor", "Cleo", "Dan Wu", "Eve Adler", "Finn", "Gita Rao", "Hugo"]
    with ExitStack() as everybody:
        for name in names:
            session = everybody.enter_context(connect(shared_server.url, "crowd", user={"name": name}))
            session.presence.set({"here": True})
        faces = ann.locator(".avatar:not(.own, .more)")
        expect(faces).to_have_count(5)
        expect(ann.locator(".avatar.more")).to_have_text("+2")
        first = faces.first.get_attribute("title") or ""
        assert first.removesuffix(" - click to follow") in names, "hovering tells the name"
        ann.locator(".avatar.more").click()
        expect(ann.get_by_role("menuitem")).to_have_count(7)
        screenshot(ann, "crowd")
        ann.get_by_role("menuitem", name="Hugo").click()
        expect(ann.locator(".follow-bar")).to_contain_text("Following Hugo")
    # They left: nobody is followed, nobody is here.
    expect(ann.locator(".avatar")).to_have_count(1)
    expect(ann.locator(".follow-bar")).to_be_hidden()


def test_the_inspector_shows_what_is_behind_the_page(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{shared_server.url}/d/inspected?kind=text", name="Ann")
    saved(page)
    write(page, "look inside")
    saved(page)
    page.get_by_label("Menu").click()
    page.get_by_role("menuitem", name="Inspector").click()
    panel = page.locator(".inspector")
    expect(panel).to_contain_text("look inside")
    panel.locator("summary", has_text="authors").click()
    expect(panel).to_contain_text("Map(1)")
    panel.get_by_role("tab", name="awareness").click()
    expect(panel.locator("pre")).to_contain_text('"name": "Ann"')
    panel.get_by_role("tab", name="connection").click()
    facts = panel.locator(".facts")
    for fact in ("websocket", "last durable position", "last ack", "updates sent", "updates received"):
        expect(facts).to_contain_text(fact)
    expect(facts.locator("div", has_text="unsaved changes").locator("dd")).to_have_text("0")
    screenshot(page, "inspector")
