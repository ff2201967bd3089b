"""How many processes, and how each is started."""

from __future__ import annotations

import os
import sys

import pytest

from collab.commands.processes import count_of, own_command
from collab.config import ConfigError, load_settings

REDIS = load_settings({"redis": "redis://127.0.0.1:6379"}, {})


def test_how_many() -> None:
    assert count_of("3", REDIS) == 3
    assert count_of("auto", REDIS) == len(os.sched_getaffinity(0))
    for words in ("0", "257", "-1", "many", ""):
        with pytest.raises(
            ConfigError, match=r"processes: .* is not allowed; allowed: auto, or a number from 1 to 256"
        ):
            count_of(words, REDIS)
    with pytest.raises(ConfigError, match="together with --redis URL"):
        count_of("2", load_settings({}, {}))


@pytest.mark.parametrize("given", [["--processes", "4"], ["--processes=4"]])
def test_the_command_of_one(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["collab", "serve", "--port", "0", *given, "--redis", "redis://h"])
    assert own_command()[1:] == ["-m", "collab", "serve", "--port", "0", "--redis", "redis://h"]
