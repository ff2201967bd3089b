"""Every module has a file of unit tests that is named after it, or is listed here with the suite that holds it.

The list only gets shorter: a module that has a file leaves it, and a new module has a file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, tracked_files

FILES = set(tracked_files())

#: suite -> modules that have no file of their own; most need real sockets, processes or a Redis to say anything
ELSEWHERE = {
    "tests/wire/test_engineio.py": (
        "doors/socketio/engine.py",
        "doors/socketio/engine_socket.py",
    ),
    "tests/wire/test_rest.py": ("doors/http/door.py",),
    "tests/wire/test_socketio.py": ("doors/socketio/door.py",),
}
LISTED = {f"collab/{module}": suite for suite, modules in ELSEWHERE.items() for module in modules}
MODULES = [
    name
    for name in sorted(FILES)
    if name.startswith("collab/")
    and not name.startswith("collab/commands/starts/")
    and name.endswith(".py")
    and not Path(name).name.startswith("_")
]
#: modules without a file of their own when this was written last
MOST = 4


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
    if own_files(module):
        assert module not in LISTED, "take it off the list: it has a file"
    else:
        assert module in LISTED, "write tests/unit/test_<name>.py, which imports it"


def test_the_list_is_of_modules_and_suites_that_are_there_and_gets_shorter() -> None:
    assert set(LISTED) <= set(MODULES)
    assert all((ROOT / suite).is_file() for suite in ELSEWHERE)
    assert len(LISTED) <= MOST
