"""What ``scripts/fuzz`` gives to readers: its seeds are read, and its oracles see what they are for."""

from __future__ import annotations

import random

import pytest
from fuzzing import targets
from fuzzing.seeds import seeds
from fuzzing.targets import TARGETS, one

from collab.content.formats.markdown_reader import read_markdown
from collab.documents.document import Document


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_what_is_almost_them(target: str) -> None:
    rng = random.Random(target)
    given = list(seeds(target)) or [bytes(rng.randrange(256) for _ in range(30)) for _ in range(20)]
    for seed in given:
        one(target, seed)
        for _ in range(3):
            changed = bytearray(seed)
            if changed:
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            one(target, bytes(changed))


def test_a_document_that_does_not_survive_a_start_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Document().snapshot()
    monkeypatch.setattr(Document, "snapshot", lambda self: empty)
    with pytest.raises(AssertionError):
        one("update", next(seeds("update")))


def test_a_script_that_gets_through_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "write_html", lambda blocks: "<p><a href=' javascript:alert(1)'>x</a></p>")
    with pytest.raises(AssertionError):
        one("markdown", b"x")


def test_markdown_that_changes_each_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "read_markdown", lambda text: [*read_markdown(text), *read_markdown("more")])
    with pytest.raises(AssertionError):
        one("markdown", b"x")
