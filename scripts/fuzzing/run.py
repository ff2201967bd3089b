"""One target in a process of its own, until libFuzzer's time is up.

``python -m fuzzing.run TARGET [libFuzzer's options]``
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["collab", "markdown_it"]):
    from fuzzing.targets import one


def main() -> None:
    """See above."""
    target = sys.argv.pop(1)

    def test(data: bytes) -> None:
        one(target, data)

    atheris.Setup(sys.argv, test)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
