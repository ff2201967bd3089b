"""Pages and comments name what a clone has, and every numbered rule has a test that says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, tracked_files

NAMES = tracked_files()
FILES = set(NAMES)
FOLDERS = {parent.as_posix() for name in NAMES for parent in Path(name).parents}
PAGES = [name for name in NAMES if name.endswith(".md")]
#: files whose comments name other files
SOURCES = [
    name
    for name in NAMES
    if name.endswith((".py", ".ts", ".mjs", ".cfg", ".toml", ".md", ".conf.in", "Dockerfile"))
    or (name.startswith("scripts/") and "." not in Path(name).name)
]
#: made by running something, a pattern, or no path at all: what board clips are called
MADE = re.compile(
    r"^(collab/board$|.*/test_$|\.venv|node_modules|dist|bench-results|sbom|build|collab/static|tests/output|collab\.db|collab\.toml|notes\.mjs)"
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#([^)]+))?\)")
#: a path below one of our own folders, or one that leads out of the repository
PATH = re.compile(r"(?<![\w/.:@-])((?:collab|tests|scripts|client-demo)/[\w./-]*\w|\.\./[\w./-]+)")
RULE = re.compile(r"(?m)^- \*\*([A-Z]\d+)\*\*")


def anchor(heading: str) -> str:
    """What forges make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target, part in LINK.findall((ROOT / page).read_text()):
        path = (ROOT / page).parent.joinpath(target).resolve()
        assert path.exists(), target
        if part:
            headings = re.findall(r"(?m)^#+ (.+)$", path.read_text())
            assert part in map(anchor, headings), f"{target}#{part}"


def test_every_path_that_is_named_is_in_the_repository() -> None:
    assert [f"{source}: {named}" for source in SOURCES for named in lost_in(source)] == []


def lost_in(source: str) -> list[str]:
    """The paths that a file names and no clone has."""
    lost = []
    for line in (ROOT / source).read_text().splitlines():
        if "import " in line or "from '" in line:
            continue
        for named in PATH.findall(line):
            if named.startswith("../"):
                if not (ROOT / source).parent.joinpath(named).resolve().is_relative_to(ROOT):
                    lost.append(named)
                continue
            name = named.rstrip("/.")
            made = "*" in name or MADE.match(name) or "node_modules" in name
            if not made and name not in FILES and name not in FOLDERS:
                lost.append(named)
    return lost


def test_every_rule_is_named_by_a_test() -> None:
    rules = RULE.findall((ROOT / "collab" / "PROTOCOL.md").read_text())
    assert len(rules) == len(set(rules))
    tests = "\n".join((ROOT / name).read_text() for name in NAMES if name.startswith("tests/") and name.endswith(".py"))
    named = set(re.findall(r"\b([A-Z]\d{1,2})\b", tests))
    for letter, first, last in re.findall(r"\b([A-Z])(\d{1,2}) to \1(\d{1,2})\b", tests):
        named |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
    assert [rule for rule in rules if rule not in named] == []


def test_no_page_is_asked_to_evaluate_strings() -> None:
    """Playwright's ``wait_for_function`` does at its second look, which a content security policy refuses."""
    waits = re.compile(r"\.wait_for_function\(")
    assert [name for name in NAMES if name.endswith(".py") and waits.search((ROOT / name).read_text())] == []


def test_the_top_level_has_only_what_belongs_there() -> None:
    """What somebody's run left behind shows there first."""
    assert {name.partition("/")[0] for name in NAMES} == {
        *(".ci", ".github", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
        *("MANIFEST.in", "README.md", "SECURITY.md", "client-demo", "collab", "pyproject.toml", "scripts", "setup.cfg"),
        "tests",
    }
