"""A document that comes out larger than it may is refused, not cut."""

from __future__ import annotations

import pytest

from collab.content.formats.bounds import MAX_OUTPUT, Output, too_large
from collab.errors import CollabError


def test_what_was_put_comes_out() -> None:
    out = Output("HTML", 6)
    for piece in ("abc", "", "def"):
        out.put(piece)
    assert out.text() == "abcdef"


def test_a_character_too_many_is_refused() -> None:
    out = Output("Markdown", 6)
    out.put("abcd")
    with pytest.raises(CollabError) as refused:
        out.put("efg")
    assert refused.value.code == "document_too_large"
    assert refused.value.detail == {"limit": 6}
    assert out.text() == "abcd"


def test_the_refusal_says_in_which_format_it_is_too_large() -> None:
    words = too_large("SVG", "shapes", 7).message
    assert "As SVG " in words and "7 shapes" in words
    assert "format" in words, "and which ones have all of it"


def test_there_is_a_bound_if_nobody_names_one() -> None:
    out = Output("HTML")
    mebibyte = "x" * 2**20
    for _ in range(MAX_OUTPUT // 2**20):
        out.put(mebibyte)
    with pytest.raises(CollabError):
        out.put("x")
