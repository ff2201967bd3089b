"""What a browser keeps belongs to the person who read it: the next one at the same machine sees nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import SECRET, OpenPage, Screenshot, opens_offline, saved, token, unsaved, words

_EDITOR = ".cm-content"
_WORDS = "for Ann's eyes only"


@pytest.fixture(scope="module")
def guarded() -> Iterator[CollabServer]:
    server = CollabServer("memory://", args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET}).start()
    yield server
    server.kill()


def _write(page: Page, text: str) -> None:
    page.locator(_EDITOR).click()
    page.keyboard.type(text)


def _kept(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-kept", "true")


def _databases(page: Page) -> list[str]:
    found: list[str] = page.evaluate("async () => (await indexedDB.databases()).map(({ name }) => name).sort()")
    return found


def test_the_next_person_sees_nothing_of_the_last_ones(
    guarded: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    url = f"{guarded.url}/d/diary"
    ann = open_page(f"{url}?kind=code#token={token(name='Ann')}")
    saved(ann)
    _write(ann, _WORDS)
    saved(ann)
    _kept(ann)
    ann.locator(".title").fill("Ann's diary")
    ann.locator(".title").press("Enter")
    saved(ann)
    _kept(ann)
    # Somebody without a sign-in, and somebody who may read other documents.
    for sign_in in ("", f"#token={token(name='Ben', documents='ben/*')}"):
        other = open_page(url + sign_in, beside=ann)
        expect(other.locator(".refusal")).to_be_visible()
        assert _WORDS not in other.content()
        assert "diary" in other.title()
        assert "Ann's" not in other.content() + other.title()
        other.keyboard.press("Control+Alt+i")
        other.wait_for_timeout(300)
        expect(other.locator(".inspector")).to_have_count(0)
        if sign_in:
            screenshot(other, "refused")
        other.goto(guarded.url)
        expect(other.locator(".documents-empty")).to_be_visible()
        assert "Ann's" not in other.content()
        other.close()
    # Ann herself has it without a server.
    opens_offline(ann)
    guarded.kill()
    try:
        ann.reload()
        expect(ann.locator(_EDITOR)).to_contain_text(_WORDS)
    finally:
        guarded.start()
    saved(ann)


def test_words_typed_by_one_are_not_sent_by_another(start_server: Any, open_page: OpenPage) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    url = f"{server.url}/d/shared"
    ann = open_page(f"{url}?kind=code#token={token(name='Ann')}")
    saved(ann)
    ben = open_page(f"{url}#token={token(name='Ben')}", beside=ann)
    saved(ben)
    server.kill()
    for page in (ann, ben):
        expect(words(page)).to_have_text(re.compile("^Offline"))
    _write(ann, "by Ann")
    expect(ann.locator(".pill")).not_to_have_attribute("data-unsaved", "0")
    _kept(ann)
    # Another tab of Ann's hears of it at once; Ben's does not.
    twin = open_page(f"{url}#token={token(name='Ann')}", beside=ann)
    expect(twin.locator(_EDITOR)).to_contain_text("by Ann")
    expect(ben.locator(_EDITOR)).not_to_contain_text("by Ann")
    assert unsaved(ben) == 0
    ann.close()
    twin.close()
    server.start()
    saved(ben)
    assert "by Ann" not in ben.locator(_EDITOR).inner_text()
    # Back, signed in as Ann: now it is sent, as hers.
    again = open_page(f"{url}#token={token(name='Ann')}", beside=ben)
    saved(again)
    expect(ben.locator(_EDITOR)).to_contain_text("by Ann")


def test_who_loses_access_sees_no_copy_any_more(start_server: Any, open_page: OpenPage) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    url = f"{server.url}/d/plan"
    ann = open_page(f"{url}?kind=code#token={token(name='Ann')}")
    saved(ann)
    _write(ann, _WORDS)
    saved(ann)
    _kept(ann)
    ann.close()
    again = open_page("about:blank")
    again.close()
    ann = open_page(f"{url}?kind=code#token={token(name='Ann')}")
    expect(ann.locator(_EDITOR)).to_contain_text(_WORDS)
    _kept(ann)
    opens_offline(ann)
    # The same person, with a token that covers something else.
    ann.goto(f"{server.url}/#token={token(name='Ann', documents='other')}")
    expect(ann.locator(".no-invitation")).to_be_visible()
    ann.goto(url)
    expect(ann.locator(".refusal h1")).to_be_visible()
    assert _WORDS not in ann.content()
    # Nor without the server, to whom one could not be refused.
    server.kill()
    ann.reload()
    expect(ann.locator(".refusal h1")).to_be_visible()
    assert _WORDS not in ann.content()
    server.start()
    # Let in again, by a link that is opened in this very tab.
    ann.evaluate(f"() => {{ location.hash = 'token={token(name='Ann')}' }}")
    saved(ann)
    expect(ann.locator(_EDITOR)).to_contain_text(_WORDS)


@pytest.mark.parametrize("before", [None, "Ben"])
def test_a_link_with_a_token_in_a_tab_that_was_refused(
    guarded: CollabServer, open_page: OpenPage, before: str | None
) -> None:
    url = f"{guarded.url}/d/team/a"
    first = "" if before is None else f"#token={token(name=before, documents='nothing')}"
    page = open_page(f"{url}?kind=code{first}")
    expect(page.locator(".refusal")).to_be_visible()
    assert "token" not in page.url
    # As one pastes it into the address bar: the page is not loaded anew for what is behind `#`.
    page.evaluate(f"() => {{ location.hash = 'token={token(name='Ann')}' }}")
    saved(page)
    assert page.url == url
    expect(page.locator(".avatar.own")).to_have_attribute("title", "Ann (you)")
    # In an open tab as well, as somebody else, who has a page of their own.
    page.evaluate(f"() => {{ location.hash = 'token={token(name='Cleo')}' }}")
    expect(page.locator(".avatar.own")).to_have_attribute("title", "Cleo (you)")
    saved(page)
    assert page.url == url
    page.go_back()
    assert "token" not in page.url


def test_home_takes_the_token_of_a_link(guarded: CollabServer, open_page: OpenPage) -> None:
    page = open_page(guarded.url)
    expect(page.locator(".no-invitation")).to_contain_text("This server asks who you are")
    page.evaluate(f"() => {{ location.hash = 'token={token(name='Ann')}' }}")
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator(".card").first).to_be_visible()
    assert "token" not in page.url


def test_signing_out_leaves_nothing_open(start_server: Any, open_page: OpenPage, screenshot: Screenshot) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    url = f"{server.url}/d/desk"
    ann = open_page(f"{url}?kind=code#token={token(name='Ann')}")
    saved(ann)
    _write(ann, _WORDS)
    saved(ann)
    _kept(ann)
    other_tab = open_page(f"{url}#token={token(name='Ann')}", beside=ann)
    saved(other_tab)
    ben = open_page(f"{server.url}/d/bens?kind=code#token={token(name='Ben')}", beside=ann)
    saved(ben)
    ann.get_by_label("Menu").click()
    screenshot(ann, "menu-signed-in")
    ann.get_by_role("menuitem", name="Sign out").click()
    for page in (ann, other_tab):
        expect(page.locator(".no-invitation")).to_be_visible()
        assert page.evaluate("() => sessionStorage.getItem('collab:token')") is None
        page.go_back()
        expect(page.locator(".refusal")).to_be_visible()
        assert _WORDS not in page.content()
    # Another person's tab goes on.
    expect(words(ben)).to_have_text("Saved")
    # Unsaved words are named, and wait for their author.
    server.kill()
    _write(ben, "not sent")
    expect(ben.locator(".pill")).not_to_have_attribute("data-unsaved", "0")
    _kept(ben)
    ben.get_by_label("Menu").click()
    ben.get_by_role("menuitem", name="Sign out").click()
    dialog = ben.get_by_role("dialog", name="Sign out?")
    expect(dialog).to_contain_text("not on the server yet")
    screenshot(ben, "sign-out")
    server.start()
    dialog.get_by_role("button", name="Sign out").click()
    expect(ben.locator(".no-invitation")).to_be_visible()
    ben.goto(f"{server.url}/d/bens#token={token(name='Ben')}")
    saved(ben)
    expect(ben.locator(_EDITOR)).to_contain_text("not sent")


def test_forgetting_the_device(start_server: Any, open_page: OpenPage, screenshot: Screenshot) -> None:
    server = start_server()
    page = open_page(f"{server.url}/d/forgotten?kind=code")
    saved(page)
    _write(page, _WORDS)
    saved(page)
    _kept(page)
    twin = open_page(f"{server.url}/d/forgotten", beside=page)
    saved(twin)
    assert _databases(page) == ["collab:forgotten"]
    page.get_by_label("Menu").click()
    page.get_by_role("menuitem", name="Forget this device").click()
    dialog = page.get_by_role("dialog", name="Forget this device?")
    expect(dialog).to_contain_text("Documents on the server stay")
    screenshot(page, "forget-device")
    dialog.get_by_role("button", name="Forget everything here").click()
    for each in (page, twin):
        expect(each).to_have_url(f"{server.url}/")
        expect(each.locator(".cards")).to_be_visible()
    assert _databases(page) == []
    # This test's own script names the person anew on every page.
    kept = page.evaluate("() => Object.keys(localStorage).filter((key) => key.startsWith('collab:')).sort()")
    assert kept in ([], ["collab:hint-dismissed", "collab:me"])
    page.goto(f"{server.url}/d/forgotten")
    saved(page)
    expect(page.locator(_EDITOR)).to_contain_text(_WORDS)
