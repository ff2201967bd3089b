"""Editors with their Yjs bindings over the clients that people have, two people each: one text, and each sees the other's caret.

CodeMirror and Tiptap come by y-websocket, BlockNote and Quill by Hocuspocus, Monaco by y-socket.io. The pages are bundled
from the npm packages in ``bindings/``, and come from a web server of their own, which ``cors-origins`` names.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.browser.pages import until
from tests.support.server import CollabServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

BINDINGS = Path(__file__).parent / "bindings"
#: editor -> what is typed into, and what shows somebody else's caret
EDITORS = {
    "codemirror": (".cm-content", ".cm-ySelectionCaret"),
    "tiptap": (".ProseMirror", ".collaboration-carets__caret"),
    "blocknote": (".ProseMirror", ".bn-collaboration-cursor__base"),
    "quill": (".ql-editor", ".ql-cursor"),
    "monaco": (".monaco-editor", ".yRemoteSelectionHead"),
}
_PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>body {{ margin: 20px; font: 16px sans-serif }} [contenteditable] {{ min-height: 200px }}</style>
<link rel="stylesheet" href="{editor}.css"><body><script type="module" src="{editor}.js"></script>"""


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder with the bundled pages, made where it is missing or old."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("needs Node.js and npm")
    with (BINDINGS / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist: the first one builds
        installed, made = BINDINGS / "node_modules" / ".package-lock.json", BINDINGS / "build" / "monaco.js"
        if not installed.exists():
            pytest.skip("the npm packages are not installed: run `npm ci` in tests/browser/bindings")
        sources = [installed, *BINDINGS.glob("*.mjs"), *BINDINGS.glob("pages/*.js")]
        if not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources):
            subprocess.run([node, "build.mjs"], cwd=BINDINGS, check=True, timeout=120)
    return BINDINGS / "build"


@pytest.fixture(scope="module")
def front_end(built: Path) -> Iterator[str]:
    """The address of a web server with the pages."""
    for editor in EDITORS:
        (built / f"{editor}.html").write_text(_PAGE.format(editor=editor))
        (built / f"{editor}.css").touch()
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(built)))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_address[1]}"
    web.shutdown()
    web.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, front_end: str) -> Iterator[CollabServer]:
    store = f"sqlite:///{tmp_path_factory.mktemp('bindings')}/collab.db"
    server = CollabServer(store, args=["--cors-origins", front_end]).start()
    yield server
    server.kill()


@pytest.fixture
def come(open_page: Callable[..., Page], front_end: str, server: CollabServer) -> Callable[[str, str, str], Page]:
    """``come(editor, name, color)``: somebody's page, once it is in sync."""

    def one(editor: str, name: str, color: str) -> Page:
        asked = urlencode({"server": server.url, "document": f"by-{editor}", "name": name, "color": color})
        page = open_page(f"{front_end}/{editor}.html?{asked}", name=name)
        page.wait_for_selector("body[data-synced]")
        return page

    return one


def words(page: Page) -> str:
    shown: str = page.evaluate("window.words()")
    return shown.strip()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("editor", list(EDITORS))
def test_two_people_have_one_text_and_see_each_other(come: Callable[[str, str, str], Page], editor: str) -> None:
    typed_into, caret = EDITORS[editor]
    ann, bob = come(editor, "Ann", "#d04040"), come(editor, "Bob", "#4040d0")
    ann.locator(typed_into).first.click()
    ann.keyboard.type("Ann began. ", delay=5)
    until(bob, "([text]) => window.words().includes(text)", "Ann began.")
    bob.locator(typed_into).first.click()
    bob.keyboard.press("Control+End")
    bob.keyboard.type("Bob goes on", delay=5)
    until(ann, "([text]) => window.words().includes(text)", "Bob goes on")
    for page in (ann, bob):
        page.wait_for_selector(caret, state="attached")
    # Both at once, in the middle and at the end.
    ann.keyboard.press("Control+Home")
    for number in range(12):
        ann.keyboard.type(f"a{number} ")
        bob.keyboard.type(f" b{number}")
    until(ann, "([text]) => window.words().includes(text)", "b11")
    until(bob, "([text]) => window.words().includes(text)", "a11 ")
    until(bob, "([text]) => window.words().trim() === text", words(ann))
    shown = words(ann).replace("\n", "")  # BlockNote begins another block
    assert "".join(f"a{number} " for number in range(12)) in shown
    assert "".join(f" b{number}" for number in range(12)) in shown
    assert len(shown) == len("Ann began. Bob goes on") + len("".join(f"a{n}  b{n}" for n in range(12)))
    # Who reloads has it too, and nobody is seen who is gone.
    bob.reload()
    bob.wait_for_selector("body[data-synced]")
    until(bob, "([text]) => window.words().trim().replaceAll('\\n', '') === text", shown)
    bob.close()
    ann.wait_for_selector(caret, state="detached")
