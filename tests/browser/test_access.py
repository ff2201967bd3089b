"""For everybody: rules of accessibility, the keyboard alone, less motion; first visits and last seconds."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Dialog, Page, TimeoutError, expect

from tests.browser.pages import (
    SECRET,
    STRANGER,
    OpenPage,
    Screenshot,
    content,
    draw,
    operate,
    saved,
    token,
    unsaved,
    words,
    write,
)

AXE = Path(__file__).parents[2] / "client-demo" / "node_modules" / "axe-core" / "axe.min.js"


def axe(page: Page, where: str, *without: str) -> list[str]:
    """What axe-core finds wrong with a page, one line each; ``without`` names rules that do not apply."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: run `npm ci` in client-demo")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        # Names at carets fade out; half gone they are not to be read.
        """(without) => axe.run({ exclude: ['.caret-flag'] }, {
            resultTypes: ['violations'], rules: Object.fromEntries(without.map((rule) => [rule, { enabled: false }])),
        }).then(({ violations }) => violations)""",
        list(without),
    )
    return [
        f"{where}: {rule['id']}: {rule['help']}: {', '.join(node['html'][:120] for node in rule['nodes'][:4])}"
        for rule in found
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_axe(shared_server: CollabServer, open_page: OpenPage, scheme: str) -> None:
    url = shared_server.url
    operate(shared_server, f"axe-{scheme}", [{"op": "map.set", "path": "/meta/title", "value": "For axe"}])
    home = open_page(url, color_scheme=scheme)
    expect(home.locator(".document-row").first).to_be_visible()
    faults = axe(home, "home")

    text = open_page(f"{url}/d/axe-text-{scheme}?kind=text", color_scheme=scheme)
    saved(text)
    write(text, "# Heading\nA line with **bold** and `code`.\n[] to do\n\n\n> quoted\n")
    guest = open_page(f"{url}/d/axe-text-{scheme}", name="Ben Okafor", color_scheme=scheme)
    saved(guest)
    write(guest, "by Ben")
    expect(text.locator(".caret-flag")).to_be_visible()
    saved(text)
    faults += axe(text, "text")
    text.get_by_label("Menu").click()
    faults += axe(text, "menu", "region")  # a menu that is open is no part of a landmark
    text.keyboard.press("Escape")
    text.get_by_role("button", name="Share").click()
    faults += axe(text, "share")
    text.keyboard.press("Escape")
    text.get_by_role("button", name="Versions", exact=True).click()
    text.get_by_label("Name of the version").fill("First")
    text.keyboard.press("Enter")
    text.locator(".version button").click()
    expect(text.locator(".legend-person")).to_have_text(["Ann", "Ben Okafor"])
    faults += axe(text, "versions")
    text.keyboard.press("Escape")
    text.get_by_role("button", name="Chat", exact=True).click()
    text.get_by_label("Message", exact=True).fill("Have you seen it, at https://example.org?")
    text.keyboard.press("Enter")
    guest.get_by_role("button", name="Chat, 1 unread").click()
    guest.get_by_label("Message", exact=True).fill("Yes @a")
    expect(guest.get_by_role("option")).to_be_visible()
    faults += axe(guest, "chat, of whom one may speak")
    guest.keyboard.press("Enter")
    guest.keyboard.press("Enter")
    expect(text.locator(".chat-message")).to_have_count(2)
    text.get_by_role("button", name="Emoji").click()
    faults += axe(text, "chat")
    text.keyboard.press("Escape")
    text.keyboard.press("Control+Alt+i")
    for tab in ("awareness", "connection", "document"):
        text.get_by_role("tab", name=tab).click()
        faults += axe(text, f"inspector, {tab}")

    code = open_page(f"{url}/d/axe-code-{scheme}?kind=code", color_scheme=scheme)
    saved(code)
    code.locator(".code-bar button").click()
    code.get_by_role("menuitemradio", name="Python").click()
    code.locator(".cm-content").click()
    code.keyboard.insert_text('def wait(hours=1):\n    """Stand still."""\n    return f"{hours}"  # still\n')
    code.keyboard.press("Control+f")
    expect(code.locator(".cm-search")).to_be_visible()
    faults += axe(code, "code")

    board = open_page(f"{url}/d/axe-board-{scheme}?kind=board", color_scheme=scheme)
    saved(board)
    draw(board, "r", (300, 200), (400, 300))
    faults += axe(board, "board")
    assert not faults, "\n".join(faults)


def test_with_the_keyboard_alone(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(shared_server.url)
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator(".card").first).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.dataset.kind") == "text"
    ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineWidth")
    assert ring == "2px", "where the focus is can be seen"
    page.keyboard.press("Enter")
    saved(page)
    # The text has the focus: one types at once.
    page.keyboard.type("Typed without a mouse.")
    expect(page.locator(".ProseMirror")).to_have_text("Typed without a mouse.")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Control+b")
    expect(page.locator(".ProseMirror strong")).to_have_text("Typed without a mouse.")
    saved(page)

    page.get_by_label("Menu").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem").last).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(page.get_by_label("Menu")).to_be_focused()

    page.get_by_role("button", name="Share").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Share")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Share")).to_be_focused()

    page.locator(".title").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("By hand")
    page.keyboard.press("Enter")
    expect(page).to_have_title("By hand - collab")


def test_the_focus_is_never_lost(start_server: Any, open_page: OpenPage) -> None:
    server = start_server()
    page = open_page(f"{server.url}/d/focus?kind=text")
    saved(page)
    menu = page.get_by_label("Menu")
    menu.press("Enter")
    page.get_by_role("menuitem", name="Inspector").press("Enter")
    expect(menu).to_be_focused()
    for key, name in (
        ("ArrowRight", "awareness"),
        ("End", "connection"),
        ("ArrowRight", "document"),
        ("ArrowLeft", "connection"),
    ):
        page.locator("[role=tab][aria-selected=true]").press(key)
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="connection").press("Enter")
    expect(page.get_by_role("tab", name="connection")).to_be_focused()
    page.get_by_role("button", name="Close the inspector").press("Enter")
    expect(page.locator(".inspector")).to_have_count(0)
    expect(menu).to_be_focused()

    # A dialog out of the menu gives it back there as well.
    menu.press("Enter")
    page.get_by_role("menuitem", name="Delete document").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()

    versions = page.get_by_role("button", name="Versions", exact=True)
    versions.press("Enter")
    page.get_by_role("button", name="Close versions").press("Enter")
    expect(versions).to_be_focused()

    # While an attempt lasts there is nothing to press, and then there is again, or all is well.
    server.kill()
    again = page.get_by_role("button", name="Try now")
    for _ in range(2):
        again.press("Enter")
        expect(page.locator(".pill-wrapper :focus")).to_have_count(1)
    server.start()
    with suppress(TimeoutError):  # it may have come back by itself meanwhile
        again.press("Enter", timeout=3000)
    saved(page)
    expect(page.locator(".pill")).to_be_focused()


def test_what_is_shown_by_icons_has_a_name(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(f"{shared_server.url}/d/spoken?kind=board", size=(390, 780))
    saved(page)
    expect(page.get_by_role("button", name="Chat", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("img", name="Board", exact=True)).to_be_visible()
    page.get_by_role("link", name="All documents").click()
    row = page.get_by_role("list").get_by_role("link", name=re.compile(r"^Board spoken .*(now|ago) \d+ B$"))
    expect(row).to_be_visible()
    heads = page.locator("[role=list] > [aria-hidden], ul > [aria-hidden]")
    expect(heads).to_have_count(0)


def test_less_motion_where_somebody_asks_for_it(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page(shared_server.url, reduced_motion="reduce")
    expect(page.locator(".card")).to_have_count(3)
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter((element) => {
            const { animationName, animationDuration, animationIterationCount, transitionDuration } = getComputedStyle(element)
            const longest = Math.max(...[transitionDuration, animationName === 'none' ? '0s' : animationDuration]
                .flatMap((times) => times.split(',')).map(parseFloat))
            return longest > 0.01 || (animationName !== 'none' && animationIterationCount === 'infinite')
        }).map((element) => element.className)"""
    )
    assert moving == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_click_on_the_theme_is_seen(shared_server: CollabServer, open_page: OpenPage, scheme: str) -> None:
    page = open_page(shared_server.url, color_scheme=scheme)
    ground = "() => getComputedStyle(document.body).backgroundColor"
    switch = page.get_by_role("button", name="Theme:")
    seen = [page.evaluate(ground)]
    for chosen in ({"light": "dark", "dark": "light"}[scheme], scheme, "system"):
        switch.click()
        expect(switch).to_have_attribute("title", f"Theme: {chosen}")
        seen.append(page.evaluate(ground))
    assert [at == seen[0] for at in seen] == [True, False, True, True]


def test_a_first_visit_is_told_how_to_be_two(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_page(f"{shared_server.url}/d/hint?kind=text", init_script=STRANGER)
    saved(page)
    expect(page.locator(".hint")).to_contain_text("Open this page in a second window")
    screenshot(page, "hint")
    page.set_viewport_size({"width": 390, "height": 780})
    expect(page.locator(".hint")).to_be_hidden()  # a phone has no second window
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator(".hint")).to_be_visible()
    page.keyboard.press("Control+Alt+i")
    expect(page.locator(".hint")).to_be_hidden()
    page.keyboard.press("Control+Alt+i")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open second window").click()
    second = opened.value
    expect(second).to_have_url(re.compile("/d/hint"))
    saved(second)
    expect(page.locator(".hint")).to_have_count(0)
    write(second, "from the second window")
    expect(page.locator(".ProseMirror")).to_contain_text("from the second window")


@pytest.mark.parametrize("kind", ["text", "code", "board"])
def test_the_hint_moves_nothing(
    shared_server: CollabServer, open_page: OpenPage, kind: str, screenshot: Screenshot
) -> None:
    url = f"{shared_server.url}/d/hint-{kind}?kind={kind}"
    ann = open_page(url, init_script=STRANGER)
    saved(ann)
    place = "() => JSON.stringify(document.querySelector('.stage > *').getBoundingClientRect())"
    expect(ann.locator(".hint")).to_be_visible()
    screenshot(ann, f"hint-{kind}")
    before = ann.evaluate(place)
    if kind == "board":
        # A pen is on its way while somebody joins.
        ann.locator(".board").focus()
        ann.keyboard.press("p")
        ann.mouse.move(300, 300)
        ann.mouse.down()
        ann.mouse.move(400, 300, steps=4)
    ben = open_page(url, name="Ben")
    saved(ben)
    expect(ann.locator(".hint")).to_have_count(0)
    assert ann.evaluate(place) == before
    if kind == "board":
        ann.mouse.move(500, 300, steps=4)
        ann.mouse.up()
        saved(ann)
        (stroke,) = content(shared_server, f"hint-{kind}")["board"]["shapes"].values()
        assert max(y for _, y in stroke["points"]) == 0, "a straight line stays one"


#: controls under the hint, by what they are called
UNDER_HINT = """() => {
    const hint = document.querySelector('.hint')
    const found = []
    for (const control of document.querySelectorAll('button, input, select, textarea, a, summary')) {
        const { left, top, width, height } = control.getBoundingClientRect()
        for (const x of [0.1, 0.5, 0.9]) {
            for (const y of [0.1, 0.5, 0.9]) {
                const seen = width > 0 && document.elementFromPoint(left + x * width, top + y * height)
                if (seen && hint.contains(seen) && !hint.contains(control)) found.push(control.ariaLabel || control.textContent)
            }
        }
    }
    return [...new Set(found)]
}"""
SIZES = {
    "desktop": (1280, 800),
    "laptop": (1024, 700),
    "half": (660, 800),
    "phone": (390, 780),
    "phone, held wide": (844, 390),
}


@pytest.mark.parametrize("kind", ["text", "code", "board"])
def test_the_hint_covers_nothing_that_can_be_used(
    shared_server: CollabServer, open_page: OpenPage, kind: str, screenshot: Screenshot
) -> None:
    page = open_page(f"{shared_server.url}/d/uncovered-{kind}?kind={kind}", init_script=STRANGER)
    saved(page)
    expect(page.locator(".hint")).to_be_visible()
    panels = {
        "chat": (".chat", ""),
        "inspector": (".inspector", "Control+Alt+i"),
        "share": ("dialog[open]", ""),
        "find": (".find-bar:not([hidden]), .cm-search", "Control+f"),
    }
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator(".hint")).to_be_visible(visible="phone" not in size)
        assert page.evaluate(UNDER_HINT) == [], size
        screenshot(page, f"hint-{kind}-{size}".replace(", ", "-").replace(" ", "-"))
        for name, (panel, keys) in panels.items():
            if name == "find" and kind == "board":
                continue
            if name == "chat":
                page.locator(".chat-button").click()
            elif name == "share" and page.get_by_role("button", name="Share").is_visible():
                page.get_by_role("button", name="Share").click()
            elif name == "share":
                page.get_by_role("button", name="Menu").click()
                page.get_by_role("menuitem", name="Share...").click()
            else:
                page.locator(".ProseMirror, .cm-content, .board").focus()
                page.keyboard.press(keys)
            expect(page.locator(panel)).to_be_visible()
            assert page.evaluate(UNDER_HINT) == [], f"{name}, {size}"
            if name == "find" and kind == "text":
                # A stranger's first search.
                page.get_by_role("button", name="Match case").click()
            if name == "inspector":
                page.keyboard.press(keys)
            else:
                page.keyboard.press("Escape")
            expect(page.locator(panel)).to_be_hidden()
    if kind == "text":
        page.set_viewport_size({"width": 660, "height": 800})
        page.locator(".ProseMirror").focus()
        page.keyboard.type("one https://example.org/ two")
        expect(page.locator(".hint")).to_be_hidden()
        page.set_viewport_size({"width": 1280, "height": 800})
        expect(page.locator(".hint")).to_be_visible()
    if kind == "board":
        page.set_viewport_size({"width": 1280, "height": 800})
        draw(page, "r", (300, 300), (400, 400))
        page.keyboard.press("Control+a")
        expect(page.locator(".board-panel")).to_be_visible()
        assert page.evaluate(UNDER_HINT) == []
        screenshot(page, "hint-board-panel")


def test_no_hint_for_those_whom_it_does_not_help(start_server: Any, open_page: OpenPage) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    page = open_page(f"{server.url}/d/a?kind=code#token={token(role='viewer')}", init_script=STRANGER)
    expect(words(page)).to_have_text("View only")
    expect(page.locator(".hint")).to_be_hidden()
    writer = open_page(f"{server.url}/d/b?kind=code#token={token()}", init_script=STRANGER)
    expect(writer.locator(".hint")).to_be_visible()
    server.kill()
    expect(words(writer)).to_have_text(re.compile("^Offline"))
    expect(writer.locator(".hint")).to_be_hidden()


@pytest.mark.parametrize("kept", [True, False])
def test_closing_asks_only_where_something_would_be_lost(start_server: Any, open_page: OpenPage, kept: bool) -> None:
    server = start_server()
    without = "" if kept else "Object.defineProperty(window, 'indexedDB', { value: undefined })"
    page = open_page(f"{server.url}/d/closing?kind=text", init_script=without)
    saved(page)
    server.kill()
    expect(words(page)).to_have_text(re.compile("^Offline"), timeout=2000)
    write(page, "not sent")
    expect(words(page)).to_contain_text("changes kept here")
    assert unsaved(page) > 0
    if kept:
        expect(page.locator("body")).to_have_attribute("data-kept", "true")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.close(run_before_unload=True)
    page.wait_for_event("close")
    assert asked == ([] if kept else ["beforeunload"])
