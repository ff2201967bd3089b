"""Which addresses leave in a document's links and pictures: a list of what is good, not of what is bad."""

from __future__ import annotations

import re
from typing import Final

#: letters of a link; what is longer is a mistake or an attack
MAX_LINK: Final = 8192
_LINKS: Final = frozenset({"http", "https", "mailto", "tel"})
_PICTURES: Final = frozenset({"http", "https"})
_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]*={0,2}")
# Browsers drop these wherever they stand in an address.
_DROPPED = re.compile("[\t\n\r]")
# A control character or one that shows nothing has no place in an address but to deceive.
_DECEIT = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_BEFORE_PATH = re.compile(r"[^/?#]*")


def safe_link(address: object) -> str | None:
    """The address as it may stand in a link: relative, or http, https, mailto, tel; else None."""
    return _with_scheme(address, _LINKS)


def safe_picture(address: object) -> str | None:
    """The address as it may stand in a picture: relative, http, https, or the data of a usual picture; else None."""
    if isinstance(address, str) and _DATA.fullmatch(address):
        return address
    return _with_scheme(address, _PICTURES)


def _with_scheme(address: object, allowed: frozenset[str]) -> str | None:
    if not isinstance(address, str) or len(address) > MAX_LINK:
        return None
    cleaned = _DROPPED.sub("", address).strip()
    if not cleaned or _DECEIT.search(cleaned):
        return None
    # What stands before a colon is a scheme, unless the colon is part of a path.
    head = _BEFORE_PATH.match(cleaned)
    scheme, colon, _ = head[0].partition(":") if head else ("", "", "")
    if colon and scheme.lower() not in allowed:
        return None
    return cleaned
