"""The status pill, row by row, with a server that says on the wire what real ones say on bad days; and the toasts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from collab.client.sync import connect
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import STRANGER, OpenPage, Screenshot, Wire, saved, words, write


def dot(page: Page, tone: str) -> None:
    """Wait for the dot's meaning: idle is grey, then good, warn, bad and info."""
    expect(page.locator(".pill")).to_have_attribute("data-tone", tone)


def test_connecting_and_loading_are_told_apart(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    wire = Wire(page)
    wire.withheld = lambda message: True
    page.goto(f"{shared_server.url}/d/first")
    expect(words(page)).to_have_text("Connecting...")
    dot(page, "idle")
    expect(page.locator(".skeleton")).to_be_visible()
    # Everything but the answer to the first sync.
    wire.release()
    wire.withheld = lambda message: message.startswith(("43", "461-"))
    expect(words(page)).to_have_text("Loading document...")
    dot(page, "idle")
    wire.release()
    saved(page)
    dot(page, "good")
    expect(page.locator(".skeleton")).to_be_hidden()


def test_what_the_server_says_while_connected(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    wire = Wire(page)
    page.goto(f"{shared_server.url}/d/rows?kind=text")
    saved(page)
    spoken = page.locator(".pill-wrapper [role=status]")
    expect(spoken).to_have_attribute("aria-live", "polite")
    expect(spoken).to_have_text("Saved")

    # Acks are withheld: it is not saved, and a screen reader hears of it once that lasts.
    wire.withheld = lambda message: message.startswith("43")
    write(page, "one ")
    expect(words(page)).to_have_text("Saving...")
    dot(page, "good")
    expect(spoken).to_have_text("Saving...")
    wire.notice("rows", "storage_unavailable")
    expect(words(page)).to_have_text(re.compile(r"Not saved yet: \d changes? waiting for the server's disk"))
    dot(page, "warn")
    wire.notice("rows", "storage_unavailable", resolved=True)
    expect(words(page)).to_have_text("Saving...")
    wire.release()
    saved(page)
    expect(spoken).to_have_text("Saved")

    wire.notice("rows", "lagging")
    expect(words(page)).to_have_text("Catching up...")
    dot(page, "idle")
    write(page, "two ")
    expect(words(page)).to_have_text("Catching up...")
    # The diff that ends it: here, any update.
    other = open_page(f"{shared_server.url}/d/rows", name="Ben")
    saved(other)
    write(other, "three")
    expect(page.locator(".ProseMirror")).to_contain_text("three")
    saved(page)

    wire.notice("rows", "draining")
    expect(words(page)).to_have_text("Server is moving, hold on...")
    dot(page, "warn")


def test_a_refusal_says_why_and_what_to_do(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page("about:blank", init_script=STRANGER)
    wire = Wire(page)
    reason = {"code": "document_full", "message": "This document is full: 50 people are here.", "retryable": False}
    refusal = "44/doc/full," + json.dumps({"message": reason["message"], "data": reason})
    wire.rewrite(lambda message: refusal if message.startswith("40/doc/full") else message)
    page.goto(f"{shared_server.url}/d/full")
    expect(words(page)).to_have_text("This document is full: 50 people are here. Try again in a minute.")
    dot(page, "bad")
    expect(page.locator(".refusal")).to_contain_text("Try again in a minute.")
    expect(page.locator(".refusal .small")).to_have_text("document_full")
    expect(page.locator(".hint")).to_have_count(0)


def test_a_full_document_says_so_and_opens_when_there_is_room(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot
) -> None:
    server = start_server(args=["--max-participants", "2"])
    ann, ben = (open_page(f"{server.url}/d/full?kind=text", name=name) for name in ("Ann", "Ben"))
    write(ann, "by two ")
    saved(ann)
    saved(ben)
    cleo = open_page("about:blank", name="Cleo", init_script=STRANGER)
    cleo.clock.install()
    cleo.goto(f"{server.url}/d/full?kind=text")
    reason = "This document is full: 2 people are here. Try again in a minute."
    expect(words(cleo)).to_have_text(re.compile(rf"^{re.escape(reason)} Retrying in \d+ s$"))
    dot(cleo, "bad")
    expect(cleo.locator(".refusal h1")).to_have_text(reason)
    expect(cleo.locator(".skeleton, .ProseMirror, .hint")).to_have_count(0)
    screenshot(cleo, "full")
    # Refused once more, the page does not blink: who is on a button stays there.
    again = cleo.locator(".refusal").get_by_role("button", name="Try now")
    again.press("Enter")
    expect(words(cleo)).to_have_text(re.compile(r"Retrying in \d+ s$"))
    expect(again).to_be_focused()
    ben.context.close()
    cleo.clock.fast_forward(75_000)
    expect(cleo.locator(".ProseMirror")).to_have_text("by two ")
    expect(cleo.locator(".refusal")).to_have_count(0)
    saved(cleo)


def test_too_many_connections_keep_what_is_written_here(
    start_server: Callable[..., CollabServer], open_page: OpenPage
) -> None:
    server = start_server(args=["--max-connections-per-ip", "1"])
    ann = open_page(f"{server.url}/d/crowded?kind=text")
    saved(ann)
    write(ann, "a copy")
    saved(ann)
    expect(ann.locator("body")).to_have_attribute("data-kept", "true")
    ann.goto("about:blank")
    saved(open_page(f"{server.url}/d/other?kind=text", name="Ben"))
    ann.goto(f"{server.url}/d/crowded")
    expect(words(ann)).to_have_text(
        re.compile(r"^There are too many connections from your address. Close some tabs. Retrying in \d+ s$")
    )
    expect(ann.locator(".ProseMirror")).to_have_text("a copy")
    write(ann, "!")
    expect(words(ann)).to_contain_text("2 changes kept here.")


def test_an_edit_that_is_refused_stays_and_is_said_to_be_unsaved(
    shared_server: CollabServer, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    wire = Wire(page)
    page.goto(f"{shared_server.url}/d/too-large?kind=text")
    saved(page)
    fault = {"code": "document_too_large", "message": "This document is as large as it may be.", "retryable": False}
    answer = json.dumps([{"ok": False, "error": fault}])
    wire.rewrite(lambda message: re.sub(r"^(43/doc/too-large,\d+)\[.*", lambda found: found[1] + answer, message))
    write(page, "too much")
    expect(words(page)).to_contain_text("Not saved: This document is as large as it may be.")
    dot(page, "bad")
    expect(page.locator(".ProseMirror")).to_have_text("too much")
    expect(page.locator(".toast code")).to_have_text("document_too_large")


def test_a_toast_that_waits_for_an_answer_is_not_pushed_out(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    wire = Wire(page)
    page.goto(f"{shared_server.url}/d/sticky?kind=text")
    saved(page)
    for code in ("token_expired", "rate_limited", "internal", "not_found", "forbidden"):
        wire.notice("sticky", code)
    expect(page.locator(".toast code")).to_have_text(["token_expired", "not_found", "forbidden"])


def test_on_a_phone_the_words_of_a_toast_have_the_width(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page("about:blank", size=(390, 780))
    wire = Wire(page)
    page.goto(f"{shared_server.url}/d/narrow?kind=text")
    saved(page)
    message = "The server has lost touch with its neighbours; changes reach others later."
    wire.notice("narrow", "cluster_degraded", message=message)
    toast = page.locator(".toast-words")
    expect(toast).to_have_text(message)
    lines = toast.evaluate("(element) => element.clientHeight / parseFloat(getComputedStyle(element).lineHeight)")
    assert lines <= 2
    expect(page.locator(".toast code")).to_be_visible()


def test_at_most_three_toasts_and_one_of_a_kind(shared_server: CollabServer, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    wire = Wire(page)
    page.goto(f"{shared_server.url}/d/toasts?kind=text")
    saved(page)
    for code in ("rate_limited", "cluster_degraded", "internal", "rate_limited", "not_found", "forbidden"):
        wire.notice("toasts", code)
    toasts = page.locator(".toast")
    expect(toasts).to_have_count(3)
    expect(toasts.locator("code")).to_have_text(["rate_limited", "not_found", "forbidden"])
    expect(page.locator(".toasts")).to_have_attribute("aria-live", "polite")
    toasts.first.get_by_role("button", name="Dismiss").click()
    expect(toasts).to_have_count(2)
    # They leave by themselves.
    expect(toasts).to_have_count(0, timeout=20_000)


LONG = "A title as long as people give them to what they write together"


@pytest.mark.parametrize(("width", "others"), [(390, 2), (800, 5)])
def test_the_title_and_the_faces_give_way_to_the_status(
    start_server: Callable[..., CollabServer], open_page: OpenPage, screenshot: Screenshot, width: int, others: int
) -> None:
    server = start_server()
    page = open_page(f"{server.url}/d/narrow?kind=text", size=(width, 780))
    saved(page)
    page.locator(".title").fill(LONG)
    page.keyboard.press("Enter")
    with ExitStack() as everybody:
        for at in range(others):
            session = everybody.enter_context(connect(server.url, "narrow", user={"name": f"Guest {at}"}))
            session.presence.set({"here": True})
        faces = page.locator(".faces .avatar")
        expect(faces).to_have_count(others)
        saved(page)
        in_full(page)
        rows = faces.evaluate_all("(faces) => new Set(faces.map((face) => face.offsetTop)).size")
        assert rows == 1, "everybody is seen while the title can still give way"
        page.evaluate("() => { document.querySelector('.pill-words').textContent = 'View only · slow connection' }")
        in_full(page)
        screenshot(page, f"narrow-{width}")
    server.kill()
    expect(words(page)).to_have_text(re.compile("^Offline"))
    write(page, "thirteen more")
    expect(words(page)).to_contain_text("kept here")
    in_full(page)
    expect(page.get_by_role("button", name="Try now")).to_be_in_viewport(ratio=1)
    assert page.locator(".stage").bounding_box()["y"] >= page.locator(".pill").bounding_box()["y"] + 28  # type: ignore[index]
    screenshot(page, f"narrow-{width}-offline")


def in_full(page: Page) -> None:
    """The words of the pill are not cut off, and nothing of the bar sticks out at the side."""
    cut = "(element) => [element.scrollWidth - element.clientWidth, element.scrollHeight - element.clientHeight]"
    assert page.locator(".pill-words").evaluate(cut) == [0, 0], page.locator(".pill-words").inner_text()
    assert page.locator(".top-bar").evaluate("(element) => element.scrollWidth - element.clientWidth") <= 0
