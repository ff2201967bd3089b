"""Composed letters with three people at work: equal on all pages and on the server, everybody's words whole."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.boards import Board, put
from tests.browser.composing import Hand, play
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, content, operate, saved, wait_for

#: more of them in a long run
_SEEDS = int(os.environ.get("COLLAB_COMPOSING_SEEDS", "2"))
_MARKS = ("A:", "B:", "C:")
_START = "A:\nB:\nC:"


def _in_code(server: CollabServer, open_page: OpenPage, name: str) -> tuple[list[Page], Callable[[Page], str]]:
    operate(
        server,
        name,
        [
            {"op": "map.set", "path": "/meta/kind", "value": "code"},
            {"op": "text.insert", "path": "/body", "index": 0, "text": _START},
        ],
    )
    pages = []
    for row, mark in enumerate(_MARKS):
        page = open_page(f"{server.url}/d/{name}", name=mark[0])
        saved(page)
        page.locator(".cm-content").click()
        page.keyboard.press("Control+Home")
        for _ in range(row):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("End")
        pages.append(page)
    # Without the names at others' carets.
    lines = """() => {
        const shown = document.querySelector('.cm-content').cloneNode(true)
        for (const caret of shown.querySelectorAll('[contenteditable=false], .caret')) caret.remove()
        return [...shown.querySelectorAll('.cm-line')].map((line) => line.textContent.replaceAll('\u2060', '')).join('\\n')
    }"""
    return pages, lambda page: str(page.evaluate(lines))


def _in_a_note(server: CollabServer, open_page: OpenPage, name: str) -> tuple[list[Page], Callable[[Page], str]]:
    put(server, name, {"n": {"type": "note", "x": -100, "y": -100, "w": 200, "h": 200, "text": ""}})
    pages = []
    for row, mark in enumerate(_MARKS):
        board = Board(open_page, server, name, name=mark[0])
        page = board.page
        page.mouse.dblclick(*board.at(0, 0))
        area = page.locator(".board-text")
        expect(area).to_be_focused()
        if row == 0:
            page.keyboard.insert_text(_START)
            saved(page)
        expect(area).to_have_value(_START)
        page.keyboard.press("Control+Home")
        for _ in range(row):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("End")
        pages.append(page)
    return pages, lambda page: page.locator(".board-text").input_value()


def _code_on(server: CollabServer, name: str) -> str:
    return str(content(server, name)["body"])


def _note_on(server: CollabServer, name: str) -> str:
    return str(content(server, name)["board"]["shapes"]["n"]["text"])


@pytest.mark.parametrize("seed", range(_SEEDS))
@pytest.mark.parametrize(("begin", "stored"), [(_in_code, _code_on), (_in_a_note, _note_on)], ids=["code", "note"])
def test_three_people_compose_at_once(
    shared_server: CollabServer, open_page: OpenPage, begin: Any, stored: Any, seed: int
) -> None:
    name = f"compose{begin.__name__}-{seed}"
    chance = random.Random(seed)
    pages, shown = begin(shared_server, open_page, name)
    hands = [Hand(page, mark) for page, mark in zip(pages, _MARKS, strict=True)]
    for number, hand in enumerate(hands):
        # Two compose, the third writes as on a desk; once all compose.
        hand.plan(chance, 4, composes=number < 2 or seed % 2 == 0)
    play(hands, chance)
    for page in pages:
        saved(page)
    expected = "\n".join(hand.mark + hand.written for hand in hands)
    wait_for(lambda: stored(shared_server, name) == expected, f"{stored(shared_server, name)!r} is {expected!r}")
    for page in pages:
        wait_for(lambda page=page: shown(page) == expected, f"{shown(page)!r} is {expected!r}")  # type: ignore[misc]


def test_a_note_is_composed_within_words_of_others(shared_server: CollabServer, open_page: OpenPage) -> None:
    """What was seen: the syllable stays behind when the word is there."""
    board = Board(open_page, shared_server, "syllable")
    board.put(n={"type": "note", "x": -100, "y": -100, "w": 200, "h": 200, "text": ""})
    board.page.mouse.dblclick(*board.at(0, 0))
    expect(board.page.locator(".board-text")).to_be_focused()
    ben = Board(open_page, shared_server, "syllable", name="Ben")
    ben.page.mouse.dblclick(*ben.at(0, 0))
    ann = Hand(board.page, "")
    for shown in ("ｎ", "に"):
        ann.compose(shown)
    expect(ben.page.locator(".board-text")).to_have_value("に")
    ben.page.keyboard.press("Home")
    ben.page.keyboard.type("first ")
    saved(ben.page)
    board.page.wait_for_timeout(200)
    expect(board.page.locator(".board-text")).to_have_value("に")
    for shown in ("にほ", "にほん", "日本"):
        ann.compose(shown)
    # Enter belongs to the keyboard meanwhile: it chooses a word, and ends nothing.
    board.page.locator(".board-text").evaluate(
        "(area) => area.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'Enter', ctrlKey: true, isComposing: true, bubbles: true }))"
    )
    ann.commit("日本")
    expect(board.page.locator(".board-text")).to_have_value("first 日本")
    board.page.keyboard.type("!")
    expect(ben.page.locator(".board-text")).to_have_value("first 日本!")
    board.press("Escape")
    board.until(lambda shapes: shapes["n"]["text"] == "first 日本!", "the words on the server")


def test_a_title_is_composed(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/titled?kind=code")
    saved(ann)
    title = ann.locator(".title")
    title.click()
    ann.keyboard.press("Control+a")
    hand = Hand(ann, "")
    hand.compose("にほん")
    # Somebody else renames it meanwhile, and the keyboard asks for Enter and Escape.
    operate(shared_server, "titled", [{"op": "map.set", "path": "/meta/title", "value": "by a script"}])
    expect(ann).to_have_title("by a script - collab")
    for key in ("Enter", "Escape"):
        title.evaluate(
            "(field, key) => field.dispatchEvent(new KeyboardEvent('keydown',"
            " { key, isComposing: true, bubbles: true }))",
            key,
        )
    hand.compose("日本")
    hand.commit("日本")
    expect(title).to_be_focused()
    expect(title).to_have_value("日本")
    ann.keyboard.press("Enter")
    expect(ann).to_have_title("日本 - collab")
    saved(ann)
    ann.goto(shared_server.url)
    search = ann.locator("input[type=search]")
    search.click()
    hand = Hand(ann, "")
    for shown in ("に", "にほん", "日本"):
        hand.compose(shown)
    hand.commit("日本")
    expect(search).to_have_value("日本")
    expect(ann.locator(".document-row")).to_have_count(1)
