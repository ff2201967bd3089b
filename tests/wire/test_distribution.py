"""The wheel, in an empty environment elsewhere, does the main job: serve, edit, be killed, serve again, read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.support.repository import ROOT, tracked_files

EDIT = """
import sys
from pycrdt import Text
from collab.client.sync import connect
with connect(sys.argv[1], "notes") as session:
    session.doc.get("body", type=Text).insert(0, "kept ")
    session.saved()
"""
READ = """
import sys
from pycrdt import Text
from collab.client.sync import connect
with connect(sys.argv[1], "notes") as session:
    print(session.doc.get("body", type=Text))
"""
#: not this machine's folders on the way, and none of our settings
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("COLLAB_", "PYTHON"))}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the tracked files, and the wheel that was built from it."""
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked_files(ROOT):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    run(sys.executable, "-m", "build", "--outdir", str(dist), str(source))
    return dist


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", str(folder))
    run(str(folder / "bin" / "python"), "-m", "pip", "install", "--no-input", str(next(built.glob("*.whl"))))
    return folder / "bin"


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=CLEAN)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


class Served:
    """``collab serve`` out of the environment."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.process = subprocess.Popen(
            [str(environment / "collab"), "serve", "--port", "0", "--store", "sqlite:///kept.db"],
            cwd=folder, stdout=subprocess.PIPE, text=True, env=CLEAN,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.match(r"collab listening on (http://\S+) ", line)
        assert found, line
        self.url = found[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def test_what_is_acknowledged_is_there_after_a_kill(environment: Path, tmp_path: Path) -> None:
    python = str(environment / "python")
    served = Served(environment, tmp_path)
    try:
        run(python, "-c", EDIT, served.url, cwd=tmp_path)
    finally:
        served.kill()
    served = Served(environment, tmp_path)
    try:
        assert run(python, "-c", READ, served.url, cwd=tmp_path) == "kept \n"
    finally:
        served.kill()


def test_the_demo_is_in_the_wheel(environment: Path, tmp_path: Path) -> None:
    served = Served(environment, tmp_path)
    try:
        page = get(served.url + "/").decode()
        named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        worker = re.search(r"const ASSETS = (\[.*?\])", get(served.url + "/sw.js").decode())
        assert worker
        for path in {*named, *json.loads(worker[1]), "/client/collab-client.js", "/client/collab-client.tgz"}:
            assert get(served.url + path), path
    finally:
        served.kill()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        body: bytes = response.read()
        return body


def test_the_wheel_names_itself_and_whose_work_it_holds(built: Path) -> None:
    wheel = next(built.glob("*.whl"))
    assert wheel.name.startswith("collab_server-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert "\nName: collab-server\n" in metadata
    assert {name.partition("/")[0] for name in names} == {"collab", wheel.name.split("-py3")[0] + ".dist-info"}
    for licence in ("LICENSE", "THIRD_PARTY_LICENSES"):
        assert any(name.endswith((f"dist-info/licenses/{licence}", f"/{licence}")) for name in names)


def test_the_sdist_holds_what_a_deployment_needs(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    deploy = {name for name in tracked_files(ROOT) if name.startswith("scripts/deploy/")}
    assert deploy
    assert deploy <= names
    assert {"README.md", "LICENSE", "CHANGELOG.md", "setup.cfg", "client-demo/package-lock.json"} <= names
    assert not [name for name in names if "node_modules/" in name]
