"""What a person sees: two windows, a server that goes away, a phone, a reader, a guest without a token."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jwt
import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, Route, expect

OpenPage = Callable[..., Page]
Screenshot = Callable[[Page, str], None]

SECRET = "a secret of the tests, long enough for HS256"
#: an outage as long as the issue asks for
OUTAGE = 10.0


def words(page: Page) -> Any:
    """The words of the status pill."""
    return page.locator(".pill-words")


def saved(page: Page, timeout: float = 20.0) -> None:
    """Wait until the pill says that everything is on the server's disk."""
    expect(words(page)).to_have_text(re.compile("^Saved"), timeout=timeout * 1000)


def unsaved(page: Page) -> int:
    """The number of changes that the page says are not saved."""
    return int(page.locator(".pill").get_attribute("data-unsaved") or "0")


def write(page: Page, text: str) -> None:
    """Click into the text and type at its end."""
    page.locator(".ql-editor").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def draw(page: Page, key: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press a tool's key and drag."""
    page.locator(".board").focus()
    page.keyboard.press(key)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    page.keyboard.press("Escape")


def shapes(page: Page) -> int:
    """How many shapes are on a board, as its inspector counts them."""
    if page.locator(".inspector").count() == 0:
        page.keyboard.press("Control+Alt+i")
        page.locator(".inspector summary", has_text="board").click()
    line = page.locator(".inspector summary", has_text="shapes").inner_text(timeout=10_000)
    found = re.search(r"Map\((\d+)\)", line)
    return int(found[1]) if found else 0


def expect_shapes(page: Page, count: int, timeout: float = 10.0) -> None:
    """Wait until a board has so many shapes."""
    shapes(page)
    line = page.locator(".inspector summary", has_text="shapes")
    expect(line).to_contain_text(f"Map({count})", timeout=timeout * 1000)


# -- together ---------------------------------------------------------------------------------------


def test_two_people_type_and_see_each_others_caret(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/two-type?kind=text", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/two-type", name="Ben", color_scheme="dark")
    saved(ben)
    write(ann, "# Notes\nThe heron stood **still** for an hour.\n- binoculars\n")
    expect(ben.locator(".ql-editor h1")).to_have_text("Notes")
    expect(ben.locator(".ql-editor strong")).to_have_text("still")
    expect(ben.locator(".ql-editor li").first).to_contain_text("binoculars")
    expect(ben.locator(".caret-flag")).to_have_text("Ann")
    write(ben, "notebook")
    expect(ann.locator(".ql-editor")).to_contain_text("notebook")
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
    expect(ben.locator(".ql-editor")).to_contain_text("mine")
    write(ben, "yours")
    expect(ann.locator(".ql-editor")).to_contain_text("mine yours")
    ann.locator(".ql-editor").click()
    ann.keyboard.press("Control+z")
    expect(ben.locator(".ql-editor p")).to_have_text("yours")


def test_two_people_write_code(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/code?kind=code", name="Ann")
    saved(ann)
    ben = open_page(f"{shared_server.url}/d/code", name="Ben")
    saved(ben)
    ann.locator(".code-bar button").click()
    ann.get_by_role("menuitem", name="Python").click()
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
    _wait(lambda: _painted(ben), "Ben sees the stroke before the pen is lifted")
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


def _wait(condition: Callable[[], bool], what: str, timeout: float = 5.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


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
    expect(ben.locator(".ql-editor")).to_contain_text("<script>alert(1)</script>")
    assert ben.locator("img[src=x]").count() == 0


def test_content_of_other_programs_does_no_harm(shared_server: CollabServer, open_page: OpenPage) -> None:
    """Embeds, formats and shapes that this page does not know, next to what it does."""
    _need_api(shared_server)
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
    _operate(shared_server, "odd-text", operations)
    text = open_page(f"{shared_server.url}/d/odd-text?kind=text")
    saved(text)
    expect(text.locator(".ql-editor strong")).to_have_text("before")
    write(text, " typed")
    expect(text.locator(".ql-editor")).to_contain_text("before after typed")
    odd: list[Any] = [
        None,
        7,
        "x",
        [],
        {"type": "video"},
        {"type": "pen", "points": "no"},
        {"type": "note", "x": "left", "w": -1e308},
    ]
    operations = [
        {"op": "map.set", "path": f"/board/shapes/s{i}", "value": value} for i, value in enumerate(odd)
    ]
    _operate(shared_server, "odd-board", operations)
    board = open_page(f"{shared_server.url}/d/odd-board")
    saved(board)
    draw(board, "r", (300, 200), (400, 300))
    expect_shapes(board, len(odd) + 1)


# -- when the server goes away ----------------------------------------------------------------------


def test_an_outage_in_the_middle_of_typing_and_drawing(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/demo.db")
    ann = open_page(f"{server.url}/d/outage?kind=text", name="Ann")
    board = open_page(f"{server.url}/d/outage-board?kind=board", name="Ann")
    ben = open_page(f"{server.url}/d/outage", name="Ben")
    for page in (ann, board, ben):
        saved(page)
    write(ann, "before ")
    draw(board, "r", (200, 200), (300, 300))
    expect(ben.locator(".ql-editor")).to_contain_text("before")
    saved(ann)
    saved(board)

    server.kill()
    stopped = time.monotonic()
    for page in (ann, board, ben):
        expect(words(page)).to_have_text(re.compile("^Offline"), timeout=2000)
    assert time.monotonic() - stopped < 2.5
    write(ann, "during")
    draw(board, "o", (400, 200), (500, 300))
    expect(words(ann)).to_contain_text("6 changes kept here")
    expect(words(board)).to_contain_text("1 change kept here")
    screenshot(ann, "offline")
    time.sleep(max(0.0, OUTAGE - (time.monotonic() - stopped)))
    assert unsaved(ann) == 6, "what the server does not have is not called saved"

    server.start()
    ann.get_by_role("button", name="Try now").click()
    for page in (ann, board, ben):
        saved(page)
    assert unsaved(ann) == 0
    expect(ben.locator(".ql-editor")).to_contain_text("before during")
    server.kill()  # without a farewell: what is saved is on the disk
    server.start()
    fresh = open_page(f"{server.url}/d/outage", name="Cleo")
    expect(fresh.locator(".ql-editor")).to_contain_text("before during", timeout=15_000)
    drawn = open_page(f"{server.url}/d/outage-board", name="Cleo")
    saved(drawn)
    expect_shapes(drawn, 2)


def test_it_comes_back_without_being_asked(
    start_server: Callable[..., CollabServer], open_page: OpenPage
) -> None:
    server = start_server()
    ann = open_page(f"{server.url}/d/alone?kind=text")
    saved(ann)
    server.kill()
    expect(words(ann)).to_have_text(re.compile("^Offline"), timeout=2000)
    expect(words(ann)).to_have_text(re.compile(r"Retrying"))
    write(ann, "still here")
    server.start()
    saved(ann, timeout=25)
    expect(ann.locator(".ql-editor")).to_contain_text("still here")


def test_a_reload_while_offline_keeps_the_edits(
    start_server: Callable[..., CollabServer], open_page: OpenPage, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/demo.db")
    ann = open_page(f"{server.url}/d/reload?kind=text")
    saved(ann)
    write(ann, "kept ")
    saved(ann)
    ann.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    server.kill()
    expect(words(ann)).to_have_text(re.compile("^Offline"), timeout=2000)
    write(ann, "offline")
    expect(words(ann)).to_contain_text("7 changes")
    ann.reload()
    expect(ann.locator(".ql-editor")).to_contain_text("kept offline", timeout=10_000)
    expect(words(ann)).to_contain_text("7 changes kept here")
    server.start()
    saved(ann, timeout=25)
    ben = open_page(f"{server.url}/d/reload", name="Ben")
    expect(ben.locator(".ql-editor")).to_contain_text("kept offline", timeout=10_000)


# -- other networks, other rights -------------------------------------------------------------------

NO_WEBSOCKET = "window.WebSocket = class { constructor() { throw new Error('blocked') } }"


def test_without_websockets_it_polls_and_says_so(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/polling?kind=text", name="Ann", init_script=NO_WEBSOCKET)
    expect(words(ann)).to_have_text("Saved · slow connection", timeout=15_000)
    ben = open_page(f"{shared_server.url}/d/polling", name="Ben")
    saved(ben)
    write(ann, "by polling")
    expect(ben.locator(".ql-editor")).to_contain_text("by polling")
    write(ben, " and back")
    expect(ann.locator(".ql-editor")).to_contain_text("by polling and back")
    expect(words(ann)).to_have_text("Saved · slow connection")
    screenshot(ann, "polling")


def test_a_reader_behind_a_strict_proxy_reads_along(shared_server: CollabServer, open_page: OpenPage) -> None:
    ben = open_page(f"{shared_server.url}/d/stream?kind=text", name="Ben")
    saved(ben)
    write(ben, "first ")
    saved(ben)
    _need_api(shared_server)
    ann = open_page(f"{shared_server.url}/d/stream", name="Ann", init_script=NO_WEBSOCKET + STREAM_ONLY)
    expect(words(ann)).to_have_text("View only · slow connection", timeout=20_000)
    expect(ann.locator(".ql-editor")).to_contain_text("first")
    write(ben, "second")
    expect(ann.locator(".ql-editor")).to_contain_text("first second")
    expect(ann.locator(".ql-editor")).to_have_attribute("contenteditable", "false")


def _need_api(server: CollabServer) -> None:
    try:
        urlopen(f"{server.url}/api/v1/documents", timeout=5).close()
    except HTTPError:
        pytest.skip("this server has no HTTP API")


STREAM_ONLY = """
    const open = XMLHttpRequest.prototype.open
    XMLHttpRequest.prototype.open = function (method, url, ...rest) {
        return open.call(this, method, String(url).includes('/socket.io/') ? '/blocked' : url, ...rest)
    }
"""


def test_a_viewer_sees_everything_and_changes_nothing(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/demo.db"
    server = start_server(store)
    for kind in ("text", "code", "board"):
        page = open_page(f"{server.url}/d/read-{kind}?kind={kind}", name="Ann")
        saved(page)
        if kind == "board":
            draw(page, "r", (200, 200), (300, 300))
        else:
            page.locator(".ql-editor, .cm-content").click()
            page.keyboard.type("for your eyes")
        saved(page)
        page.context.close()
    server.stop()
    server = start_server(store, args=["--default-role", "viewer"])

    text = open_page(f"{server.url}/d/read-text", name="Ben")
    expect(words(text)).to_have_text("View only", timeout=15_000)
    expect(text.locator(".toast")).to_contain_text("view")
    expect(text.locator(".ql-editor")).to_contain_text("for your eyes")
    expect(text.locator(".ql-editor")).to_have_attribute("contenteditable", "false")
    expect(text.locator(".title")).not_to_be_editable()
    screenshot(text, "viewer")

    code = open_page(f"{server.url}/d/read-code", name="Ben")
    expect(words(code)).to_have_text("View only", timeout=15_000)
    code.locator(".cm-content").click()
    code.keyboard.type("x")
    expect(code.locator(".cm-content")).to_have_text("for your eyes")

    board = open_page(f"{server.url}/d/read-board", name="Ben")
    expect(words(board)).to_have_text("View only", timeout=15_000)
    expect(board.locator("[data-tool=pen]")).to_be_hidden()
    expect_shapes(board, 1)
    board.locator(".board").focus()
    board.keyboard.press("Control+a")
    board.keyboard.press("Delete")
    draw(board, "r", (500, 500), (600, 600))
    expect_shapes(board, 1)
    for page in (text, code, board):
        assert unsaved(page) == 0


def test_an_expired_token_is_told_and_renewed(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot
) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    stranger = open_page(f"{server.url}/d/team?kind=text", name="Stranger")
    expect(stranger.locator(".refusal h1")).to_contain_text("sign in")

    ann = open_page(f"{server.url}/d/team?kind=text#token={_token(6)}", name="Somebody")
    saved(ann)
    assert "token" not in ann.url, "a token is not left in the address"
    write(ann, "in time ")
    saved(ann)
    expect(words(ann)).to_have_text("Sign-in expired", timeout=15_000)
    screenshot(ann, "expired")
    ann.locator(".pill-action", has_text="Renew").click()
    ann.get_by_label("Token", exact=True).fill(_token(600))
    ann.get_by_role("button", name="Sign in").click()
    saved(ann)
    write(ann, "and after")
    saved(ann)


def _token(lifetime: float) -> str:
    claims = {
        "sub": "ann",
        "name": "Ann",
        "exp": int(time.time() + lifetime),
        "grants": [{"documents": "*", "role": "editor"}],
    }
    return jwt.encode(claims, SECRET, algorithm="HS256")


# -- with the HTTP API ------------------------------------------------------------------------------


def test_versions_are_named_shown_and_restored(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    _need_api(shared_server)
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
    write(ann, " And more.")
    expect(ben.locator(".ql-editor")).to_contain_text("And more.")
    ann.locator(".version button", has_text="First").click()
    expect(ann.locator(".text-preview ins")).to_contain_text("And more.")
    screenshot(ann, "versions")
    ann.get_by_role("button", name="Restore").click()
    ann.locator("dialog").get_by_role("button", name="Restore").click()
    expect(ann.locator(".toast")).to_contain_text("Version restored")
    expect(ben.locator(".ql-editor")).to_have_text("The first draft.")
    ann.locator(".toast").get_by_role("button", name="Undo").click()
    expect(ben.locator(".ql-editor")).to_have_text("The first draft. And more.")


def test_a_script_draws_and_the_page_shows_it(shared_server: CollabServer, open_page: OpenPage) -> None:
    _need_api(shared_server)
    note: dict[str, Any] = {"type": "note", "x": 0, "y": 0, "text": "Drawn by a script"}
    operations: list[dict[str, Any]] = [
        {"op": "map.set", "path": "/meta/kind", "value": "board"},
        {"op": "map.set", "path": "/board/shapes/hello", "value": note},
    ]
    _operate(shared_server, "scripted", operations)
    ann = open_page(f"{shared_server.url}/d/scripted", name="Ann")
    saved(ann)
    expect(ann.locator(".board")).to_be_visible()
    expect_shapes(ann, 1)
    _operate(
        shared_server,
        "scripted",
        [{"op": "map.set", "path": "/board/shapes/other", "value": {**note, "x": 300}}],
    )
    expect_shapes(ann, 2)
    ann.locator(".board").focus()
    ann.keyboard.press("Control+a")
    ann.keyboard.press("ArrowRight")
    saved(ann)
    with urlopen(f"{shared_server.url}/api/v1/documents/scripted/content", timeout=5) as answer:
        content = json.load(answer)
    assert "Drawn by a script" in json.dumps(content)


def _operate(server: CollabServer, document: str, operations: list[dict[str, Any]]) -> None:
    request = Request(
        f"{server.url}/api/v1/documents/{document}/content",
        method="PATCH",
        headers={"Content-Type": "application/json"},
        data=json.dumps({"operations": operations}).encode(),
    )
    urlopen(request, timeout=5).close()


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
    expect(text.locator(".ql-editor h1")).to_have_text("From the desk")
    write(text, " And one from the phone.")
    expect(desk.locator(".ql-editor")).to_contain_text("from the phone")
    screenshot(text, "phone-text")
    board = open_page(f"{shared_server.url}/d/phone-board?kind=board", name="Phone", **phone)
    saved(board)
    board.locator("[data-tool=note]").tap()
    board.touchscreen.tap(190, 300)
    board.keyboard.type("from a phone")
    screenshot(board, "phone-board")
    for page in (home, text, board):
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing sticks out at the side"


def test_the_home_page_is_light(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    sizes: dict[str, int] = {}

    def weigh(route: Route) -> None:
        answer = route.fetch()
        body = answer.body()
        fonts_and_pictures = route.request.resource_type in ("font", "image")
        sizes[route.request.url] = len(body if fonts_and_pictures else gzip.compress(body))
        route.fulfill(response=answer)

    page = open_page("about:blank")
    page.route("**/*", weigh)
    page.goto(shared_server.url)
    expect(page.locator(".card")).to_have_count(3)
    page.wait_for_load_state("networkidle")
    paint = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
    )
    total = sum(sizes.values())
    print(f"home: {total} bytes compressed in {len(sizes)} requests, first paint after {paint} ms")
    screenshot(page, "home")
    assert total < 150_000


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
