"""What an operator says by signals: save and end; end at once; read the settings again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import fields, replace

import structlog

from collab.config import ConfigError, Settings, setting_name
from collab.logging import configure_logging

_log = structlog.get_logger("collab")

#: a process manager's or a person's way to say: end. Left alone, some of them end a process without saving
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
#: what takes effect while the server runs
RELOADED = frozenset({"log_level", "log_format"})

Reload = Callable[[], Settings]


def stop_on_signals() -> asyncio.Event:
    """An event that is set when the server is to save and end; a second signal ends the process at once, with 1.

    To be called in the main thread, before anybody is told that the server is there.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            _log.warning("ended at once", signal=number.name, reason="a second signal")
            os._exit(1)
        stop.set()

    for number in _ENDING:
        loop.add_signal_handler(number, on_signal, number)
    return stop


def reload_on_hup(settings: Settings, read: Reload | None) -> None:
    """On SIGHUP, take from the settings as they are now what needs no restart, and log what does.

    Args:
        settings: what the server was started with.
        read: reads them again, raises ConfigError; None where they come from a program, and nothing can be read.
    """
    loop = asyncio.get_running_loop()
    shown = settings

    def on_hup() -> None:
        nonlocal shown
        if read is None:
            return
        try:
            now = read()
        except ConfigError as error:
            _log.error("settings not reloaded", reason=str(error))
            return
        changed = {field.name for field in fields(Settings) if getattr(now, field.name) != getattr(shown, field.name)}
        taken = changed & RELOADED
        shown = replace(shown, **{name: getattr(now, name) for name in taken})
        configure_logging(shown.log_format, shown.log_level)
        _log.warning(
            "settings reloaded",
            taken=sorted(map(setting_name, taken)),
            after_a_restart=sorted(map(setting_name, changed - taken)),
        )

    loop.add_signal_handler(signal.SIGHUP, on_hup)
