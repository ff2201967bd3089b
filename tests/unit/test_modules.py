"""Every module has a file of unit tests that is named after it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, tracked_files

FILES = set(tracked_files())

MODULES = [
    name
    for name in sorted(FILES)
    if name.startswith("collab/")
    and not name.startswith("collab/commands/starts/")
    and name.endswith(".py")
    and not Path(name).name.startswith("_")
]


def own_files(module: str) -> list[str]:
    """The files of unit tests that are named after a module; where several modules have the name, they import it."""
    path = Path(module)
    names = [f"test_{path.stem}.py", f"test_{path.parent.name}_{path.stem}.py"]
    found = [name for name in names if f"tests/unit/{name}" in FILES]
    if len([each for each in MODULES if Path(each).stem == path.stem]) == 1:
        return found
    dotted = module.removesuffix(".py").replace("/", ".")
    package, _, name = dotted.rpartition(".")
    imported = re.compile(rf"{re.escape(dotted)}\b|from {re.escape(package)} import [^\n]*\b{name}\b")
    return [each for each in found if imported.search((ROOT / "tests" / "unit" / each).read_text())]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_unit_tests_by_its_name(module: str) -> None:
    assert own_files(module), "write tests/unit/test_<name>.py; where others have the name, test_<folder>_<name>.py"


def test_nothing_waits_by_a_function_that_may_swallow_its_cancellation() -> None:
    """``asyncio.wait_for`` of Python 3.11 returns what has just come, although its task was cancelled meanwhile
    (CPython gh-86296); ``asyncio.timeout`` does not."""
    waits = re.compile(r"\basyncio\.wait_for\(")
    looked_at = [
        name for name in FILES if name.startswith(("collab/", "scripts/", "tests/support/")) and name.endswith(".py")
    ]
    assert [name for name in sorted(looked_at) if waits.search((ROOT / name).read_text())] == []
