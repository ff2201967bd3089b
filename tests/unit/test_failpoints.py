"""A process ends at the place, and at the time, that the environment names; and nowhere if it names none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from collab.stores import failpoints

#: reaches two places, one after the other, three times
CODE = """
from collab.stores.failpoints import failpoint
for number in range(3):
    for name in ("here", "there"):
        print(name, number, flush=True)
        failpoint(name)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("armed", "last"), [("", None), ("elsewhere", None), ("here", "here 0"), ("there", "there 0"), ("here:3", "here 2")]
)
def test_it_ends_where_it_should(armed: str, last: str | None) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE], env={"COLLAB_FAILPOINT": armed, "PATH": ""}, capture_output=True, text=True
    )
    if last is None:
        assert (ended.returncode, ended.stdout.split("\n")[-2]) == (0, "there 2")
    else:
        assert (ended.returncode, ended.stdout.split("\n")[-2]) == (-signal.SIGKILL, last), "as a power cut would"


def test_only_the_place_that_is_named_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _process, sent: killed.append(sent))
    monkeypatch.setattr(failpoints, "_name", "here")
    monkeypatch.setattr(failpoints, "_left", 2)
    for name in ("here", "there", "there", "elsewhere"):
        failpoints.failpoint(name)
    assert killed == []
    failpoints.failpoint("here")
    assert killed == [signal.SIGKILL]
