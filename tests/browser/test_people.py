"""Who is who: everybody keeps a colour and a name, and no two people share a colour."""

from __future__ import annotations

import re
from typing import Any

import pytest

from collab.client.sync import connect
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import (
    SECRET,
    OpenPage,
    Screenshot,
    content,
    draw,
    opens_offline,
    saved,
    token,
    wait_for,
    words,
)


def _wish(name: str) -> int:
    """Which of the twelve colours an id would have, as `people.ts` computes it."""
    hashed = 0x811C9DC5
    for letter in name:
        hashed = ((hashed ^ ord(letter)) * 0x01000193) & 0xFFFFFFFF
    return hashed % 12


def _alike(count: int) -> list[str]:
    """Names that all want one colour."""
    names = [f"{first}{second}" for first in "ABCDEFGHIJKLM" for second in "aeiou"]
    wanted = _wish(names[0])
    return [name for name in names if _wish(name) == wanted][:count]


_FACES = """() => Object.fromEntries([...document.querySelectorAll('.avatar:not(.more)')].map((face) =>
    [face.title.replace(/ .*/, ''), face.style.getPropertyValue('--person')]))"""


def _faces(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(_FACES)
    return found


def test_no_two_people_in_one_colour(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    names = _alike(5)
    url = f"{shared_server.url}/d/colours?kind=board"
    pages = {}
    for name in names[:3]:
        pages[name] = open_page(url, name=name)
        saved(pages[name])
    first = names[0]
    before = _faces(pages[first])[first]
    # Two who come at the same moment, and somebody without a page.
    for name in names[3:]:
        pages[name] = open_page(url, name=name)
    for page in pages.values():
        saved(page)
    with connect(shared_server.url, "colours", user={"name": "Script", "color": before}) as session:
        session.presence.set({"here": True})

        def settled() -> bool:
            seen = [_faces(page) for page in pages.values()]
            shown = [{name: seen[0].get(name) for name in names}]
            return all(len(faces) == 6 and len(set(faces.values())) == 6 for faces in seen) and all(
                {name: faces[name] for name in names} == shown[0] for faces in seen
            )

        try:
            wait_for(settled, "six colours for six people, the same on all pages", timeout=20)
        except AssertionError as error:
            raise AssertionError(str([_faces(page) for page in pages.values()])) from error
        assert _faces(pages[first])[first] == before, "who was there keeps theirs"
        screenshot(pages[first], "people-colours")
    # A second window of one person is that person.
    twin = open_page(url, beside=pages[first])
    saved(twin)
    expect(twin.locator(".avatar")).to_have_count(6)
    assert _faces(twin)[first] == before


def test_one_stays_who_one_is_when_the_sign_in_expires(start_server: Any, open_page: OpenPage) -> None:
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    ann = open_page(f"{server.url}/d/expires?kind=code#token={token(10)}", name="Somebody")
    saved(ann)
    before = _faces(ann)
    assert list(before) == ["Ann"]
    expect(words(ann)).to_have_text("Sign-in expired", timeout=30_000)
    assert _faces(ann) == before
    ann.reload()
    expect(words(ann)).to_have_text("Sign-in expired")
    assert _faces(ann) == before
    # Offline as well.
    opens_offline(ann)
    server.kill()
    ann.reload()
    expect(words(ann)).to_have_text(re.compile("^Offline"))
    assert _faces(ann) == before


def test_what_is_drawn_on_a_new_board_has_an_author(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/first-shapes?kind=board")
    saved(ann)
    draw(ann, "r", (300, 200), (400, 300))
    draw(ann, "o", (500, 200), (600, 300))
    saved(ann)
    assert [author["name"] for author in content(shared_server, "first-shapes")["authors"].values()] == ["Ann"]
    ann.keyboard.press("Control+Alt+i")
    ann.get_by_role("tab", name="connection").click()
    (own,) = content(shared_server, "first-shapes")["authors"]
    expect(ann.locator(".facts")).to_contain_text(own)
