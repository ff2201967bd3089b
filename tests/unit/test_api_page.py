"""The readable page of the HTTP API: all of it, well-formed, and nothing runs on it."""

from __future__ import annotations

import copy
from html.parser import HTMLParser
from typing import Any

from collab.doors.http.api_page import api_page
from collab.doors.http.openapi import OPERATIONS, PREFIX, ROUTES, openapi_document
from collab.errors import CODES

DOCUMENT = openapi_document()


class Page(HTMLParser):
    """What stands on a page; everything that is opened has to be closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.files: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if tag == "link":
            self.files.append(given.get("href") or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag not in ("meta", "link", "br", "hr", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


PAGE = Page(api_page(DOCUMENT))
TEXT = " ".join(PAGE.words)


def test_every_route_operation_and_code_stands_on_it() -> None:
    for route in ROUTES:
        assert route.name in PAGE.ids
        assert route.summary in TEXT
        assert route.path in TEXT
    for code in CODES:
        assert code in TEXT
    for op in OPERATIONS:
        assert op in TEXT
    assert PREFIX in TEXT
    assert DOCUMENT["info"]["version"] in TEXT


def test_links_lead_to_a_place_on_it_or_to_us() -> None:
    assert len(set(PAGE.ids)) == len(PAGE.ids)
    for link in PAGE.links:
        assert link.removeprefix("#") in PAGE.ids if link.startswith("#") else is_ours(link), link


def is_ours(address: str) -> bool:
    return ":" not in address and not address.startswith("//")


def test_problems_name_a_place_on_it() -> None:
    """``type`` of a problem is ``/api#<code>``."""
    for code in CODES:
        assert code in PAGE.ids


def test_nothing_runs_on_it_and_nothing_comes_from_elsewhere() -> None:
    assert not PAGE.tags & {"script", "iframe", "object", "embed", "img", "form"}
    assert all(map(is_ours, PAGE.files))
    assert not [name for name in PAGE.attributes if name.startswith("on") or name == "src"]


def test_words_are_words() -> None:
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["summary"] = "<b>&amp; `x<y`"
            operation["description"] = "</p><script>"
    page = Page(api_page(document))
    assert "script" not in page.tags
    assert "<b>&amp; `x<y`" in page.words
