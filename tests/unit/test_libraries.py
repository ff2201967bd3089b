"""What setup.cfg lets in and what the code was tested with are one statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
import structlog
from packaging.requirements import Requirement
from packaging.version import Version

from collab.doors import libraries
from collab.doors.websocket.accept import socket_type
from collab.doors.websocket.frame_socket import FrameSocket
from collab.doors.websocket.tapped_socket import TappedSocket

ROOT = Path(__file__).parents[2]
#: modules of which private names are used: library -> the files that may know them
PRIVATE = {"aiohttp": {"collab/doors/websocket/tapped_socket.py"}}


def requirements() -> list[Requirement]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return [Requirement(line) for line in config["options"]["install_requires"].split("\n") if line]


@pytest.fixture
def fresh_choice() -> Iterator[None]:
    socket_type.cache_clear()
    yield
    socket_type.cache_clear()


@pytest.mark.parametrize("library", libraries.TESTED)
def test_what_may_be_installed_starts(library: str) -> None:
    """The oldest allowed release is a tested one; so are all, but where a public way exists."""
    allowed = next(each.specifier for each in requirements() if each.name == library)
    low, high = (Version(".".join(map(str, edge))) for edge in libraries.TESTED[library])
    edges = {each.operator: Version(each.version) for each in allowed}
    assert edges[">="] == low
    if library == "aiohttp":
        assert edges["<"] >= high
    else:
        assert edges["<"] == high, "a release that nobody tested would be refused"


@pytest.mark.parametrize("requirement", requirements(), ids=lambda each: each.name)
def test_every_range_has_both_ends(requirement: Requirement) -> None:
    operators = sorted(each.operator for each in requirement.specifier)
    assert operators == ["<", ">="]


@pytest.mark.slow
def test_no_other_file_knows_private_modules() -> None:
    for path in sorted((ROOT / "collab").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module is None or not any(part.startswith("_") for part in module.split(".")[1:]):
                continue
            library = module.partition(".")[0]
            assert library in ("collab", "__future__") or name in PRIVATE.get(library, set()), f"{name}: {module}"


def test_a_tested_aiohttp_gets_the_fast_way(fresh_choice: None) -> None:
    with structlog.testing.capture_logs() as lines:
        assert socket_type() is TappedSocket
    assert lines == []


@pytest.mark.parametrize("installed", [(3, 13), (3, 15), (4, 0)])
def test_another_aiohttp_gets_the_public_way_and_the_log_says_so_once(
    fresh_choice: None, monkeypatch: pytest.MonkeyPatch, installed: tuple[int, int]
) -> None:
    monkeypatch.setattr(libraries, "release", lambda _library: installed)
    with structlog.testing.capture_logs() as lines:
        assert {socket_type(), socket_type()} == {FrameSocket}
    assert [line["log_level"] for line in lines] == ["warning"]


def test_a_library_without_a_public_way_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "release", lambda _library: (5, 19))
    with pytest.raises(RuntimeError, match=r"python-socketio .* from 5\.14 up to, not including, 5\.19"):
        libraries.require_tested("python-socketio")


def test_what_is_installed_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection asks, and looking takes a millisecond."""
    asked: list[str] = []
    monkeypatch.setattr(libraries, "version", lambda library: asked.append(library) or "3.14.0")
    libraries.release.cache_clear()
    try:
        assert all(libraries.is_tested("aiohttp") for _ in range(3))
    finally:
        libraries.release.cache_clear()
    assert asked == ["aiohttp"]
