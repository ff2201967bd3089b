"""Nothing is lost while somebody composes in the very line that others write in."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from pycrdt import Text, XmlFragment

from collab.client.sync import connect
from tests.browser.composing import Hand, play
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, saved, wait_for

#: more of them in a long run
_SEEDS = int(os.environ.get("COLLAB_COMPOSING_SEEDS", "3"))
PEOPLE = ("Ann", "Ben", "Cleo")
MARKS = ("<1>", "<2>", "<3>")
EDITORS = {"text": ".ProseMirror", "code": ".cm-content"}
LINES = {"text": ".ProseMirror p", "code": ".cm-line"}


def words_of(kind: str, document: Any) -> str:
    """The first line, as the server has it."""
    if kind == "code":
        return str(document.get("body", type=Text)).split("\n")[0]
    first = document.get("content", type=XmlFragment).children[0]
    return "".join(str(part) for part in first.children)


def line(page: Page, kind: str) -> str:
    """The first line on a page, without what is drawn into it."""
    words: str = page.locator(LINES[kind]).first.evaluate(
        """(line) => {
            const copy = line.cloneNode(true)
            copy.querySelectorAll('[contenteditable=false], .cm-widgetBuffer').forEach((part) => part.remove())
            return copy.textContent.replaceAll('\\u2060', '')
        }"""
    )
    return words


@pytest.mark.parametrize("seed", range(_SEEDS))
@pytest.mark.parametrize("kind", ["text", "code"])
def test_three_people_compose_in_one_line(
    shared_server: CollabServer, open_page: OpenPage, kind: str, seed: int
) -> None:
    name = f"one-line-{kind}-{seed}"
    pages: list[Page] = []
    for person in PEOPLE:
        pages.append(open_page(f"{shared_server.url}/d/{name}?kind={kind}", name=person))
        saved(pages[-1])
    pages[0].locator(EDITORS[kind]).click()
    pages[0].keyboard.insert_text("".join(MARKS))
    chance = random.Random(seed)
    hands = []
    for number, page in enumerate(pages):
        wait_for(lambda page=page: line(page, kind) == "".join(MARKS), "the line is there", 20)  # type: ignore[misc]
        page.locator(EDITORS[kind]).click()
        page.keyboard.press("Home")
        for _ in range(len("".join(MARKS[: number + 1]))):
            page.keyboard.press("ArrowRight")
        hands.append(Hand(page, MARKS[number]))
        hands[-1].plan(chance, 4, composes=number < 2 or seed % 2 == 0)
    play(hands, chance)
    whole = "".join(hand.mark + hand.written for hand in hands)
    for page in pages:
        wait_for(lambda page=page: line(page, kind) == whole, f"the line is not {whole}", 20)  # type: ignore[misc]
        saved(page)
    with connect(shared_server.url, name) as script:
        wait_for(lambda: words_of(kind, script.doc) == whole, "the server has the same words")


def test_two_begin_in_one_empty_line(shared_server: CollabServer, open_page: OpenPage) -> None:
    """Who is first in an empty line is not known before both have written."""
    pages = [open_page(f"{shared_server.url}/d/one-line?kind=text", name=person) for person in PEOPLE[:2]]
    for page in pages:
        saved(page)
    pages[0].locator(".ProseMirror").click()
    pages[0].keyboard.type("above\n")
    for page in pages:
        expect(page.locator(".ProseMirror p")).to_have_count(2)
        page.locator(".ProseMirror p").nth(1).click()
    # Nothing of the other arrives while they type.
    for page in pages:
        page.context.set_offline(True)
    for page, words in zip(pages, ("heron", "river"), strict=True):
        page.keyboard.type(words)
    for page in pages:
        page.context.set_offline(False)
    lines = [page.locator(".ProseMirror p").nth(1) for page in pages]
    wait_for(lambda: len(lines[0].inner_text()) == len(lines[1].inner_text()) == 10, "both have both words", 40)
    assert lines[0].inner_text() == lines[1].inner_text()
    assert "heron" in lines[0].inner_text() and "river" in lines[0].inner_text()
