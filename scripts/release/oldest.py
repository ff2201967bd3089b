"""Print pip constraints that pin every dependency of the server to the oldest release that ``setup.cfg`` allows.

What those libraries need themselves is left to them, and so are the tools of the tests.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def requirements(config: Path = ROOT / "setup.cfg") -> list[Requirement]:
    """What the package needs to run."""
    parser = ConfigParser()
    parser.read(config)
    return [Requirement(line) for line in parser["options"]["install_requires"].splitlines() if line]


def oldest(requirement: Requirement) -> str:
    """``name==release`` for the lower end of a range; raises ValueError where it has none."""
    for each in requirement.specifier:
        if each.operator == ">=":
            return f"{requirement.name}=={each.version}"
    raise ValueError(f"{requirement} has no lower end")


if __name__ == "__main__":
    for requirement in requirements():
        print(oldest(requirement))
