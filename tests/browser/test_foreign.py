"""Documents of other editors, impossible names: an honest page instead of an empty one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pycrdt
import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.pages import SECRET, OpenPage, Screenshot, content, operate, saved, token, words


def _send(server: CollabServer, document: str, doc: pycrdt.Doc[Any]) -> None:
    url = f"{server.url}/api/v1/documents/{quote(document, safe='')}/update"
    headers = {"Content-Type": "application/octet-stream"}
    urlopen(Request(url, method="POST", data=doc.get_update(), headers=headers), timeout=30).close()


def _tiptap(doc: pycrdt.Doc[Any]) -> None:
    fragment = doc.get("default", type=pycrdt.XmlFragment)
    heading = fragment.children.append(pycrdt.XmlElement("heading", {"level": "1"}))
    heading.children.append(pycrdt.XmlText("Made in Tiptap"))
    paragraph = fragment.children.append(pycrdt.XmlElement("paragraph"))
    paragraph.children.append(pycrdt.XmlText("with two lines"))


def _excalidraw(doc: pycrdt.Doc[Any]) -> None:
    elements = doc.get("elements", type=pycrdt.Array)
    elements.append(pycrdt.Map({"el": {"type": "rectangle", "x": 1}, "pos": "a0"}))
    doc.get("assets", type=pycrdt.Map)["picture"] = {"mimeType": "image/png"}


def _slides(doc: pycrdt.Doc[Any]) -> None:
    doc.get("meta", type=pycrdt.Map)["kind"] = "slides"
    doc.get("meta", type=pycrdt.Map)["title"] = "Quarterly"
    doc.get("slides", type=pycrdt.Array).append("first")


def _plain(doc: pycrdt.Doc[Any]) -> None:
    doc.get("body", type=pycrdt.Text).insert(0, "written by a script")


@pytest.mark.parametrize(
    ("make", "wish", "shown"),
    [
        (_tiptap, "", ["default", "rich text, 28 letters", "Made in Tiptap with two lines"]),
        (_tiptap, "?kind=text", ["default", "rich text, 28 letters", "Made in Tiptap with two lines"]),
        (_excalidraw, "?kind=board", ["assets", "map, 1 entry", "elements", "list, 1 value"]),
        (_slides, "", ["It calls itself “slides”", "slides", "list, 1 value"]),
        (_plain, "", ["body", "text, 19 letters", "written by a script"]),
    ],
    ids=["tiptap", "tiptap as a wish", "excalidraw", "slides", "plain"],
)
def test_a_document_of_another_editor_gets_an_honest_page(
    shared_server: CollabServer,
    open_page: OpenPage,
    screenshot: Screenshot,
    make: Callable[[pycrdt.Doc[Any]], None],
    wish: str,
    shown: list[str],
) -> None:
    name = f"foreign{make.__name__}{len(wish)}"
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    make(doc)
    _send(shared_server, name, doc)
    before = content(shared_server, name)
    page = open_page(f"{shared_server.url}/d/{name}{wish}")
    saved(page)
    foreign = page.locator(".foreign")
    expect(foreign.locator("h1")).to_have_text("Made with another editor")
    for part in shown:
        expect(foreign).to_contain_text(part)
    expect(foreign).to_contain_text("Nobody but you.")
    ben = open_page(f"{shared_server.url}/d/{name}", name="Ben")
    saved(ben)
    expect(foreign.locator(".foreign-people")).to_contain_text("Ben")
    assert content(shared_server, name) == before, "looking at it changes nothing"
    screenshot(page, f"foreign-{make.__name__.strip('_')}")

    # It is alive: what others do is seen.
    if make is _tiptap:
        paragraph = doc.get("default", type=pycrdt.XmlFragment).children.append(pycrdt.XmlElement("paragraph"))
        paragraph.children.append(pycrdt.XmlText("and a third"))
        _send(shared_server, name, doc)
        expect(foreign).to_contain_text("and a third")
        with page.expect_download() as download:
            page.get_by_role("button", name="Yjs update").click()
        copy: pycrdt.Doc[Any] = pycrdt.Doc()
        copy.apply_update(download.value.path().read_bytes())
        assert "third" in str(copy.get("default", type=pycrdt.XmlFragment))
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    assert json.loads(download.value.path().read_text()) == content(shared_server, name)

    # Versions are there, and what they show is as honest.
    page.get_by_role("button", name="Versions", exact=True).click()
    page.get_by_label("Name of the version").fill("First")
    page.keyboard.press("Enter")
    page.locator(".version button").first.click()
    expect(page.locator(".version-preview")).to_contain_text(shown[-1])


def test_a_person_decides_how_it_opens(shared_server: CollabServer, open_page: OpenPage) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    _plain(doc)
    _send(shared_server, "undecided", doc)
    page = open_page(f"{shared_server.url}/d/undecided")
    saved(page)
    page.get_by_role("button", name="Open as code").click()
    expect(page.locator(".cm-content")).to_have_text("written by a script")
    saved(page)
    assert content(shared_server, "undecided")["meta"] == {"kind": "code"}


def test_the_first_words_make_an_empty_document_a_text(shared_server: CollabServer, open_page: OpenPage) -> None:
    ann = open_page(f"{shared_server.url}/d/unmarked")
    saved(ann)
    ann.locator("[contenteditable=true]").click()
    ann.keyboard.type("first words")
    saved(ann)
    assert content(shared_server, "unmarked")["meta"]["kind"] == "text"
    ben = open_page(f"{shared_server.url}/d/unmarked", name="Ben")
    expect(ben.locator("[contenteditable=true]")).to_contain_text("first words")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a,b", "none of , ? # % \\"),
        ("a%3Fb", "none of , ? # % \\"),
        ("100%25", "none of , ? # % \\"),
        ("%E0%A4%A", "none of , ? # % \\"),
        ("a//b", "empty part"),
        ("%20a", "slash or a space"),
        ("a%00b", "control character"),
        ("x" * 201, "201 bytes"),
    ],
)
def test_an_impossible_name_is_refused_in_words(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot, path: str, said: str
) -> None:
    page = open_page(f"{shared_server.url}/d/{path}?kind=board")
    expect(page.locator(".refusal h1")).to_contain_text("cannot be called")
    expect(page.locator(".refusal h1")).to_contain_text(said)
    expect(page.locator(".refusal")).to_contain_text("choose another name")
    expect(words(page)).to_contain_text("cannot be called")
    assert "Retrying" not in words(page).inner_text()
    if path == "a,b":
        screenshot(page, "impossible-name")


def test_the_server_and_the_page_agree_on_names(start_server: Any, open_page: OpenPage) -> None:
    """Whatever the page lets through is a name to the server, too."""
    server = start_server(args=["--auth", "jwt"], env={"COLLAB_JWT_SECRET": SECRET})
    for name in ("a b", "ä/ö", "…", "a.b/.c", "@x", "a" * 200):
        page = open_page(f"{server.url}/d/{quote(name)}?kind=code#token={token()}")
        saved(page)
        page.close()


@pytest.mark.parametrize("language", ["__proto__", "constructor", "toString", "klingon"])
def test_an_odd_language_is_plain_text(shared_server: CollabServer, open_page: OpenPage, language: str) -> None:
    name = f"language-{language}"
    operate(
        shared_server,
        name,
        [
            {"op": "map.set", "path": "/meta/kind", "value": "code"},
            {"op": "map.set", "path": "/meta/language", "value": language},
        ],
    )
    page = open_page(f"{shared_server.url}/d/{name}")
    saved(page)
    expect(page.locator(".code-bar button")).to_have_text(re.compile("^Plain text$"))
