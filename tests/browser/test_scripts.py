"""A script writes beside people: one paragraph, two browsers, the Python client."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pycrdt import XmlFragment, XmlText

from collab.client.sync import Session, connect
from tests.support.server import CollabServer

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
SOON = 20.0
PARAGRAPH = "The heron stood still for an hour."


def saved(page: Page) -> None:
    expect(page.locator(".pill-words")).to_have_text(re.compile("^Saved"), timeout=SOON * 1000)


def selected(page: Page) -> str:
    found: str = page.evaluate("String(window.getSelection())")
    return found


def words_of(session: Session) -> XmlText:
    """The words of a text's first paragraph."""
    paragraph = session.doc.get("content", type=XmlFragment).children[0]
    return paragraph.children[0]  # type: ignore[no-any-return]


def replace(session: Session, old: str, new: str) -> None:
    """What an editor's search and replace does: the smallest edit, where the word stands now."""
    body = words_of(session)
    at = len(str(body).partition(old)[0].encode())
    with session.doc.transaction():
        del body[at : at + len(old.encode())]
        body.insert(at, new)


def test_a_script_and_two_people_in_one_paragraph(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Callable[[Page, str], None]
) -> None:
    url = f"{shared_server.url}/d/beside"
    ann = open_page(f"{url}?kind=text", name="Ann")
    saved(ann)
    ann.locator(".ProseMirror").click()
    ann.keyboard.type(PARAGRAPH)
    ben = open_page(url, name="Ben", color_scheme="dark")
    expect(ben.locator(".ProseMirror p")).to_have_text(PARAGRAPH)
    with connect(shared_server.url, "beside", user={"name": "Script"}) as script:
        script.until(lambda: PARAGRAPH in str(script.doc.get("content", type=XmlFragment)), SOON)
        # Ann marks "still", and touches nothing any more.
        ann.keyboard.press("Home")
        for _ in range(len("The heron stood ")):
            ann.keyboard.press("ArrowRight")
        for _ in range(len("still")):
            ann.keyboard.press("Shift+ArrowRight")
        assert selected(ann) == "still"
        ben.locator(".ProseMirror").click()
        ben.keyboard.press("Control+End")
        ben.keyboard.press("ArrowLeft")  # in front of the full stop

        replace(script, "The heron", "A tall grey heron 😀")
        for letter in " at dusk":
            ben.keyboard.type(letter)
            for _ in range(5):  # on the wire while Ben's letter is
                words_of(script).insert(0, "♪")
            replace(script, "grey", "grey!")  # beside a caret, client ids would decide the order
        script.saved(SOON)
        assert script.unsaved == 0
        saved(ben)
        screenshot(ann, "script-beside")

        wanted = "♪" * 40 + "A tall grey!!!!!!!! heron 😀 stood still for an hour at dusk."
        for page in (ann, ben):
            expect(page.locator(".ProseMirror p")).to_have_text(wanted)
        script.until(lambda: str(words_of(script)) == wanted, SOON)
        assert selected(ann) == "still", "what others write moves no selection"
        ann.keyboard.type("motionless")
        for page in (ann, ben):
            expect(page.locator(".ProseMirror p")).to_have_text(wanted.replace("still", "motionless"))
        saved(ann)
    # What the script was told is true: it is on the server.
    with connect(shared_server.url, "beside") as fresh:
        assert str(words_of(fresh)) == wanted.replace("still", "motionless")


def test_operations_leave_formatting_and_carets_alone(shared_server: CollabServer, open_page: OpenPage) -> None:
    """`text.replace` over HTTP is the smallest edit: bold stays bold, the caret stays in its word."""
    url = f"{shared_server.url}/d/operations"
    ann = open_page(f"{url}?kind=text", name="Ann")
    saved(ann)
    ann.locator(".ProseMirror").click()
    ann.keyboard.type("The heron stood **still** for an hour.")
    expect(ann.locator(".ProseMirror strong")).to_have_text("still")
    saved(ann)
    ann.keyboard.press("Home")
    for _ in range(len("The her")):
        ann.keyboard.press("ArrowRight")
    operation = '{"op": "text.replace", "path": "/content/0/0", "text": "A tall heron stood very still for an hour."}'
    command = [
        sys.executable,
        "-m",
        "collab",
        "docs",
        "--url",
        shared_server.url,
        "apply",
        "operations",
        "--op",
        operation,
    ]
    subprocess.run(command, check=True, timeout=60)
    expect(ann.locator(".ProseMirror p")).to_have_text("A tall heron stood very still for an hour.")
    expect(ann.locator(".ProseMirror strong")).to_have_text("still")
    ann.keyboard.type("|")
    expect(ann.locator(".ProseMirror p")).to_have_text("A tall her|on stood very still for an hour.")
