"""The recipes of client-demo, each opened by two people: they see each other, lose their server, get it back, and lose nothing.

They are bundled with the package that the server hands out; editors come from what the tests have installed already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.browser.pages import SECRET, OpenPage, token
from tests.browser.test_installed import _Quiet
from tests.support.ports import free_port
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "client-demo"
#: where packages are looked for, in this order
INSTALLED = (ROOT / "tests" / "browser" / "bindings" / "node_modules", DEMO / "node_modules")
#: recipe -> what is typed into, and what shows that somebody else is there
RECIPES = {
    "plain-html": ("[name=notes]", "text=Ann is in notes"),
    "react-tiptap": (".ProseMirror", ".collaboration-carets__caret"),
    "codemirror": (".cm-content", ".cm-ySelectionCaret"),
}
#: one file each, whose module comes from the server
PLAIN = ("plain-html", "live-figures")
CONFIG = """
export default {
  // Every package once, whoever links to it.
  resolve: { preserveSymlinks: true },
  build: { rollupOptions: { input: ["react-tiptap/index.html", "codemirror/index.html"] } },
};
"""

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
    node = shutil.which("node")
    if node is None or not all(folder.is_dir() for folder in INSTALLED):
        pytest.skip("the npm packages are not installed: run `npm ci` in client-demo and tests/browser/bindings")
    folder, port = tmp_path_factory.mktemp("recipes"), free_port()
    url = f"http://localhost:{port}"
    args = ["--cors-origins", url, "--auth", "jwt", "--jwt-secret", SECRET]
    server = CollabServer(f"sqlite:///{folder}/kept.db", args=args).start()
    for source in DEMO.joinpath("recipes").glob("*/*"):
        target = folder / source.parent.name / source.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text().replace("http://127.0.0.1:8080", server.url))
    link_packages(folder / "node_modules")
    with tarfile.open(ROOT / "collab" / "static" / "client" / "collab-client.tgz") as archive:
        archive.extractall(folder / "node_modules", filter="data")
    (folder / "node_modules" / "package").rename(folder / "node_modules" / "collab-client")
    (folder / "vite.config.mjs").write_text(CONFIG)
    (folder / "tsconfig.json").write_text('{"compilerOptions": {"jsx": "react-jsx", "target": "es2022"}}')
    command = [
        node,
        str(DEMO / "node_modules" / "vite" / "bin" / "vite.js"),
        "build",
        "--base",
        "./",
        "--logLevel",
        "warn",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    yield Recipes(server, url)
    pages.shutdown()
    pages.server_close()
    server.kill()


def link_packages(into: Path) -> None:
    """Link what is installed, each package from the first place that has it."""
    for place in INSTALLED:
        for package in [*place.glob("[!@.]*"), *place.glob("@*/*")]:
            target = into / package.relative_to(place)
            if package.name == "collab-client" or target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(package)


def words(page: Page, selector: str) -> str:
    place = page.locator(selector)
    said = place.input_value() if selector.startswith("[name") else place.inner_text()
    return said.replace("\u2060", "").replace("\xa0", " ")


def write(page: Page, selector: str, text: str) -> None:
    page.locator(selector).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def wait_for(page: Page, selector: str, text: str) -> None:
    if selector.startswith("[name"):
        expect(page.locator(selector)).to_have_value(text, timeout=30_000)
    else:
        expect(page.locator(selector)).to_contain_text(text, timeout=30_000)


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_people_lose_their_server_and_nothing_else(recipe: str, recipes: Recipes, open_page: OpenPage) -> None:
    place, presence = RECIPES[recipe]
    ann, ben = (open_page(recipes.address(recipe, name), name=name) for name in ("Ann", "Ben"))
    for page, other in ((ann, "Ben"), (ben, "Ann")):
        expect(page.locator("#status")).to_have_text("Saved")
        expect(page.locator("#people")).to_contain_text(other)
    write(ann, place, "one")
    wait_for(ben, place, "one")
    expect(ben.locator(presence).first).to_be_visible()
    expect(ann.locator("#status")).to_have_text("Saved")
    recipes.server.kill()
    expect(ann.locator("#status")).to_contain_text("offline")
    expect(ben.locator(presence)).to_have_count(0)
    write(ann, place, "two")
    expect(ann.locator("#status")).to_contain_text("unsaved")
    assert "one" in words(ben, place)
    assert "two" not in words(ben, place)
    if recipe != "plain-html":  # whose module comes from the server
        ann.reload()
        wait_for(ann, place, "onetwo")
    recipes.server.start()
    for page in (ann, ben):
        expect(page.locator("#status")).to_have_text("Saved", timeout=30_000)
        wait_for(page, place, "onetwo")
    write(ben, place, "three")
    wait_for(ann, place, "onetwothree")

    cleo = open_page(recipes.address(recipe, "Cleo", "viewer"), name="Cleo")
    wait_for(cleo, place, "onetwothree")
    if place.startswith("[name"):
        expect(cleo.locator(place)).not_to_be_editable()
    else:
        expect(cleo.locator(place)).to_have_attribute("contenteditable", "false")


def test_figures_are_drawn_as_they_come(recipes: Recipes, open_page: OpenPage) -> None:
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
