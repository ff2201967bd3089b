"""The signals that ask a server to end, or to read its settings again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from collab import operator_signals
from collab.config import ConfigError, Settings
from collab.operator_signals import reload_on_hup, stop_on_signals

ENDING = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2")


@pytest.fixture(autouse=True)
async def handlers() -> AsyncIterator[None]:
    """Gives the signals back to the test run."""
    configured = structlog.get_config()
    yield
    for name in (*ENDING, "SIGHUP"):
        asyncio.get_running_loop().remove_signal_handler(getattr(signal, name))
    structlog.configure(**configured)


@pytest.mark.parametrize("name", ENDING)
async def test_one_asks_and_two_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(os, "_exit", ended.set_result)
    stop = stop_on_signals()
    os.kill(os.getpid(), getattr(signal, name))
    await asyncio.wait_for(stop.wait(), 5)
    assert not ended.done()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(ended, 5) == 1


async def test_settings_are_compared_with_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_signals, "configure_logging", lambda _format, level: levels.append(level))
    levels: list[str] = []
    running = Settings()
    reads: list[Settings | ConfigError] = [
        replace(running, log_level="debug", port=1),
        replace(running, log_level="debug"),
        ConfigError("a bad value"),
    ]

    def read() -> Settings:
        found = reads.pop(0)
        if isinstance(found, ConfigError):
            raise found
        return found

    reload_on_hup(running, read)
    lines: list[dict[str, object]] = []
    while reads:
        left = len(reads)
        with capture_logs() as said:
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(5):
                while len(reads) == left:
                    await asyncio.sleep(0)
        lines += said  # type: ignore[arg-type]
    assert [(line.get("taken"), line.get("after_a_restart"), line.get("reason")) for line in lines] == [
        (["log-level"], ["port"], None),
        ([], [], None),
        (None, None, "a bad value"),
    ]
    assert levels == ["debug", "debug"]


async def test_a_program_s_server_ignores_it() -> None:
    reload_on_hup(Settings(), None)
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0)
