"""One person types faster and faster until the readers fall behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from benchmarks.load import Metronome, until
from benchmarks.process import ServerProcess
from benchmarks.servers import Server
from benchmarks.workloads.base import MEMORY_COLUMNS, Column, Options, Outcome, Workload, running
from benchmarks.workloads.typing import UNHURRIED, Crowd, Measured, Plan, check, measure

_READERS = 100
_FIRST_RATE = 200.0
_FACTOR = 1.6
_MOST = 200_000.0
#: p99 in milliseconds beyond which readers count as behind
_LIMIT = 250.0
#: seconds at a high rate before they are measured
_LEAD = 0.5
#: seconds that a server may take to catch up after too much
_SETTLING = 10.0


async def run(server: Server, options: Options) -> Outcome:
    """Raise the rate step by step, then narrow the limit down, each time with a fresh server."""
    outcome = Outcome(series={"steps": []})
    best: Measured | None = None
    good, bad = 0.0, 0.0

    def note(rate: float, measured: Measured) -> bool:
        nonlocal best, good, bad
        kept_up = measured.delivered > 0.9 * rate * _READERS * measured.cpu.seconds
        held = kept_up and measured.latency.p99 <= _LIMIT
        outcome.series["steps"].append({"rate": rate, "held": float(held), **measured.figures()})
        if held:
            good, best = rate, measured
        else:
            bad = rate
        return held

    async def climb(rates: Iterable[float]) -> None:
        async with running(server, options, UNHURRIED) as process:
            crowd = await Crowd.gather(
                server, process, Plan(documents=1, people=_READERS + 1, typists=1, rate=_FIRST_RATE)
            )
            await _type(crowd, _FIRST_RATE, options.warm_up)
            for rate in rates:
                if not note(rate, await _step(crowd, process, rate, options)):
                    break
                await until(crowd.settled, _SETTLING)
            if await until(crowd.settled, _SETTLING):
                await check(crowd, outcome)
            elif good and not bad:
                outcome.problems.append("deliveries are missing")
            else:
                outcome.remarks.append(f"had not recovered {_SETTLING:.0f} s after {bad:,.0f} keys/s")
            crowd.leave()

    await climb(_rising())
    for _ in range(1 if options.quick else 3):
        if good and bad:
            await climb([(good + bad) / 2])
    if best is None:
        outcome.problems.append("readers fell behind at the lowest rate")
    else:
        outcome.figures |= best.figures() | {"keys_per_second": good}
        outcome.remarks += best.remarks()
    if not bad:
        outcome.remarks.append(f"the limit lies beyond {good:,.0f} keys/s")
    return outcome


def _rising() -> Iterable[float]:
    rate = _FIRST_RATE
    while rate <= _MOST:
        yield rate
        rate *= _FACTOR


async def _type(crowd: Crowd, rate: float, seconds: float) -> None:
    metronome = Metronome(crowd.typists, rate)
    metronome.start()
    await asyncio.sleep(seconds)
    metronome.stop()


async def _step(crowd: Crowd, process: ServerProcess, rate: float, options: Options) -> Measured:
    seconds = 1.5 if options.quick else (options.seconds or 3.0)
    for typist in crowd.typists:
        typist.prepare(int(rate * (seconds + _LEAD + 1.0)))
    metronome = Metronome(crowd.typists, rate)
    metronome.start()
    await asyncio.sleep(_LEAD)
    measured = await measure(process, crowd.ledger, seconds)
    metronome.stop()
    return measured


SATURATION = Workload(
    "saturation",
    "1 document, 100 readers, the typing rate raised until p99 > 250 ms",
    (
        Column("deliveries_per_second", "deliveries/s", "{:,.0f}"),
        Column("keys_per_second", "keys/s in", "{:,.0f}"),
        Column("cpu_us", "CPU us/delivery", "{:,.2f}"),
        Column("p50_ms", "p50 ms", "{:,.0f}"),
        Column("p99_ms", "p99 ms", "{:,.0f}"),
        *MEMORY_COLUMNS,
        Column("load_percent", "load gen. %", "{:.0f}"),
    ),
    "deliveries_per_second",
    run,
    more_is_better=True,
    long=True,
)
