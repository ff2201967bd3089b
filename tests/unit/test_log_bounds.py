"""A log that nobody outside can fill, that one offender cannot fill for the others, and that says what it leaves out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextvars import Context
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

from collab import incidents
from collab.incidents import Incident
from collab.observe import log_bounds
from collab.observe.log_bounds import (
    ADDRESS_AGAIN,
    AT_ONCE,
    BURST,
    BURST_EACH,
    BURSTS,
    EVENT_AGAIN,
    FOR_OPERATORS,
    MAX_WINDOWS,
    QUIET,
    RATE,
    RESERVE,
    RESERVE_AT_ONCE,
    TOLD_EVERY,
    WINDOW,
    LogBounds,
)
from collab.observe.table import events

#: what an attacker of the whole house provokes
KINDS = [f"fault {number}" for number in range(30)]
PADDING = "x" * 200


class Log:
    """What of all that was said was written."""

    def __init__(self) -> None:
        self.bounds = LogBounds([self._note, lambda _logger, _method, event: json.dumps(event)])
        self.lines: list[dict[str, Any]] = []
        self.size = 0

    def _note(self, _logger: Any, _method: str, event: Any) -> Any:
        self.lines.append(dict(event))
        return event

    def say(self, words: str, times: int = 1, /, **fields: Any) -> list[dict[str, Any]]:
        before = len(self.lines)
        for _ in range(times):
            try:
                line = self.bounds(None, "info", {"event": words, **fields})
            except structlog.DropEvent:
                continue
            self.size += len(line) + 1
        return self.lines[before:]

    def told(self) -> list[Any]:
        with capture_logs() as lines:
            self.bounds.tell()
        return lines


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(log_bounds, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def log(clock: SimpleNamespace) -> Log:
    return Log()


@pytest.fixture
def besieged(log: Log, clock: SimpleNamespace) -> Log:
    """Nothing is left for what outsiders provoke."""
    for words in KINDS:
        for number in range(BURST + 1):
            log.say(words, connection=str(number), padding=PADDING)
    assert AT_ONCE < log.size < AT_ONCE + 2 * len(KINDS) * len(PADDING)
    return log


def use_up(log: Log) -> None:
    """One line more than there is room for, of those that are written once a minute."""
    size = 4 * int(AT_ONCE)
    assert log.say(f"news of {size} at {len(log.lines)}", padding="x" * size)


@pytest.fixture(autouse=True)
def names() -> Iterator[None]:
    before = set(incidents.NAMES)
    yield
    incidents.NAMES.clear()
    incidents.NAMES.update(before)


# -- of one event, and of one offender ----------------------------------------------------------


def test_a_line_that_repeats_is_written_a_few_times_and_then_counted(log: Log, clock: SimpleNamespace) -> None:
    assert len(log.say("token refused", 1000)) == BURST
    assert len(log.say("another", 1000)) == BURST
    clock.now += WINDOW + 1
    (line,) = log.say("token refused")
    assert line["left_out"] == 1000 - BURST
    (told,) = log.told()
    assert told["events"] == {"another": 1000 - BURST}


@pytest.mark.parametrize("who", ["connection", "participant", "document", "address"])
def test_one_offender_does_not_hide_another(log: Log, clock: SimpleNamespace, who: str) -> None:
    assert len(log.say("protocol error", 1000, **{who: "noisy"})) == BURST_EACH
    assert len(log.say("protocol error", 1000, **{who: "other"})) == BURST_EACH
    assert log.say("protocol error")
    clock.now += WINDOW + 1
    (line,) = log.say("protocol error", **{who: "noisy"})
    assert line["left_out"] == 2 * (1000 - BURST_EACH)


def test_offenders_are_not_remembered_for_ever(log: Log) -> None:
    for number in range(3 * MAX_WINDOWS):
        log.say("protocol error", connection=str(number), address=str(number))
    assert len(log.bounds._windows) <= MAX_WINDOWS
    assert len(log.bounds._written) <= MAX_WINDOWS
    assert len(log.bounds._addresses) <= log_bounds._MOST_ADDRESSES


def test_people_come_and_go_more_often_than_something_goes_wrong(log: Log, clock: SimpleNamespace) -> None:
    burst, each = BURSTS["session joined"]
    assert len(log.say("session joined", 100, participant="ann", document="a")) == each
    crowd = [log.say("session joined", participant=str(number)) for number in range(1000)]
    assert sum(map(len, crowd)) == burst - each
    clock.now += WINDOW + 1
    (line,) = log.say("session joined", participant="late")
    assert line["left_out"] == 1100 - burst


def test_whoever_connects_anew_is_the_same_offender(log: Log) -> None:
    lines = [log.say("session refused", participant="ann", connection=str(number)) for number in range(50)]
    assert sum(map(len, lines)) == BURST_EACH


# -- of all together ----------------------------------------------------------------------------


def test_all_that_outsiders_provoke_has_one_bound(log: Log, clock: SimpleNamespace) -> None:
    """Thirty ways at once, from ever new addresses: of each alone two lines a second would be written."""
    seconds = 600
    for second in range(seconds):
        for turn in range(4):
            for words in KINDS:
                log.say(words, connection=f"{second}-{turn}", address=f"192.0.2.{turn} {second}", padding=PADDING)
        clock.now += 1
    assert log.size < (RATE + RESERVE) * seconds + AT_ONCE + RESERVE_AT_ONCE + 30_000
    assert RATE + RESERVE < 1000


def test_a_quiet_time_gives_back_what_an_attack_has_used_up(besieged: Log, clock: SimpleNamespace) -> None:
    clock.now += 2 * AT_ONCE / RATE
    assert len(besieged.say(KINDS[0], BURST)) == BURST


def test_what_an_operator_has_to_know_is_never_held_back(besieged: Log) -> None:
    incident = Incident(SimpleNamespace(error=besieged.say, info=besieged.say), "it burns", "it is out")
    incident.begin(padding=PADDING)
    incident.end()
    assert [line["event"] for line in besieged.lines[-2:]] == ["it burns", "it is out"]
    for words in FOR_OPERATORS:
        assert besieged.say(words, padding=PADDING), words
    assert not besieged.say(KINDS[0])


def test_it_takes_nothing_from_the_others(log: Log) -> None:
    for _ in range(BURST):
        log.say("draining", padding="x" * int(AT_ONCE))
    assert len(log.say("token refused", BURST)) == BURST


def test_what_an_operator_has_to_know_is_an_event_that_there_is() -> None:
    assert {event.name for event in events()} >= FOR_OPERATORS


def test_an_attack_of_another_kind_is_named_beside_one(besieged: Log, clock: SimpleNamespace) -> None:
    assert len(besieged.say("token refused", 100, connection="other")) == 1
    clock.now += EVENT_AGAIN / 2
    use_up(besieged)
    assert not besieged.say("token refused", connection="other")
    clock.now += EVENT_AGAIN / 2
    use_up(besieged)
    assert len(besieged.say("token refused", 100, connection="other")) == 1


def test_every_address_is_named_once_beside_an_attack(besieged: Log, clock: SimpleNamespace) -> None:
    crowd = [besieged.say(KINDS[0], 10, address=f"192.0.2.{number}") for number in range(40)]
    assert [len(lines) for lines in crowd] == [1] * 40
    clock.now += WINDOW + 1
    use_up(besieged)
    assert not besieged.say(KINDS[0], address="192.0.2.7")
    assert besieged.say(KINDS[1], address="192.0.2.7")
    clock.now += ADDRESS_AGAIN
    use_up(besieged)
    assert besieged.say(KINDS[0], address="192.0.2.7")


def test_a_new_address_is_named_although_its_event_has_been_written_often(log: Log) -> None:
    assert len(log.say("connection refused", 1000)) == BURST
    assert len(log.say("connection refused", 10, address="192.0.2.1")) == 1


# -- what was held back -------------------------------------------------------------------------


def test_what_was_held_back_is_told_with_those_who_did_most_of_it(log: Log, clock: SimpleNamespace) -> None:
    for number in range(8):
        log.say("token refused", 100 + number, address=f"192.0.2.{number}")
    log.say("protocol error", 1000)
    clock.now += 3
    log.say("protocol error")
    (line,) = log.told()
    held = sum(100 + number for number in range(8)) + 1001 - len(log.lines)
    assert (line["event"], line["log_level"]) == ("lines were held back", "warning")
    assert (line["lines"], line["seconds"]) == (held, 3.0)
    assert line["events"] == {"protocol error": 1001 - BURST, "token refused": held - (1001 - BURST)}
    assert line["addresses"] == [f"192.0.2.{number}" for number in (7, 6, 5, 4, 3)]
    assert log.told() == []


def test_what_a_line_has_told_is_not_told_again(log: Log, clock: SimpleNamespace) -> None:
    log.say("token refused", 100, address="192.0.2.1")
    clock.now += WINDOW + 1
    (line,) = log.say("token refused")
    assert line["left_out"] == 100 - BURST_EACH
    assert log.told() == []


async def test_it_is_told_once_it_is_over(log: Log, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    timers = Timers(monkeypatch)
    with bound_contextvars(request="one of many"):
        log.say("token refused", 100)
    with capture_logs() as lines:
        clock.now += QUIET / 2
        log.say("token refused")
        timers.fire()
        assert lines == []
        clock.now += QUIET
        timers.fire()
        assert [line["lines"] for line in lines] == [101 - BURST]
        assert timers.waiting is None


async def test_what_goes_on_is_told_meanwhile(
    log: Log, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers = Timers(monkeypatch)
    use_up(log)
    with capture_logs() as lines:
        for _ in range(int(TOLD_EVERY)):
            log.say("protocol error", 100, connection="one")
            clock.now += 1
            if int(clock.now) % int(QUIET) == 0:
                timers.fire()
    assert [line["lines"] for line in lines] == [100 * int(TOLD_EVERY) - 1]


class Timers:
    """The loop's, of which there is one at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: Any = None
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", self._later, raising=False)

    def _later(self, _seconds: float, call: Any, *, context: Context) -> SimpleNamespace:
        assert self.waiting is None
        assert not context, "what is told is of no request"
        self.waiting = call
        return SimpleNamespace(cancel=lambda: None)

    def fire(self) -> None:
        call, self.waiting = self.waiting, None
        call()
