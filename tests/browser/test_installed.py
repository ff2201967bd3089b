"""The browser client as somebody has it who installed it: in an empty folder, from a running server, with only Node.

What is in the folder are the blocks of the package's README, as they are printed; only the server's address is another.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages import NO_WEBSOCKET, OpenPage
from tests.support.ports import free_port
from tests.support.repository import ROOT
from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page, expect

DEMO = Path(__file__).parents[2] / "client-demo"
README = (DEMO / "packages" / "collab-client" / "README.md").read_text()
BLOCKS = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", README)
#: beside the client; of the versions that the demo has, so that nothing has to be downloaded twice
TOOLS = ("yjs", "y-indexeddb", "react", "react-dom", "@types/react", "@types/react-dom", "typescript", "vite")

DEFAULT = "http://127.0.0.1:8080"
pytestmark = pytest.mark.timeout(300)


def blocks(language: str) -> list[str]:
    return [text for each, text in BLOCKS if each == language]


class Site:
    """A folder with what is installed, and the address of another origin that its pages have."""

    def __init__(self, folder: Path, server: CollabServer, port: int) -> None:
        self.folder, self.server, self.port = folder, server, port
        self.url = f"http://localhost:{port}"

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text.replace("http://127.0.0.1:8080", self.server.url))

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    port = free_port()
    server = CollabServer("memory://", args=["--cors-origins", f"http://localhost:{port}"]).start()
    folder = tmp_path_factory.mktemp("installed")
    site = Site(folder, server, port)
    locked = json.loads((DEMO / "package-lock.json").read_text())["packages"]
    site.write("package.json", '{"private": true, "type": "module"}')
    install = blocks("sh")[0].split()
    assert install[:2] == ["npm", "install"]
    assert install[2].endswith("/client/collab-client.tgz")
    tools = [f"{name}@{locked[f'node_modules/{name}']['version']}" for name in TOOLS]
    quick = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
    site.run("npm", "install", install[2].replace("http://127.0.0.1:8080", server.url), *tools, *quick)
    pages = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    yield site
    pages.shutdown()
    pages.server_close()
    server.kill()


def test_types_and_the_program_in_node(site: Site) -> None:
    notes, *rest = blocks("ts")
    site.write("notes.ts", notes)
    for number, text in enumerate(rest):
        site.write(f"part-{number}.ts", text)
    site.write("App.tsx", blocks("tsx")[0])
    strict = "--noEmit --strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --target es2022 --jsx react-jsx"
    names = ["notes.ts", *(f"part-{number}.ts" for number in range(len(rest))), "App.tsx"]
    for module in ("--module nodenext", "--module esnext --moduleResolution bundler"):
        # Every file of ours is checked, libraries' declarations are too.
        site.run(
            "npx", "tsc", *strict.split(), *module.split(), "--lib", "es2023,dom,dom.iterable", "--types", "", *names
        )
    site.run("npx", "esbuild", "notes.ts", "--format=esm", "--outfile=notes.mjs", "--log-level=error")
    said = site.run("node", "notes.mjs").split("\n")
    assert [line.strip() for line in said] == ["syncing", "live", "Hello from Ada.", "closed", ""]


def test_the_blocks_of_the_skill_page(site: Site) -> None:
    """SKILL.md of the package: typed, and what is a program runs. Its other languages are in tests/wire."""
    page = (site.folder / "node_modules" / "collab-client" / "SKILL.md").read_text()
    found = re.findall(r"(?ms)^```(tsx?)\n(.*?)^```$", page)
    assert [language for language, _ in found] == ["ts", "tsx"]
    for language, text in found:
        site.write(f"skill.{language}" if language == "ts" else "SkillApp.tsx", text)
    strict = "--noEmit --strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --target es2022 --jsx react-jsx"
    module = "--module nodenext --lib es2023,dom,dom.iterable --types"
    site.run("npx", "tsc", *strict.split(), *module.split(), "", "skill.ts", "SkillApp.tsx")
    site.run("npx", "esbuild", "skill.ts", "--format=esm", "--outfile=skill.mjs", "--log-level=error")
    said = site.run("node", "skill.mjs").split("\n")
    assert [line.strip() for line in said] == ["syncing", "live", "closed", ""]


@pytest.mark.parametrize("kind", ["react", "vanilla"])
def test_a_start_with_nothing_but_node(kind: str, site: Site) -> None:
    """What `npx` of the package that a server hands out writes is what `collab init` writes, for that server."""
    command = blocks("sh")[1].split()
    assert command[0] == "npx" and command[2:] == ["react", "my-folder"]
    package = command[1].replace(DEFAULT, site.server.url)
    empty = site.folder / f"{kind}-start"
    empty.mkdir()

    def start() -> subprocess.CompletedProcess[str]:
        command = ["npx", "--yes", "--prefer-offline", package, kind, "by-node"]
        return subprocess.run(command, cwd=empty, capture_output=True, text=True, timeout=240)

    done = start()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"by-node: {kind}. Next:\n  cd by-node\n")
    by_python = f"{empty.name}/by-python"
    site.run(sys.executable, "-m", "collab", "init", kind, by_python, "--url", site.server.url)
    assert contents(empty / "by-node") == contents(site.folder / by_python)
    again = start()
    assert again.returncode == 2
    assert "by-node is not empty; allowed: a folder that is empty, or not there yet\n" in again.stderr


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_react_page_that_vite_builds_in_two_browsers(site: Site, open_page: OpenPage) -> None:
    """The start that `collab init react` writes; its packages are those that are installed already."""
    url = ("--url", site.server.url)
    site.run(sys.executable, "-m", "collab", "init", "react", "start", *url)
    assert (site.folder / "start" / "src" / "App.tsx").read_text() == blocks("tsx")[0].replace(DEFAULT, site.server.url)
    site.run("npx", "tsc", "--project", "start")
    site.run("npx", "vite", "build", "start", "--base", "/start/dist/", "--logLevel", "warn")
    ann, ben = (open_page(f"{site.url}/start/dist/index.html", name=name) for name in ("Ann", "Ben"))
    for page in (ann, ben):
        expect(page.get_by_text("Saved")).to_be_visible()
        expect(page.get_by_text("With Ada", exact=True)).to_be_visible()
    ann.get_by_role("button").click()
    ben.get_by_role("button").click()
    ben.get_by_role("button").click()
    for page in (ann, ben):
        expect(page.get_by_role("button")).to_have_text("3")
    ben.close()
    expect(ann.get_by_text("Nobody else is here")).to_be_visible()


#: bundles what is in the folder `packed`; its argument is where webpack is installed
WEBPACK = """
const webpack = require(process.argv[1]);
const options = {
  mode: "production",
  entry: "./packed/main.js",
  output: { path: process.cwd() + "/packed", filename: "webpack.js" },
};
webpack(options, (fault, stats) => {
  if (fault || stats.hasErrors()) throw fault ?? new Error(stats.toString());
});
"""


def test_the_same_page_of_webpack_and_of_esbuild_meet(site: Site, open_page: OpenPage) -> None:
    webpack = Path(__file__).parent / "bindings" / "node_modules" / "webpack"
    if not webpack.is_dir():
        pytest.skip("webpack is not installed: run `npm ci` in tests/browser/bindings")
    (site.folder / "packed").mkdir()
    site.write("packed/App.tsx", blocks("tsx")[0])
    site.write(
        "packed/main.tsx",
        """
        import { createElement } from "react";
        import { createRoot } from "react-dom/client";
        import { App } from "./App.js";
        createRoot(document.getElementById("root")).render(createElement(App));
        """,
    )
    jsx = ("--jsx=automatic", "--log-level=error")
    site.run("npx", "esbuild", "packed/main.tsx", "--bundle", "--format=esm", "--outfile=packed/esbuild.js", *jsx)
    site.run("npx", "esbuild", "packed/main.tsx", "packed/App.tsx", "--outdir=packed", *jsx)
    site.run("node", "-e", WEBPACK, str(webpack))
    bundlers = ("webpack", "esbuild")
    for name in bundlers:
        site.write(
            f"packed/{name}.html",
            f'<!doctype html><div id="root"></div><script type="module" src="{name}.js"></script>',
        )
    first, second = (open_page(f"{site.url}/packed/{name}.html", name=name) for name in bundlers)
    for page in (first, second):
        expect(page.get_by_text("Saved")).to_be_visible()
        expect(page.get_by_text("With Ada", exact=True)).to_be_visible()
    before = int(first.get_by_role("button").inner_text())
    first.get_by_role("button").click()
    second.get_by_role("button").click()
    for page in (first, second):
        expect(page.get_by_role("button")).to_have_text(str(before + 2))


def add(page: Page, words: str) -> None:
    page.locator("#entry").fill(words)
    page.locator("#entry").press("Enter")


def test_a_page_without_a_bundler(site: Site, open_page: OpenPage) -> None:
    site.run(sys.executable, "-m", "collab", "init", "vanilla", "vanilla", "--url", site.server.url)
    (site.folder / "vanilla" / "index.html").rename(site.folder / "list.html")
    assert (site.folder / "list.html").read_text() == blocks("html")[0].replace(DEFAULT, site.server.url)
    ann = open_page(f"{site.url}/list.html", name="Ann")
    ben = open_page(f"{site.url}/list.html", name="Ben", init_script=NO_WEBSOCKET)
    for page in (ann, ben):
        expect(page.locator("#said")).to_have_text("live, 0 unsaved")
    add(ann, "milk")
    add(ben, "bread")
    for page in (ann, ben):
        expect(page.locator("li")).to_have_count(2)
        expect(page.locator("#said")).to_have_text("live, 0 unsaved")
    site.server.kill()
    expect(ann.locator("#said")).to_contain_text("offline")
    add(ann, "salt")
    expect(ann.locator("#said")).to_contain_text("1 unsaved")
    site.server.start()
    for page in (ann, ben):
        expect(page.locator("li")).to_have_count(3, timeout=30_000)
        expect(page.locator("#said")).to_have_text("live, 0 unsaved", timeout=30_000)


def test_in_a_worker(site: Site, open_page: OpenPage) -> None:
    site.write(
        "worker.js",
        """
        import { CollabProvider } from "http://127.0.0.1:8080/client/collab-client.js";
        const provider = new CollabProvider("http://127.0.0.1:8080", "worker", null, { user: { name: "Worker" } });
        provider.doc.getText("body").insert(0, "from a worker");
        provider.saved().then(() => postMessage(`${provider.status} ${provider.doc.getText("body")}`));
        """,
    )
    site.write(
        "worker.html",
        """<!doctype html><p id="said"></p><script type="module">
        new Worker("worker.js", { type: "module" }).onmessage = ({ data }) => { said.textContent = data; };
        </script>""",
    )
    expect(open_page(f"{site.url}/worker.html").locator("#said")).to_have_text("live from a worker")


def test_a_page_of_an_origin_that_the_server_does_not_know_is_told_so(site: Site, browser: Browser) -> None:
    site.write("list.html", blocks("html")[0])
    context = browser.new_context()
    try:
        page = context.new_page()
        # The same page by another name is another origin.
        page.goto(f"http://127.0.0.1:{site.port}/list.html")
        said = f"Pages of http://127.0.0.1:{site.port} may not use this server: its setting cors-origins does not name them."
        expect(page.locator("#said")).to_contain_text(said)
        expect(page.locator("#said")).to_contain_text(re.compile("^(offline|connecting)"))
    finally:
        context.close()
