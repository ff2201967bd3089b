"""Chat beside a document: three people, an outage, a long past. Nothing is lost, nothing comes twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from collab.client.sync import connect
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, Route, expect

from tests.browser.pages import SECRET, OpenPage, Screenshot, saved, token, wait_for, words

EVIL = "<img src=x onerror=alert(1)> javascript:alert(1) https://example.org/east."
UNREAD = re.compile(r"\bunread\b")


@pytest.fixture
def signed_in(start_server: Callable[..., CollabServer], tmp_path: Path) -> CollabServer:
    args = ["--auth", "jwt"]
    return start_server(f"sqlite:///{tmp_path}/chat.db", args=args, env={"COLLAB_JWT_SECRET": SECRET})


def address(server: CollabServer, document: str, name: str, role: str = "editor") -> str:
    return f"{server.url}/d/{document}?kind=text#token={token(name=name, role=role)}"


def open_chat(page: Page) -> None:
    page.locator(".chat-button").click()
    expect(page.locator(".chat")).to_be_visible()


def field(page: Page) -> Any:
    return page.get_by_label("Message", exact=True)


def say(page: Page, body: str) -> None:
    field(page).fill(body)
    field(page).press("Enter")


def said(page: Page) -> list[str]:
    return page.locator(".chat-body").all_inner_texts()


def kept(server: CollabServer, document: str) -> list[str]:
    """What the server has of the chat."""
    request = Request(
        f"{server.url}/api/v1/documents/{document}/streams/chat?after=0",
        headers={"Authorization": f"Bearer {token()}"},
    )
    with urlopen(request, timeout=20) as answer:
        return [event["data"]["body"] for event in json.load(answer)["events"]]


def test_three_people_talk_through_an_outage(
    signed_in: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(address(signed_in, "talk", "Ann"))
    saved(ann)
    ben = open_page(address(signed_in, "talk", "Ben", "commenter"), color_scheme="dark")
    cleo = open_page(address(signed_in, "talk", "Cleo", "viewer"))
    for page in (ben, cleo):
        expect(words(page)).to_have_text("View only")
    open_chat(ann)
    expect(field(ann)).to_be_focused()
    say(ann, EVIL)
    # Ben has not looked yet.
    expect(ben.locator(".chat-button")).to_have_class(UNREAD)
    expect(ben.locator(".chat-button")).to_have_accessible_name("Chat, 1 unread")
    open_chat(ben)
    expect(ben.locator(".chat-body")).to_have_text([EVIL])
    expect(ben.locator(".chat-body a")).to_have_attribute("href", "https://example.org/east")
    assert ben.locator(".chat-body img").count() == 0
    expect(ben.locator(".chat-button")).not_to_have_class(UNREAD)
    # Who may comment writes, and calls somebody who is here.
    field(ben).press_sequentially("@a")
    expect(ben.get_by_role("option")).to_have_text("Ann")
    field(ben).press("Enter")
    expect(ann.locator(".chat-typing")).to_have_text("Ben is typing")
    field(ben).press_sequentially("look")
    field(ben).press("Enter")
    expect(ann.locator(".chat-mention.me")).to_have_text("@Ann")
    expect(ann.locator(".chat-typing")).to_have_text("")
    assert kept(signed_in, "talk") == [EVIL, "@[ann] look"]
    # Who may only read reads along.
    open_chat(cleo)
    expect(cleo.locator(".chat-body")).to_have_text([EVIL, "@Ann look"])
    expect(cleo.locator(".chat-reading")).to_be_visible()
    expect(field(cleo)).to_have_count(0)

    signed_in.kill()
    for page in (ann, ben):
        expect(words(page)).to_contain_text("Offline")
    say(ann, "from Ann, offline")
    say(ann, "the same")
    say(ann, "the same")
    say(ben, "from Ben, offline")
    expect(ann.locator(".chat-state")).to_have_count(3)
    expect(ann.locator(".chat-state").first).to_have_text("Kept here, sent when you are back online")
    screenshot(ann, "chat-offline")
    # Ben closes his tab: what waits in his browser goes with the next one.
    ben.close()
    signed_in.start()
    ben = open_page(address(signed_in, "talk", "Ben", "commenter"), beside=ben)
    open_chat(ben)
    everybody = (ann, ben, cleo)
    for page in everybody:
        expect(page.locator(".chat-message:not(.waiting)")).to_have_count(6, timeout=30_000)
        expect(page.locator(".chat-state")).to_have_count(0)
    bodies = kept(signed_in, "talk")
    assert sorted(bodies[2:]) == ["from Ann, offline", "from Ben, offline", "the same", "the same"]
    for page in everybody:
        assert said(page)[2:] == bodies[2:]
    # Nor is anything there twice after a reload.
    ann.reload()
    open_chat(ann)
    expect(ann.locator(".chat-message")).to_have_count(6)
    screenshot(ben, "chat-dark")
    # One takes one's own words back, for everybody.
    own = ann.locator(".chat-message", has_text="from Ann, offline")
    own.hover()
    own.get_by_role("button", name="Take back").click()
    expect(cleo.locator(".chat-message", has_text="Taken back")).to_have_count(1)
    ann.keyboard.press("Escape")
    expect(ann.locator(".chat")).to_have_count(0)


def test_a_long_past_comes_as_one_scrolls(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    with connect(shared_server.url, "long-talk", user={"name": "Script"}) as script:
        for number in range(230):
            script.stream("chat").publish({"body": f"message {number}"})
        phone = {"size": (390, 780), "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
        page = open_page(f"{shared_server.url}/d/long-talk?kind=board", name="Phone", **phone)
        saved(page)
        page.locator(".chat-button").tap()
        expect(page.locator(".chat-message").last).to_have_text(re.compile("message 229$"))
        # It opens at what is new: everything that was loaded.
        log = page.locator(".chat-log")
        log.evaluate("(log) => { log.scrollTop = log.scrollHeight }")
        expect(page.locator(".chat-button")).not_to_have_class(UNREAD)
        shown = "(log) => [...log.querySelectorAll('.chat-message')].find((row) => row.getBoundingClientRect().bottom > log.getBoundingClientRect().top + 4).innerText"
        place = ""
        for _ in range(12):
            if page.locator(".chat-begin").count():
                break
            before = page.locator(".chat-message").count()
            log.evaluate("(log) => { log.scrollTop = 230 }")
            place = log.evaluate(shown)
            wait_for(
                lambda before=before: page.locator(".chat-message").count() > before, "older ones come", timeout=20
            )  # type: ignore[misc]
            assert log.evaluate(shown) == place, "nothing moves under one's eyes"
        expect(page.locator(".chat-begin")).to_have_count(1)
        expect(page.locator(".chat-message")).to_have_count(230)
        bodies = page.locator(".chat-body").all_text_contents()
        assert bodies == [f"message {number}" for number in range(230)]
        # Somebody who reads up there is told of what comes, and not moved.
        at = log.evaluate("(log) => log.scrollTop")
        script.stream("chat").publish({"body": "the newest"})
        expect(page.locator(".chat-news")).to_have_text("1 new message")
        assert log.evaluate("(log) => log.scrollTop") == at
        screenshot(page, "chat-phone")
        page.locator(".chat-news").tap()
        expect(page.locator(".chat-body").last).to_be_in_viewport()
        expect(page.locator(".chat-news")).to_be_hidden()


#: a browser whose notifications a test can read
NOTIFYING = """
    window.shown = []
    window.Notification = class {
        static permission = 'default'
        static requestPermission() { return Promise.resolve(this.permission = 'granted') }
        constructor(title, { body }) { window.shown.push(`${title}: ${body}`) }
        close() {}
    }
"""


def inbox(server: CollabServer, name: str) -> list[tuple[str, bool]]:
    """What stands in somebody's inbox, and whether it is read."""
    request = Request(f"{server.url}/api/v1/inbox", headers={"Authorization": f"Bearer {token(name=name)}"})
    with urlopen(request, timeout=20) as answer:
        return [(entry["type"], entry["read"]) for entry in json.load(answer)["events"]]


def test_who_is_called_is_told(signed_in: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    ben = open_page(address(signed_in, "called", "Ben"))
    saved(ben)
    open_chat(ben)
    ann = open_page(f"{signed_in.url}/#token={token(name='Ann')}", init_script=NOTIFYING)
    bell = ann.locator(".bell > button")
    expect(bell).to_have_accessible_name("Notifications")
    say(ben, "@[ann] look <b>here</b>")
    expect(bell).to_have_accessible_name("Notifications, 1 unread")
    expect(ann.locator(".toast")).to_contain_text("Ben mentioned you: @Ann look <b>here</b>")
    bell.click()
    expect(ann.locator(".bell-entry")).to_contain_text("Ben mentioned you in called@Ann look <b>here</b>")
    screenshot(ann, "notifications")
    # The browser tells only whoever asked for that, and does not look.
    assert ann.evaluate("shown") == []
    ann.get_by_role("button", name="Let this browser tell me too").click()
    expect(ann.get_by_role("button", name="This browser tells me too")).to_be_focused()
    ann.keyboard.press("Escape")
    expect(bell).to_be_focused()
    ann.evaluate("() => { document.hasFocus = () => false }")
    say(ben, "@[ann] again")
    expect(bell).to_have_accessible_name("Notifications, 2 unread")
    assert ann.evaluate("shown") == ["Ben mentioned you: @Ann again"]
    bell.click()
    expect(ann.locator(".bell-entry strong")).to_have_count(2)
    ann.locator(".bell-entry").first.get_by_role("button").click()
    expect(bell).to_have_accessible_name("Notifications, 1 unread")
    # Opening is reading.
    ann.locator(".bell-entry a").last.click()
    expect(ann.locator(".chat-mention.me")).to_have_count(2)
    wait_for(lambda: inbox(signed_in, "Ann") == [("mention", True)] * 2, "both are read", timeout=20)
    # An answer to somebody who is looking at it is read at once.
    ann.locator(".chat-message").last.hover()
    ann.locator(".chat-message").last.get_by_role("button", name="Reply").click()
    expect(ann.locator(".chat-replying")).to_contain_text("Reply to Ben: @Ann again")
    say(ann, "coming")
    expect(ben.locator(".chat-quote")).to_have_text("Ben: @Ann again")
    wait_for(lambda: inbox(signed_in, "Ben") == [("reply", True)], "the answer is read", timeout=20)
    # In a document it is told by a line, which leads there.
    ann.get_by_role("button", name="Close chat").click()
    say(ben, "@[ann] thanks")
    expect(ann.locator(".toast")).to_contain_text("Ben mentioned you: @Ann thanks")
    ann.locator(".toast").get_by_role("button", name="Show").click()
    expect(ann.locator(".chat-body").last).to_have_text("@Ann thanks")
    wait_for(lambda: inbox(signed_in, "Ann")[-1] == ("mention", True), "it is read", timeout=20)
    stranger = open_page(signed_in.url)
    expect(stranger.locator(".no-invitation")).to_be_visible()
    expect(stranger.locator(".bell")).to_have_count(0)


def test_what_is_typed_before_the_conversation_is_loaded_stays(
    signed_in: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_page(address(signed_in, "early", "Ann"), service_workers="block")
    saved(ann)
    held: list[Route] = []
    ann.route(re.compile(r"/assets/panel-[^/]*\.js"), lambda route: held.append(route))
    ann.locator(".chat-button").click()
    # One goes on at once, and Space is a letter.
    ann.keyboard.type("are you there")
    expect(field(ann)).to_have_value("are you there")
    ann.keyboard.press("Enter")
    expect(field(ann)).to_have_value("")
    ann.keyboard.type("I wait hre")
    for _ in range(2):
        ann.keyboard.press("ArrowLeft")
    expect(ann.locator(".chat-loading")).to_be_visible()
    wait_for(lambda: held != [], "the conversation is asked for")
    screenshot(ann, "chat-loading")
    for route in held:
        route.continue_()
    expect(ann.locator(".chat-message:not(.waiting)")).to_have_text([re.compile("are you there")])
    assert kept(signed_in, "early") == ["are you there"]
    expect(field(ann)).to_be_focused()
    ann.keyboard.type("e")
    expect(field(ann)).to_have_value("I wait here")
    ann.keyboard.press("Escape")
    expect(ann.locator(".chat")).to_have_count(0)
    # The keyboard's way in, and what was typed is still there.
    expect(ann.locator(".chat-button")).to_be_focused()
    ann.keyboard.press("Space")
    expect(field(ann)).to_be_focused()
    expect(field(ann)).to_have_value("I wait here")


def test_a_conversation_that_cannot_be_loaded_says_so(signed_in: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(address(signed_in, "unloaded", "Ann"), service_workers="block")
    saved(ann)
    ann.route(re.compile(r"/assets/panel-[^/]*\.js"), lambda route: route.abort())
    open_chat(ann)
    expect(ann.locator(".chat-empty")).to_contain_text("could not be loaded")
    say(ann, "all the same")
    wait_for(lambda: kept(signed_in, "unloaded") == ["all the same"], "what is written is sent")
