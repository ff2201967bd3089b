"""Which addresses leave a document."""

from __future__ import annotations

from typing import Any

import pytest

from collab.content.formats.addresses import MAX_LINK, safe_link, safe_picture

_PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("address", "link", "picture"),
    [
        ("https://x.org/a?b=1#c", True, True), ("HTTP://x.org", True, True), ("//x.org/a", True, True),
        ("/a:b", True, True), ("a/b", True, True), ("#top", True, True), ("?a:b", True, True),
        ("mailto:a@b.c", True, False), ("tel:+1", True, False), (_PICTURE, False, True),
        ("data:image/svg+xml;base64,AA==", False, False), ("data:image/png,AA", False, False), (_PICTURE + '"', False, False),
        ("javascript:x", False, False), ("JAVASCRIPT:x", False, False), (" javascript:x", False, False),
        ("\u00a0javascript:x", False, False), ("java\tscript:x", False, False), ("java\nscript:x", False, False),
        ("\x01javascript:x", False, False), ("java\u00adscript:x", False, False), ("vbscript:x", False, False),
        ("file:///etc/passwd", False, False), ("blob:https://x.org/1", False, False), ("a:b", False, False),
        ("javascript&colon;x", True, True), ("https://x.org/\u202efdp", False, False),
        ("", False, False), ("  ", False, False), (None, False, False), (7, False, False), ({}, False, False),
        ("https://x.org/" + "a" * MAX_LINK, False, False),
    ],
)  # fmt: skip
def test_by_list(address: Any, link: bool, picture: bool) -> None:
    assert (safe_link(address) is not None) == link
    assert (safe_picture(address) is not None) == picture


def test_what_browsers_drop_is_dropped() -> None:
    assert safe_link(" https://x.org/a\tb\n ") == "https://x.org/ab"
