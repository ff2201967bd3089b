"""The server goes away, the network is a bad one, the rights are few: what the page says and keeps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.pages import (
    NO_WEBSOCKET,
    SECRET,
    STREAM_ONLY,
    OpenPage,
    Screenshot,
    draw,
    expect_shapes,
    opens_offline,
    saved,
    token,
    unsaved,
    words,
    write,
)  # fmt: skip

#: an outage as long as the issue asks for
OUTAGE = 10.0


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
    expect(ben.locator(".ProseMirror")).to_contain_text("before")
    saved(ann)
    saved(board)

    server.kill()
    stopped = time.monotonic()
    for page in (ann, board, ben):
        expect(words(page)).to_have_text(re.compile("^Offline"))
    assert time.monotonic() - stopped < 2.5
    write(ann, "during")
    draw(board, "o", (400, 200), (500, 300))
    expect(words(ann)).to_contain_text("6 changes kept here")
    expect(words(board)).to_contain_text("1 change kept here")
    screenshot(ann, "offline")
    time.sleep(max(0.0, OUTAGE - (time.monotonic() - stopped)))
    assert unsaved(ann) == 6, "what the server does not have is not called saved"

    server.start()
    # In one go: on a busy machine the page may be back by itself before a hand is there.
    ann.locator(".pill-action").evaluate("button => button.click()")
    for page in (ann, board, ben):
        saved(page)
    assert unsaved(ann) == 0
    expect(ben.locator(".ProseMirror")).to_contain_text("before during")
    server.kill()  # without a farewell: what is saved is on the disk
    server.start()
    fresh = open_page(f"{server.url}/d/outage", name="Cleo")
    expect(fresh.locator(".ProseMirror")).to_contain_text("before during", timeout=15_000)
    drawn = open_page(f"{server.url}/d/outage-board", name="Cleo")
    saved(drawn)
    expect_shapes(drawn, 2)


def test_it_comes_back_without_being_asked(start_server: Callable[..., CollabServer], open_page: OpenPage) -> None:
    server = start_server()
    ann = open_page(f"{server.url}/d/alone?kind=text")
    saved(ann)
    server.kill()
    expect(words(ann)).to_have_text(re.compile("^Offline"))
    expect(words(ann)).to_have_text(re.compile(r"Retrying"))
    write(ann, "still here")
    server.start()
    saved(ann, timeout=25)
    expect(ann.locator(".ProseMirror")).to_contain_text("still here")


def test_a_restart_is_announced_and_nothing_is_lost(
    start_server: Callable[..., CollabServer], open_page: OpenPage, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/demo.db")
    ann = open_page(f"{server.url}/d/restart?kind=text")
    saved(ann)
    write(ann, "before ")
    ann.evaluate(
        """() => {
            window.said = []
            const pill = document.querySelector('.pill-words')
            new MutationObserver(() => said.push(pill.textContent)).observe(pill, { childList: true, characterData: true, subtree: true })
        }"""
    )
    server.restart()
    saved(ann)
    said = ann.evaluate("() => said")
    assert "Server is moving, hold on..." in said, said
    write(ann, "after")
    saved(ann)
    ben = open_page(f"{server.url}/d/restart", name="Ben")
    expect(ben.locator(".ProseMirror")).to_contain_text("before after")


def test_a_reload_while_offline_keeps_the_edits(
    start_server: Callable[..., CollabServer], open_page: OpenPage, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/demo.db")
    ann = open_page(f"{server.url}/d/reload?kind=text")
    saved(ann)
    write(ann, "kept ")
    saved(ann)
    opens_offline(ann)
    server.kill()
    expect(words(ann)).to_have_text(re.compile("^Offline"))
    write(ann, "offline")
    expect(words(ann)).to_contain_text("7 changes")
    expect(ann.locator("body")).to_have_attribute("data-kept", "true")
    ann.reload()
    expect(ann.locator(".ProseMirror")).to_contain_text("kept offline")
    expect(words(ann)).to_contain_text("7 changes kept here")
    server.start()
    saved(ann, timeout=25)
    ben = open_page(f"{server.url}/d/reload", name="Ben")
    expect(ben.locator(".ProseMirror")).to_contain_text("kept offline")


# -- other networks, other rights -------------------------------------------------------------------


def test_without_websockets_it_polls_and_says_so(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(f"{shared_server.url}/d/polling?kind=text", name="Ann", init_script=NO_WEBSOCKET)
    expect(words(ann)).to_have_text("Saved · slow connection", timeout=15_000)
    ben = open_page(f"{shared_server.url}/d/polling", name="Ben")
    saved(ben)
    write(ann, "by polling")
    expect(ben.locator(".ProseMirror")).to_contain_text("by polling")
    write(ben, " and back")
    expect(ann.locator(".ProseMirror")).to_contain_text("by polling and back")
    expect(words(ann)).to_have_text("Saved · slow connection")
    screenshot(ann, "polling")


def test_with_neither_websockets_nor_polling_edits_go_by_requests(
    start_server: Callable[..., CollabServer], open_page: OpenPage, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/demo.db")
    ben = open_page(f"{server.url}/d/stream?kind=text", name="Ben")
    saved(ben)
    write(ben, "first ")
    saved(ben)
    ann = open_page(f"{server.url}/d/stream", name="Ann", init_script=NO_WEBSOCKET + STREAM_ONLY)
    expect(words(ann)).to_have_text("Saved · slow connection", timeout=30_000)
    expect(ann.locator(".ProseMirror")).to_contain_text("first")
    write(ben, "second ")
    expect(ann.locator(".ProseMirror")).to_contain_text("first second")
    write(ann, "third ")
    expect(words(ann)).to_have_text("Saved · slow connection", timeout=15_000)
    expect(ben.locator(".ProseMirror")).to_contain_text("first second third")
    # Sockets are tried again meanwhile, and the server dies: nothing is lost, and nothing that is not saved is called so.
    server.kill()
    expect(words(ann)).to_contain_text("Offline", timeout=15_000)
    write(ann, "fourth ")
    expect(words(ann)).to_contain_text("kept here", timeout=15_000)
    server.start()
    expect(words(ann)).to_have_text("Saved · slow connection", timeout=60_000)
    expect(ben.locator(".ProseMirror")).to_contain_text("first second third fourth", timeout=30_000)
    server.stop()
    reader = start_server(f"sqlite:///{tmp_path}/demo.db", args=["--default-role", "viewer"])
    cleo = open_page(f"{reader.url}/d/stream", name="Cleo", init_script=NO_WEBSOCKET + STREAM_ONLY)
    expect(words(cleo)).to_have_text("View only · slow connection", timeout=30_000)
    expect(cleo.locator(".ProseMirror")).to_contain_text("first second third fourth")
    expect(cleo.locator(".ProseMirror")).to_have_attribute("contenteditable", "false")


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
            page.locator(".ProseMirror, .cm-content").click()
            page.keyboard.type("for your eyes")
        saved(page)
        page.context.close()
    server.stop()
    server = start_server(store, args=["--default-role", "viewer"])

    text = open_page(f"{server.url}/d/read-text", name="Ben")
    expect(words(text)).to_have_text("View only", timeout=15_000)
    expect(text.locator(".toast")).to_contain_text("view")
    expect(text.locator(".ProseMirror")).to_contain_text("for your eyes")
    expect(text.locator(".ProseMirror")).to_have_attribute("contenteditable", "false")
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


def test_a_link_is_shared_with_a_role(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot
) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    ann = open_page(f"{server.url}/d/shared?kind=text#token={token()}", name="Somebody")
    saved(ann)
    write(ann, "for reading")
    saved(ann)
    ann.get_by_role("button", name="Share").click()
    dialog = ann.get_by_role("dialog", name="Share")
    dialog.get_by_label("Role").select_option("can view")
    expect(dialog.locator("code")).to_contain_text("--document 'shared=viewer'")
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_role("button", name="Copy link").last.click()
    expect(ann.locator(".toast")).to_contain_text("Paste the token first")
    expect(dialog.get_by_label("Token for the link")).to_be_focused()
    dialog.get_by_label("Token for the link").fill(token(role="viewer", name="Ben"))
    dialog.get_by_role("button", name="Copy link").last.click()
    expect(ann.locator(".toast")).to_contain_text("Link with access copied")
    screenshot(ann, "share")
    for part in ("dialog", ".dialog-body", ".share-role", ".share-command"):
        assert ann.locator(part).evaluate("(element) => element.scrollWidth <= element.clientWidth"), (
            f"{part} is cut off"
        )
    # Neither dimmed nor silenced by the dialog, and there still when that is closed.
    ann.locator(".toast").get_by_role("button", name="Dismiss").click(trial=True)
    ann.keyboard.press("Escape")
    expect(ann.locator("dialog")).to_have_count(0)
    expect(ann.locator(".toast")).to_be_visible()
    link = ann.evaluate("() => navigator.clipboard.readText()")
    ben = open_page(link, name="Somebody else")
    expect(words(ben)).to_have_text("View only")
    expect(ben.locator(".ProseMirror")).to_have_text("for reading")
    expect(ben.locator(".ProseMirror")).to_have_attribute("contenteditable", "false")
    # Names come from the token, whatever a page calls itself.
    expect(ann.locator(".avatar[title^=Ben]")).to_be_visible()
    expect(ann.locator(".avatar.own")).to_have_attribute("title", "Ann (you)")


def test_an_expired_token_is_told_and_renewed(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot
) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    stranger = open_page(f"{server.url}/d/team?kind=text", name="Stranger")
    expect(stranger.locator(".refusal h1")).to_contain_text("sign in")

    ann = open_page(f"{server.url}/d/team?kind=text#token={token(6)}", name="Somebody")
    saved(ann)
    assert "token" not in ann.url, "a token is not left in the address"
    write(ann, "in time ")
    saved(ann)
    expect(words(ann)).to_have_text("Sign-in expired", timeout=15_000)
    screenshot(ann, "expired")
    expect(ann.locator(".toast", has_text="Your sign-in has expired")).to_be_visible()
    ann.locator(".pill-action", has_text="Renew").click()
    ann.get_by_label("Token", exact=True).fill(token(600))
    ann.get_by_role("button", name="Sign in").click()
    saved(ann)
    expect(ann.locator(".toast")).to_have_count(0)
    write(ann, "and after")
    saved(ann)
    # The new token counts for everything that the page asks for.
    ann.get_by_role("button", name="Versions", exact=True).click()
    ann.get_by_label("Name of the version").fill("Renewed")
    ann.keyboard.press("Enter")
    expect(ann.locator(".version strong")).to_have_text("Renewed")
