"""The outcome for people (a table per workload) and for machines (one JSON file)."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.kernel import KernelMemory
from benchmarks.servers import COUNTERPARTS, FLOOR, OURS, OURS_MEMORY, REPOSITORY, SERVERS, versions
from benchmarks.workloads.base import Outcome, Workload

#: beyond this share of the server's core taken by others a round counts only if there is no better
_DISTURBED_PERCENT = 10.0
#: figures that are no cost of the server's
_NOT_COMPARED = frozenset({"load_percent", "others_percent", "texts_compared", "receivers"})


@dataclass(slots=True)
class Result:
    """All rounds of one workload: server -> outcomes."""

    workload: Workload
    rounds: dict[str, list[Outcome]] = field(default_factory=dict)

    def figures(self, server: str) -> dict[str, float]:
        """The median of each figure over the rounds that nobody disturbed, or over all of them."""
        rounds = [outcome.figures for outcome in self.rounds[server] if outcome.figures]
        calm = [figures for figures in rounds if figures.get("others_percent", 0.0) <= _DISTURBED_PERCENT]
        chosen = calm or rounds
        keys = dict.fromkeys(key for figures in chosen for key in figures)
        return {key: statistics.median([f[key] for f in chosen if key in f]) for key in keys}

    def of_floor(self, server: str) -> dict[str, float]:
        """Each figure as a multiple of the floor's in the same run, of those that say what a server takes."""
        if FLOOR not in self.rounds or server == FLOOR:
            return {}
        floor = self.figures(FLOOR)
        return {
            key: value / floor[key]
            for key, value in self.figures(server).items()
            if key not in _NOT_COMPARED and floor.get(key)
        }

    def ratio(self, server: str) -> float | None:
        """Ours, by the same wire where it was measured, divided by the server's, by the workload's key figure."""
        ours_by = COUNTERPARTS.get(server, OURS)
        if ours_by not in self.rounds:
            ours_by = OURS
        if (SERVERS[server].ours and server != OURS_MEMORY) or ours_by not in self.rounds:
            return None
        ours, theirs = self.figures(ours_by).get(self.workload.key), self.figures(server).get(self.workload.key)
        return ours / theirs if ours is not None and theirs else None

    def problems(self, server: str) -> list[str]:
        """What makes its figures worthless."""
        return list(dict.fromkeys(words for outcome in self.rounds[server] for words in outcome.problems))

    def remarks(self, server: str) -> list[str]:
        """What one should know about its figures."""
        return list(dict.fromkeys(words for outcome in self.rounds[server] for words in outcome.remarks))


def print_result(console: Console, result: Result) -> None:
    """One table; problems and remarks below it."""
    workload = result.workload
    table = Table(title=f"[bold]{workload.name}[/bold]: {workload.title}", title_justify="left")
    table.add_column("server", no_wrap=True)
    for column in workload.columns:
        table.add_column(column.heading, justify="right")
    if not workload.ours_only:
        table.add_column("ours / this", justify="right")
    for server in result.rounds:
        figures = result.figures(server)
        cells = [
            column.form.format(figures[column.key]) if column.key in figures else "-" for column in workload.columns
        ]
        if not workload.ours_only:
            ratio = result.ratio(server)
            cells.append("" if ratio is None else f"{ratio:.2f}x")
        style = "red" if result.problems(server) else "bold" if SERVERS[server].ours else ""
        table.add_row(server, *cells, style=style)
    console.print(table)
    if (multiples := _multiples_table(result)) is not None:
        console.print(multiples)
    if any("kernel_mb" in outcome.figures for outcomes in result.rounds.values() for outcome in outcomes):
        console.print(f"  kernel: {KernelMemory().source}, of both ends, against before the start", highlight=False)
    for name, rows in _series(result).items():
        console.print(_series_table(name, rows))
    for server in result.rounds:
        for words in result.problems(server):
            console.print(f"  [red]{server}: {words}[/red]", highlight=False)
        for words in result.remarks(server):
            console.print(f"  {server}: {words}", highlight=False)
    console.print()


def _multiples_table(result: Result) -> Table | None:
    """The same figures as multiples of the floor's; None where it did not run."""
    multiples = {server: found for server in result.rounds if (found := result.of_floor(server))}
    columns = [column for column in result.workload.columns if any(column.key in found for found in multiples.values())]
    if not columns:
        return None
    table = Table(title="the same as multiples of the floor's", title_justify="left")
    table.add_column("server", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right")
    for server, found in multiples.items():
        cells = [f"{found[column.key]:,.2f}x" if column.key in found else "-" for column in columns]
        table.add_row(server, *cells, style="bold" if SERVERS[server].ours else "")
    return table


def _series(result: Result) -> dict[str, list[dict[str, float]]]:
    """Series are printed where they are the point: of workloads that only we run."""
    if not result.workload.ours_only or OURS not in result.rounds:
        return {}
    return result.rounds[OURS][-1].series


def _series_table(name: str, rows: Sequence[Mapping[str, float]]) -> Table:
    table = Table()
    for heading in (name, "CPU us/delivery", "p50 ms", "p99 ms", "RSS MB"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            f"{row['size']:,.0f}",
            f"{row['cpu_us']:,.1f}",
            f"{row['p50_ms']:,.2f}",
            f"{row['p99_ms']:,.2f}",
            f"{row['rss_mb']:,.0f}",
        )
    return table


def as_json(results: Sequence[Result], options: Mapping[str, Any], began: datetime) -> dict[str, Any]:
    """Everything, every round included."""
    return {
        "began": began.astimezone(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        "versions": versions(),
        "options": dict(options),
        "kernel_memory": KernelMemory().source,
        "workloads": {
            result.workload.name: {
                "title": result.workload.title,
                "key": result.workload.key,
                "key_heading": result.workload.key_heading,
                "more_is_better": result.workload.more_is_better,
                "ours_only": result.workload.ours_only,
                "servers": {
                    server: {
                        "figures": result.figures(server),
                        "of_floor": result.of_floor(server),
                        "ratio": result.ratio(server),
                        "problems": result.problems(server),
                        "remarks": result.remarks(server),
                        "rounds": [{"figures": outcome.figures, "series": outcome.series} for outcome in rounds],
                    }
                    for server, rounds in result.rounds.items()
                },
            }
            for result in results
        },
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content``, readable."""
    path.write_text(json.dumps(content, indent=1, sort_keys=False) + "\n")


def machine() -> dict[str, str]:
    """What this was measured on."""
    model = ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cpu": model,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "node": _output("node", "--version"),
        "platform": sys.platform,
    }


def _commit() -> str:
    commit = _output("git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD")
    changed = _output("git", "-C", str(REPOSITORY), "status", "--porcelain", "--", "collab")
    return commit + ("+changes" if changed else "")


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
