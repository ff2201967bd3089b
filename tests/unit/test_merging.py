"""Merged updates say what they said alone, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.documents.merging import merge


def keystrokes(count: int) -> list[bytes]:
    """An update for each letter that is typed."""
    updates: list[bytes] = []
    doc: Doc[Any] = Doc()
    doc.observe(lambda event: updates.append(event.update))
    text = doc.get("body", type=Text)
    for number in range(count):
        text.insert(number, "abc"[number % 3])
    return updates


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 4097])
def test_merged_updates_say_what_they_said_alone(count: int) -> None:
    updates = keystrokes(count)
    alone, together = Doc[Any](), Doc[Any]()
    for update in updates:
        alone.apply_update(update)
    together.apply_update(merge(updates))
    assert (
        str(together.get("body", type=Text))
        == str(alone.get("body", type=Text))
        == "".join("abc"[n % 3] for n in range(count))
    )
    assert together.get_state() == alone.get_state()
