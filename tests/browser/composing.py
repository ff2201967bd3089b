"""Letters that are composed, as in Japanese or on a phone's keyboard, by several people at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page

#: what a keyboard shows on the way to a word, and the word
WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("ｎ", "に", "にｈ", "にほ", "にほｎ", "にほん", "日本"), "日本"),
    (("ｋ", "か", "かｎ", "かん", "かんｊ", "かんじ", "漢字"), "漢字"),
    (("h", "he", "hel", "hell", "hello"), "hello"),
    (("f", "fr", "fro", "form", "from"), "from"),
    (("ㅎ", "하", "한"), "한"),
    (("p", "ph", "pho", "phon", "phone"), "phone"),
)


@dataclass
class Hand:
    """Somebody's keyboard on a page, whose caret stands where they write.

    Attributes:
        steps: what is still to be done, one key at a time.
        written: what they will have written, without a gap.
    """

    page: Page
    mark: str
    steps: list[Callable[[], None]] = field(default_factory=list)
    written: str = ""
    _tools: Any = None

    def __post_init__(self) -> None:
        self._tools = self.page.context.new_cdp_session(self.page)

    def compose(self, text: str) -> None:
        """Show ``text`` as what is being composed."""
        caret = len(text.encode("utf-16-le")) // 2
        self._tools.send("Input.imeSetComposition", {"text": text, "selectionStart": caret, "selectionEnd": caret})

    def commit(self, text: str) -> None:
        """Put ``text`` in the place of what is being composed; that ends it."""
        self._tools.send("Input.insertText", {"text": text})

    def plan(self, chance: random.Random, words: int, *, composes: bool = True) -> None:
        """Prepare some words, each with a space behind it."""
        for _ in range(words):
            shown, word = chance.choice(WORDS)
            if composes:
                self.steps += [lambda text=text: self.compose(text) for text in shown]  # type: ignore[misc]
                self.steps.append(lambda word=word: self.commit(word))  # type: ignore[misc]
            else:
                self.steps += [lambda letter=letter: self.page.keyboard.type(letter) for letter in word]  # type: ignore[misc]
            self.steps.append(lambda: self.page.keyboard.type("."))
            self.written += word + "."


def play(hands: Sequence[Hand], chance: random.Random) -> None:
    """Do everything that is prepared, one key of somebody at a time, in any order."""
    while waiting := [hand for hand in hands if hand.steps]:
        hand = chance.choice(waiting)
        hand.steps.pop(0)()
        if chance.random() < 0.3:
            # Long enough for what was sent to arrive in the middle of a word.
            hand.page.wait_for_timeout(chance.randrange(40))
