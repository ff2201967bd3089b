"""Updates that Yjs writes for honest edits (``tests/data/honest-updates.json``), and what it reads in them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[1] / "data" / "honest-updates.json"


@dataclass(frozen=True, slots=True)
class HonestCase:
    """``updates``, in order; ``content``: root -> what the server has to read in it after them.

    Of a text that has attributes too, it has the words: Yjs 13 shows nothing else of it.
    """

    name: str
    updates: tuple[bytes, ...]
    content: dict[str, Any]


def honest_cases() -> list[HonestCase]:
    """All of them."""
    return [
        HonestCase(
            case["name"],
            tuple(base64.b64decode(update) for update in case["updates"]),
            {root: _as_read(kind, case["expect"][root]) for root, kind in case["roots"].items()},
        )
        for case in json.loads(_FILE.read_text())["cases"]
    ]


def as_yjs_shows(content: Any) -> Any:
    """What the server read in a root, as Yjs 13 shows it: the words alone of a text that has attributes."""
    if isinstance(content, dict) and set(content) == {"attrs", "children"}:
        return "".join(content["children"])
    return content


def _as_read(kind: str, expected: Any) -> Any:
    return "".join(piece["insert"] for piece in expected) if kind == "text" else expected
