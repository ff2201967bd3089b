"""The recipes of client-demo, each opened by two people: they see each other, lose their server, get it back, and lose nothing.

They are bundled, all at once, with the package that the server hands out; editors come from the npm packages of their folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.browser.pages import SECRET, OpenPage, Screenshot, token, wait_for
from tests.browser.test_installed import _Quiet
from tests.support.ports import free_port
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
RECIPES_HERE = ROOT / "client-demo" / "recipes"
#: a page keeps in mind that it said of somebody that he is typing: two seconds later it does not say so any more
TYPING = """
    addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
        if (document.getElementById("people")?.textContent.includes("is typing")) window.sawTyping = true
    }).observe(document, { subtree: true, childList: true, characterData: true }))
"""


#: until what is on its way to the copy in IndexedDB is there: whoever reloads sooner has not got it
KEPT = """async () => {
    for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((done, failed) => {
            const opening = indexedDB.open(name)
            opening.onsuccess = () => done(opening.result)
            opening.onerror = failed
        })
        if (database.objectStoreNames.contains("updates")) {
            await new Promise((done) => {
                const reading = database.transaction("updates", "readonly")  // behind all that write
                reading.objectStore("updates").count()
                reading.oncomplete = done
            })
        }
        database.close()
    }
}"""


@dataclass(frozen=True)
class Recipe:
    """Where one writes and reads, and what shows that somebody else is there."""

    place: str
    presence: str
    #: what is written last follows what is there already
    joined: bool = True
    #: what shows on the others' pages what somebody has selected; none where that is on a canvas, or there is none
    selection: str | None = None

    def write(self, page: Page, text: str) -> None:
        page.locator(self.place).click()
        page.keyboard.press("Control+End")
        page.keyboard.type(text)

    def words(self, page: Page) -> str:
        place = page.locator(self.place)
        said = place.input_value() if self.place.startswith("[name") else place.inner_text()
        return said.replace("\u2060", "").replace("\xa0", " ")

    def wait_for(self, page: Page, *texts: str) -> None:
        wait_for(lambda: self.has(page, *texts), f"{texts} never came")

    def has(self, page: Page, *texts: str) -> bool:
        if page.locator(self.place).count() == 0:
            return False
        said = self.words(page)
        return "".join(texts) in said if self.joined else all(said.count(text) == 1 for text in texts)

    def expect_read_only(self, page: Page) -> None:
        if self.place.startswith("[name"):
            expect(page.locator(self.place)).not_to_be_editable()
        else:
            expect(page.locator(self.place)).to_have_attribute("contenteditable", "false")


class Monaco(Recipe):
    def expect_read_only(self, page: Page) -> None:
        page.locator(self.place).click()
        page.keyboard.type("four")
        expect(page.get_by_text("Cannot edit in read-only editor").first).to_be_visible()
        assert "four" not in self.words(page)


class Table(Recipe):
    def write(self, page: Page, text: str) -> None:
        if page.locator(self.place).count() == 0:
            page.get_by_role("button", name="Add a row").click()
        super().write(page, text)


class Excalidraw(Recipe):
    """Words of a board are in no order, and on a canvas: the page says them to screen readers."""

    def write(self, page: Page, text: str) -> None:
        x, y = 300 + 60 * len(text), 300 + 30 * ord(text[0]) % 200
        page.locator(".excalidraw canvas.interactive").click(position={"x": 900, "y": 60})
        page.keyboard.press("t")
        page.locator(".excalidraw canvas.interactive").click(position={"x": x, "y": y})
        page.keyboard.type(text)
        page.keyboard.press("Escape")

    def expect_read_only(self, page: Page) -> None:
        expect(page.locator(".excalidraw")).to_have_class(re.compile("excalidraw--view-mode"))


class Tldraw(Recipe):
    """Words of a board are in no order."""

    def write(self, page: Page, text: str) -> None:
        page.locator(self.place).click(position={"x": 900, "y": 100})
        page.keyboard.press("t")
        page.locator(self.place).click(position={"x": 300 + 60 * len(text), "y": 200 + 30 * ord(text[0]) % 200})
        page.keyboard.type(text)
        page.keyboard.press("Escape")

    def expect_read_only(self, page: Page) -> None:
        expect(page.get_by_test_id("tools.select")).to_be_visible()
        expect(page.get_by_test_id("tools.draw")).to_have_count(0)


RECIPES = {
    "plain-html": Recipe("[name=notes]", "text=Ann is in notes"),
    "react-tiptap": Recipe(".ProseMirror", ".collaboration-carets__caret", selection=".ProseMirror-yjs-selection"),
    "codemirror": Recipe(".cm-content", ".cm-ySelectionCaret", selection=".cm-ySelection"),
    "react-blocknote": Recipe(
        ".ProseMirror", ".bn-collaboration-cursor__caret", joined=False, selection=".ProseMirror-yjs-selection"
    ),
    "monaco": Monaco(".view-lines", ".yRemoteSelectionHead", selection=".yRemoteSelection"),
    "quill": Recipe(".ql-editor", ".ql-cursor-caret", selection=".ql-cursor-selection-block"),
    "excalidraw": Excalidraw("#words", ".UserList", joined=False),
    "react-lexical": Recipe("[contenteditable]", ".carets >> text=Ann", selection=".carets span[style*=opacity]"),
    "react-slate": Recipe(".text", ".caret", selection=".text span[style*=background]"),
    "tldraw": Tldraw(".tl-canvas", ".board >> text=Ann", joined=False),
    "react-form": Recipe("[name=notes]", ".here"),
    "react-table": Table("[name=item]", "td[title=Ann]"),
    "vue": Recipe("[name=notes]", ".here"),
    "svelte": Recipe("[name=notes]", ".here"),
}  #: one file each, whose module comes from the server
PLAIN = ("plain-html", "live-figures")

pytestmark = pytest.mark.timeout(300)


class Recipes:
    """The recipes, built, at an address of another origin than the server's."""

    def __init__(self, server: CollabServer, url: str) -> None:
        self.server, self.url = server, url

    def address(self, recipe: str, name: str, role: str = "editor") -> str:
        said = {"document": f"recipe-{recipe}", "name": name, "token": token(role=role, name=name)}
        place = recipe if recipe in PLAIN else f"dist/{recipe}"
        return f"{self.url}/{place}/index.html?{urlencode(said)}"


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipes]:
    node, installed = shutil.which("node"), RECIPES_HERE / "node_modules"
    if node is None or not installed.is_dir():
        pytest.skip("the npm packages are not installed: run `npm ci` in client-demo/recipes")
    folder, port = tmp_path_factory.mktemp("recipes"), free_port()
    url = f"http://localhost:{port}"
    args = ["--cors-origins", url, "--auth", "jwt", "--jwt-secret", SECRET]
    server = CollabServer(f"sqlite:///{folder}/kept.db", args=args).start()
    sources = [path for path in RECIPES_HERE.rglob("*") if "node_modules" not in path.parts and path.is_file()]
    for source in sources:
        target = folder / source.relative_to(RECIPES_HERE)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text().replace("http://127.0.0.1:8080", server.url))
    link_packages(installed, folder / "node_modules")
    with tarfile.open(ROOT / "collab" / "static" / "client" / "collab-client.tgz") as archive:
        archive.extractall(folder / "node_modules", filter="data")
    (folder / "node_modules" / "package").rename(folder / "node_modules" / "collab-client")
    vite = [node, str(installed / "vite" / "bin" / "vite.js"), "build", "--minify", "false", "--logLevel", "error"]
    done = subprocess.run(vite, cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    yield Recipes(server, url)
    pages.shutdown()
    pages.server_close()
    server.kill()


def link_packages(installed: Path, into: Path) -> None:
    """Link what is installed: beside it comes the client, which is of no registry."""
    for package in [*installed.glob("[!@.]*"), *installed.glob("@*/*")]:
        target = into / package.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(package)


@pytest.mark.parametrize("name", RECIPES)
def test_two_people_lose_their_server_and_nothing_else(
    name: str, recipes: Recipes, open_page: OpenPage, screenshot: Screenshot
) -> None:
    recipe = RECIPES[name]
    recipes.server.restart()  # also where the test before stopped half way
    ann, ben = (open_page(recipes.address(name, each), name=each, init_script=TYPING) for each in ("Ann", "Ben"))
    for page, other in ((ann, "Ben"), (ben, "Ann")):
        expect(page.locator("#status")).to_have_text("Saved")
        expect(page.locator("#people")).to_contain_text(other)
    recipe.write(ann, "one")
    recipe.wait_for(ben, "one")
    expect(ben.locator(recipe.presence).first).to_be_visible()
    if recipe.selection is not None:
        selected = ben.locator(recipe.selection).filter(visible=True)
        expect(selected).to_have_count(0)
        ann.keyboard.press("Shift+Home")
        expect(selected.first).to_be_visible()
        assert selected.first.evaluate("each => getComputedStyle(each).backgroundColor") != "rgba(0, 0, 0, 0)"
    expect(ann.locator("#status")).to_have_text("Saved")
    if name != "plain-html":  # which says in what field somebody is
        wait_for(lambda: bool(ben.evaluate("window.sawTyping")), "Ben's page did not say that Ann is typing")
    screenshot(ben, f"recipe-{name}")

    recipes.server.kill()
    expect(ann.locator("#status")).to_contain_text("offline")
    expect(ben.locator("#people")).to_have_text("")
    expect(ben.locator(recipe.presence)).to_have_count(0)
    recipe.write(ann, "two")
    expect(ann.locator("#status")).to_contain_text("unsaved")
    assert recipe.has(ben, "one")
    assert "two" not in recipe.words(ben)
    if name != "plain-html":  # whose module comes from the server
        ann.evaluate(KEPT)
        ann.reload()
        recipe.wait_for(ann, "one", "two")
    recipes.server.start()
    for page in (ann, ben):
        expect(page.locator("#status")).to_have_text("Saved", timeout=30_000)
        recipe.wait_for(page, "one", "two")

    # The same from the other side: the network of one of them.
    ben.context.set_offline(True)
    expect(ben.locator("#status")).to_contain_text("offline")
    recipe.write(ben, "three")
    expect(ben.locator("#status")).to_contain_text("unsaved")
    assert "three" not in recipe.words(ann)
    ben.context.set_offline(False)
    recipe.wait_for(ann, "one", "two", "three")
    expect(ben.locator("#status")).to_have_text("Saved", timeout=30_000)

    cleo = open_page(recipes.address(name, "Cleo", "viewer"), name="Cleo")
    recipe.wait_for(cleo, "one", "two", "three")
    recipe.expect_read_only(cleo)
    expect(cleo.locator("#status")).to_have_text("Saved")


@pytest.mark.parametrize("name", ["react-form", "vue", "svelte"])
def test_two_write_in_one_field_at_the_same_moment(name: str, recipes: Recipes, open_page: OpenPage) -> None:
    recipes.server.restart()
    recipe = RECIPES[name]
    ann, ben = (open_page(recipes.address(name, each), name=each) for each in ("Ann", "Ben"))
    for page in (ann, ben):
        expect(page.locator("#status")).to_have_text("Saved")
    recipe.write(ann, " middle ")
    recipe.wait_for(ben, " middle ")
    recipes.server.kill()
    for page in (ann, ben):
        expect(page.locator("#status")).to_contain_text("offline")
    ann.locator(recipe.place).press("Home")
    ann.keyboard.type("begin")
    recipe.write(ben, "end")
    recipes.server.start()
    for page in (ann, ben):
        recipe.wait_for(page, "begin")
        recipe.wait_for(page, " middle end")
        expect(page.locator("#status")).to_have_text("Saved", timeout=30_000)
    # Ben's words came behind her caret: it is where it was.
    ann.keyboard.type("ning")
    for page in (ann, ben):
        recipe.wait_for(page, "beginning")
        recipe.wait_for(page, " middle end")


def test_figures_are_drawn_as_they_come(recipes: Recipes, open_page: OpenPage) -> None:
    recipes.server.restart()  # also where the test before stopped half way
    page = open_page(recipes.address("live-figures", "Ann", "viewer"), name="Ann")
    script = [sys.executable, str(ROOT / "scripts" / "examples" / "stream_figures.py")]
    environment = {**os.environ, "COLLAB_TOKEN": token()}
    row = page.locator("tbody tr")
    with subprocess.Popen(
        [*script, recipes.server.url, "recipe-live-figures"], stdin=subprocess.PIPE, text=True, env=environment
    ) as figures:
        assert figures.stdin is not None

        def send(line: str) -> None:
            assert figures.stdin is not None
            figures.stdin.write(line)
            figures.stdin.flush()

        send("<b>load</b> 0.5\n")
        expect(row).to_contain_text(["<b>load</b>0.5"])
        recipes.server.kill()
        expect(page.locator("#status")).to_contain_text("offline")
        send("<b>load</b> 0.75\nusers 3\n")
        recipes.server.start()
        expect(row).to_contain_text(["<b>load</b>0.75", "users3"], timeout=30_000)
        expect(page.locator("#status")).to_have_text("live, 3 figures", timeout=30_000)
        expect(page.locator("polyline").first).to_have_attribute("points", "0,1 1,0")
        figures.stdin.close()
        assert figures.wait(20) == 0
