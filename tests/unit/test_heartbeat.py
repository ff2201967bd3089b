"""Pings of all connections in a few bursts, and who is missed."""

from __future__ import annotations

import asyncio

import pytest

from collab.doors.websocket.heartbeat import BEATS, Heartbeat

INTERVAL = 0.25


class Peer:
    """A connection that notes what is done to it."""

    def __init__(self, heartbeat: Heartbeat, *, answers: bool = True, held: int = 0) -> None:
        self.heard_at = heartbeat.beat
        self.ping_slot = 0
        self.pings: list[int] = []
        self.ended = 0
        self.first_ping_at = self.ended_at = 0.0
        self._heartbeat = heartbeat
        self._answers = answers
        self._held = held
        heartbeat.add(self)

    def ping(self) -> None:
        self.pings.append(self._heartbeat.beat)
        self.first_ping_at = self.first_ping_at or asyncio.get_running_loop().time()
        if self._answers:
            self.heard_at = self._heartbeat.beat

    def fell_silent(self) -> bool:
        if self._held:
            self._held -= 1
            return False
        self.ended += 1
        self.ended_at = asyncio.get_running_loop().time()
        self._heartbeat.remove(self)
        return True


async def until(condition: object, timeout: float = 30.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.slow
async def test_everybody_is_pinged_once_per_interval() -> None:
    heartbeat = Heartbeat(INTERVAL, 1.0)
    peers = [Peer(heartbeat) for _ in range(40)]
    await until(lambda: all(len(peer.pings) >= 3 for peer in peers))
    for peer in peers:
        first, second, third = peer.pings[:3]
        assert second - first == third - second == BEATS
        assert first <= BEATS, "the first not later than one interval"
        assert not peer.ended
    bursts = {peer.pings[0] for peer in peers}
    assert len(bursts) == 5, "newcomers of one moment are spread over a few bursts"


@pytest.mark.slow
async def test_who_does_not_answer_in_time_is_missed_once() -> None:
    heartbeat = Heartbeat(INTERVAL, 2 * INTERVAL)
    silent, lively = Peer(heartbeat, answers=False), Peer(heartbeat)
    await until(lambda: silent.ended)
    assert silent.ended_at - silent.first_ping_at >= 2 * INTERVAL
    await until(lambda: len(lively.pings) >= len(silent.pings) + 3)
    assert (silent.ended, lively.ended) == (1, 0)


@pytest.mark.slow
async def test_an_answer_to_a_later_ping_counts_for_the_earlier_ones() -> None:
    heartbeat = Heartbeat(INTERVAL, 3 * INTERVAL)
    slow = Peer(heartbeat, answers=False)
    await until(lambda: len(slow.pings) == 2)
    slow.heard_at = heartbeat.beat
    slow._answers = True
    await until(lambda: len(slow.pings) >= 6)
    assert slow.ended == 0


@pytest.mark.slow
async def test_who_is_held_up_gets_more_time() -> None:
    heartbeat = Heartbeat(INTERVAL, INTERVAL)
    held = Peer(heartbeat, answers=False, held=2)
    await until(lambda: held.ended)
    assert held.ended_at - held.first_ping_at >= 2 * INTERVAL


@pytest.mark.slow
async def test_nobody_to_ping_costs_nothing() -> None:
    heartbeat = Heartbeat(INTERVAL, INTERVAL)
    peer = Peer(heartbeat)
    await until(lambda: peer.pings)
    heartbeat.remove(peer)
    heartbeat.remove(peer)
    await until(lambda: heartbeat._timer is None)
    beat = heartbeat.beat
    other = Peer(heartbeat)
    await until(lambda: other.pings)
    assert heartbeat.beat > beat
    assert len(peer.pings) == 1


@pytest.mark.parametrize("interval", [25.0, 0.3])
async def test_the_first_ping_comes_within_one_interval(interval: float) -> None:
    heartbeat = Heartbeat(interval, interval)
    for beat in range(60):
        heartbeat.beat = beat
        peer = Peer(heartbeat)
        wait = (peer.ping_slot - beat - 1) % BEATS + 1
        assert BEATS - 8 < wait <= BEATS - 3, "whoever never answers is gone within interval and timeout"
        heartbeat.remove(peer)
    assert heartbeat._timer is not None
    heartbeat._timer.cancel()
