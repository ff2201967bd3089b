"""``scripts/bench counting``: what counting costs, by the same server with and without it, in turn.

The first of a pair is each of them in turn, so that a machine that becomes slower harms neither. What counts is the
server's CPU for a delivery; figures of one kind differ by as much as the table shows, and less than that says nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.servers import OURS, OUTPUT

_SCRIPTS = Path(__file__).parents[1]
#: a server that counts nothing: see the file in there
UNCOUNTED = Path(__file__).parent / "uncounted"
#: the difference that this project allows itself, in percent
GOAL = 2.0


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs of one workload, in microseconds of CPU a delivery."""

    counted: tuple[float, ...]
    uncounted: tuple[float, ...]

    @property
    def percent(self) -> float:
        """How much more the median of the runs with counting takes."""
        return 100 * (statistics.median(self.counted) / statistics.median(self.uncounted) - 1)

    @property
    def least_percent(self) -> float:
        """The same of the least of each, which neighbours disturbed least."""
        return 100 * (min(self.counted) / min(self.uncounted) - 1)

    @property
    def noise(self) -> float:
        """By how much runs of one kind differ, in percent of the least."""
        return max(100 * (max(runs) / min(runs) - 1) for runs in (self.counted, self.uncounted))


def order(runs: int) -> list[bool]:
    """Which runs count, one after the other: each kind ``runs`` times, and first in every second pair."""
    return [(turn % 2 == 0) == (place == 0) for turn in range(runs) for place in (0, 1)]


def figures(content: Mapping[str, object]) -> dict[str, float]:
    """Workload -> microseconds of CPU a delivery, of what ``scripts/bench`` wrote."""
    workloads = content["workloads"]
    assert isinstance(workloads, dict)
    return {name: float(each["servers"][OURS]["figures"]["cpu_us"]) for name, each in workloads.items()}


def measure(names: Sequence[str], options: Sequence[str], *, counted: bool) -> dict[str, float]:
    """One run of the workloads, in a process of its own."""
    before = set(OUTPUT.glob("*.json"))
    path = [str(_SCRIPTS)] if counted else [str(UNCOUNTED), str(_SCRIPTS)]
    subprocess.run(
        [sys.executable, "-m", "benchmarks", *names, "--peers", "none", *options], check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (written,) = set(OUTPUT.glob("*.json")) - before
    return figures(json.loads(written.read_text()))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--runs", type=click.IntRange(1), default=6, show_default=True, help="Of each kind.")
@click.option("--patience", type=click.FloatRange(0), default=60.0, show_default=True, help="As of scripts/bench.")
@click.option("--seconds", type=click.FloatRange(1), help="As of scripts/bench.")
def main(names: tuple[str, ...], runs: int, patience: float, seconds: float | None) -> None:
    """Measure what counting costs the server.

    NAME is a workload of scripts/bench in which people type; typist and documents without any.
    """
    options = ["--patience", str(patience), *(["--seconds", str(seconds)] if seconds is not None else [])]
    taken: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for number, counted in enumerate(order(runs), 1):
        print(f"run {number} of {2 * runs}, {'with' if counted else 'without'} counting", file=sys.stderr)
        taken[counted].append(measure(names or ("typist", "documents"), options, counted=counted))
    table = Table("workload", "kind", "CPU us a delivery, run by run", "median", "least")
    for name in taken[True][0]:
        kinds = [tuple(run[name] for run in taken[kind]) for kind in (True, False)]
        for word, each in zip(("counted", "uncounted"), kinds, strict=True):
            shown = "  ".join(f"{value:.2f}" for value in each)
            table.add_row(name, word, shown, f"{statistics.median(each):.2f}", f"{min(each):.2f}")
        compared = Compared(*kinds)
        words = f"runs of one kind differ by {compared.noise:.0f} %; goal {GOAL:.0f} %"
        table.add_row("", "difference", words, f"{compared.percent:+.1f} %", f"{compared.least_percent:+.1f} %")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
