"""The built files that ship with the package come from the sources beside them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
DEMO = _ROOT / "client-demo"
STATIC = _ROOT / "collab" / "static"

#: both as in client-demo/tools/sourceHash.ts
CLIENT = (
    "LICENSE", "README.md", "SKILL.md", "bin", "llms.txt", "offline", "package.json", "react", "src", "tools", "tsconfig.build.json",
)  # fmt: skip
SOURCES = (
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tools",
    "tsconfig.json",
    "vite.config.ts",
    *(f"packages/collab-client/{name}" for name in CLIENT),
)


def source_hash() -> str:
    """The hash of everything that the build is made of."""
    files: list[Path] = []
    for source in SOURCES:
        path = DEMO / source
        files += [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    digest = hashlib.sha256()
    for name in sorted(path.relative_to(DEMO).as_posix() for path in files):
        digest.update(name.encode() + b"\0" + (DEMO / name).read_bytes() + b"\0")
    return digest.hexdigest()


def test_the_shipped_pages_are_built_from_these_sources() -> None:
    built_from = (STATIC / "source.sha256").read_text().strip()
    assert built_from == source_hash(), "collab/static is stale: run `npm ci && npm run build` in client-demo"


def test_the_page_names_only_files_that_are_there() -> None:
    page = (STATIC / "index.html").read_text()
    named = re.findall(r'(?:src|href)="/([^"]+)"', page)
    assert any(name.startswith("assets/") for name in named)
    for name in named:
        assert (STATIC / name).is_file(), name
    worker = re.search(r"const ASSETS = (\[.*?\])", (STATIC / "sw.js").read_text())
    assert worker
    for name in json.loads(worker[1]):
        assert (STATIC / name.lstrip("/")).is_file(), name


def test_the_page_has_no_inline_scripts() -> None:
    page = (STATIC / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert not re.search(r"\son\w+=", page)


def test_the_lock_file_names_no_registry() -> None:
    lock = (DEMO / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]
    # A workspace is resolved, to its folder.
    resolved = {name: each["resolved"] for name, each in packages.items() if "resolved" in each}
    assert resolved == {"node_modules/collab-client": "packages/collab-client"}
    assert packages["node_modules/collab-client"]["link"]
    assert "http" not in "".join(re.findall(r'"integrity": "[^"]*"', lock))
