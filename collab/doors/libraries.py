"""Libraries whose private names are used, and the releases that were tested with them.

``setup.cfg`` says what may be installed; ``tests/unit/test_libraries.py`` holds the two against each other.
Where a public way exists, a release beyond the tested ones runs it (aiohttp); where none does, ``setup.cfg``
keeps such releases away, and one that came in all the same is refused in words.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

Release = tuple[int, int]

#: library -> first release that was tested, first that was not
TESTED: dict[str, tuple[Release, Release]] = {
    "aiohttp": ((3, 14), (3, 15)),
    "python-engineio": ((4, 12), (4, 16)),
    "python-socketio": ((5, 14), (5, 19)),
}


@cache  # every connection asks, and the answer is in files
def release(library: str) -> Release:
    """Major and minor number of what was installed when this was asked first."""
    major, minor = version(library).split(".")[:2]
    return int(major), int(minor)


def is_tested(library: str) -> bool:
    """Whether the installed release is one whose private names are known."""
    low, high = TESTED[library]
    return low <= release(library) < high


def require_tested(library: str) -> None:
    """Raise RuntimeError, with words for whoever installs, where :func:`is_tested` says no."""
    if not is_tested(library):
        low, high = (".".join(map(str, edge)) for edge in TESTED[library])
        raise RuntimeError(
            f"{library} {version(library)} was never tested with collab: install one from {low} up to, not "
            f"including, {high}"
        )
