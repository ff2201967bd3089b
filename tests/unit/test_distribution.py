"""What goes into a release says whose work it is, and needs nothing that it does not name."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from release.oldest import oldest, requirements

from collab._version import __version__
from collab.errors import CODES

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "client-demo"
CLIENT = DEMO / "packages" / "collab-client"
LICENCES = ROOT / "collab" / "THIRD_PARTY_LICENSES"

#: distribution -> what it is called in an import statement, where that differs
IMPORTED_AS = {
    "PyJWT": "jwt",
    "markdown-it-py": "markdown_it",
    "prometheus-client": "prometheus_client",
    "python-engineio": "engineio",
    "python-socketio": "socketio",
}
#: what an extra brings: only these files import it, where it is needed
OPTIONAL = {
    "plyvel": ("y_leveldb.py",), "mcp": ("mcp_server.py", "mcp.py"), "mcp_types": ("mcp_server.py",), "uvicorn": ("mcp.py",),
    "opentelemetry": ("tracing.py",),
}  # fmt: skip
#: comes with another: aiohttp's URLs, PyJWT's keys, marshmallow and aiohttp stay if they change it
BROUGHT_ALONG = {"yarl": "aiohttp", "multidict": "aiohttp", "cryptography": "PyJWT"}


def package() -> dict[str, Any]:
    """What the browser client says of itself."""
    described: dict[str, Any] = json.loads((CLIENT / "package.json").read_text())
    return described


def bundled() -> dict[str, str]:
    """Package -> version of what the built pages hold, as the licence file lists it."""
    listed = LICENCES.read_text().split("\n\n", 2)[1].splitlines()
    return {name: version for name, version, *_licence in (line.split(" ") for line in listed)}


def test_the_licences_are_of_what_is_bundled_now() -> None:
    lock = hashlib.sha256((DEMO / "package-lock.json").read_bytes()).hexdigest()
    assert f"package-lock.json {lock}" in LICENCES.read_text().splitlines()[:2], "run `npm run build` in client-demo"


def test_every_library_of_the_pages_is_named_with_its_licence() -> None:
    wanted = set(json.loads((DEMO / "package.json").read_text())["dependencies"]) - {"collab-client"}
    wanted |= set(package()["dependencies"])
    locked = json.loads((DEMO / "package-lock.json").read_text())["packages"]
    listed = bundled()
    assert wanted <= set(listed)
    for name, version in listed.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    text = LICENCES.read_text()
    assert text.count("\n" + "=" * 80 + "\n") == len(listed)
    assert "SIL OPEN FONT LICENSE" in text.upper(), "fonts"


def test_the_browser_client_is_of_this_version_and_knows_every_code() -> None:
    assert package()["version"] == __version__
    assert f'"collab-client": "^{__version__}"' in (DEMO / "package.json").read_text()
    listed = re.search(r"export const CODES = \[(.*?)\] as const", (CLIENT / "src" / "errors.ts").read_text(), re.S)
    assert listed
    assert set(re.findall(r"'(\w+)'", listed[1])) == set(CODES)
    assert set(CODES) <= set((CLIENT / "llms.txt").read_text().split())


def test_the_package_that_is_served_is_the_one_beside() -> None:
    """That it is built from these sources, client-demo's own tests tell; this needs no Node."""
    with tarfile.open(ROOT / "collab" / "static" / "client" / "collab-client.tgz") as archive:
        for name in ("package.json", "README.md", "SKILL.md", "llms.txt", "LICENSE"):
            packed = archive.extractfile(f"package/{name}")
            assert packed
            assert packed.read() == (CLIENT / name).read_bytes(), "run `npm run build` in client-demo"
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
def test_every_import_is_a_declared_dependency() -> None:
    declared = {IMPORTED_AS.get(each.name, each.name): each.name for each in requirements()}
    ours = set((ROOT / "collab").rglob("*.py")) - set((ROOT / "collab" / "commands" / "starts").rglob("*"))
    for path in sorted(ours):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            else:
                continue
            for top in {module.partition(".")[0] for module in modules} - {"collab"} - set(sys.stdlib_module_names):
                known = top in declared or BROUGHT_ALONG.get(top) in declared.values()
                assert known or path.name in OPTIONAL.get(top, ()), f"{path.name}: {top}"


def test_the_oldest_allowed_release_is_a_constraint() -> None:
    assert all("==" in oldest(each) for each in requirements())
