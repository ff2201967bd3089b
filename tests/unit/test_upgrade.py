"""From polling to WebSocket: only the probe counts, and whatever else comes leaves the session where it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from collab.doors.socketio.upgrade import Probe
from collab.doors.websocket.writer import websocket_frame

ANSWER = websocket_frame(0x81, b"3probe")


class Upgrade:
    """A session that polls, a WebSocket that would take it over, and a probe on that."""

    def __init__(self, timeout: float = 5.0) -> None:
        self.written: list[bytes] = []
        self.attached = self.woken = self.started = 0
        self.session = SimpleNamespace(
            upgrading=False, upgraded=False, closed=False, address="203.0.113.9", server=SimpleNamespace(upgrade_timeout=timeout),
            attach=self.attach, wake_poll=self.wake,
        )  # fmt: skip
        self.websocket = SimpleNamespace(owner=None, start=self.start, ended=asyncio.get_running_loop().create_future())
        self.probe = Probe(self.session)  # type: ignore[arg-type]
        self.transport: Any = SimpleNamespace(write=self.written.append)

    def attach(self, websocket: Any, transport: Any) -> None:
        assert (websocket, transport) == (self.websocket, self.transport)
        self.attached += 1

    def wake(self) -> None:
        self.woken += 1

    def start(self) -> None:
        self.started += 1

    async def play(self, *frames: str | bytes) -> bool:
        """What comes of these frames."""
        switching = asyncio.create_task(self.probe.switched(self.websocket, self.transport))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        for frame in frames:
            self.probe.take_frame(frame)
        async with asyncio.timeout(10):
            return await switching


async def test_who_probes_and_then_switches_is_on_the_websocket() -> None:
    upgrade = Upgrade()
    assert await upgrade.play("2probe", "5")
    assert upgrade.written == [ANSWER]
    assert (upgrade.started, upgrade.woken, upgrade.attached) == (1, 1, 1)
    assert upgrade.websocket.owner is upgrade.session
    assert not upgrade.session.upgrading
    upgrade.probe.take_frame("4late")
    assert upgrade.attached == 1


@pytest.mark.parametrize(
    "frames",
    [("5",), ("2probe", "2probe"), ("2",), ("4hello",), (b"2probe",), ("2probe", "4x"), ("2probe", b"5"), ("",)],
)
async def test_whatever_else_comes_leaves_the_session_polling(frames: tuple[str | bytes, ...]) -> None:
    upgrade = Upgrade()
    assert not await upgrade.play(*frames)
    assert upgrade.attached == 0
    assert not upgrade.session.upgrading
    upgrade.probe.take_frame("5")
    assert upgrade.attached == 0


async def test_a_probe_that_ends_or_takes_too_long_is_over() -> None:
    upgrade = Upgrade(timeout=0.02)
    assert not await upgrade.play("2probe")
    upgrade.probe.take_frame("5")
    assert (upgrade.attached, upgrade.session.upgrading) == (0, False)
    upgrade = Upgrade()
    upgrade.websocket.ended.set_result(None)
    assert not await upgrade.play("2probe")
    assert upgrade.attached == 0


@pytest.mark.parametrize("state", ["upgrading", "upgraded", "closed"])
async def test_a_session_is_taken_over_once(state: str) -> None:
    upgrade = Upgrade()
    setattr(upgrade.session, state, True)
    assert not await upgrade.play()
    assert (upgrade.started, getattr(upgrade.session, state)) == (0, True)


async def test_a_session_that_ended_meanwhile_is_not_switched() -> None:
    upgrade = Upgrade()
    switching = asyncio.create_task(upgrade.probe.switched(upgrade.websocket, upgrade.transport))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    upgrade.probe.take_frame("2probe")
    upgrade.session.closed = True
    upgrade.probe.take_frame("5")
    assert not await switching
    assert upgrade.attached == 0
