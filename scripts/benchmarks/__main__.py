"""``scripts/bench``: run workloads against collab and its peers."""

from __future__ import annotations

import gc
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import uvloop
from rich.console import Console

from benchmarks.chart import draw
from benchmarks.client import JoinError
from benchmarks.process import ServerError, can_pin, core_kept_awake, open_files, pin_load, wait_for_quiet
from benchmarks.report import Result, as_json, print_result, write_json
from benchmarks.servers import FLOOR, OURS, OUTPUT, PEERS, SERVERS, InstallError, Server, install
from benchmarks.updates import check_keystrokes
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Options, Outcome, Workload

#: tables need room, also where the output goes to a file
_console = Console() if Console().is_terminal else Console(width=160)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often to measure; see the options of the same names."""

    seconds: float | None
    rounds: int
    quick: bool
    patience: float
    keep_awake: bool


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Whom to compare with; none: nobody.")
@click.option("--seconds", type=click.FloatRange(1), help="Length of a measurement; each workload has its own.")
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="Repeat; the median counts.")
@click.option("--quick", is_flag=True, help="Short measurements, for a first look.")
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Seconds to wait for a quiet core before each measurement.",
)
@click.option("--keep-awake", is_flag=True, help="Never let the server's core sleep: steadier figures.")
@click.option("--list", "listing", is_flag=True, help="List the workloads.")
def main(names: tuple[str, ...], peers: str, listing: bool, **pace: Any) -> None:
    """Measure collab side by side with its peers.

    NAME is a workload; without any, all but the long ones run. collab keeps everything on disk but for
    collab-memory, the peers in memory but for those with -leveldb or -sqlite in their names. An ack of
    collab's says: on disk; of Hocuspocus': taken. The floor is no server: it hands on what it reads.
    Results: tables, and JSON and a chart in build/bench.
    """
    if listing:
        for workload in WORKLOADS.values():
            _console.print(f"{workload.name:<16}{workload.title}{' (long)' if workload.long else ''}", highlight=False)
        return
    workloads = _chosen_workloads(names)
    servers = _chosen_servers(peers, compared=any(not workload.ours_only for workload in workloads))
    _prepare()
    began = datetime.now().astimezone()
    results = []
    OUTPUT.mkdir(parents=True, exist_ok=True)
    stem = OUTPUT / began.strftime("%Y-%m-%d-%H%M%S")
    for workload in workloads:
        result = _run(workload, servers, Pace(**pace))
        print_result(_console, result)
        results.append(result)
        # After every workload: a run that is cut short leaves what it has.
        content = as_json(results, pace, began)
        write_json(stem.with_suffix(".json"), content)
        stem.with_suffix(".svg").write_text(draw(content))
    _console.print(f"{stem.with_suffix('.json')}\n{stem.with_suffix('.svg')}", highlight=False, soft_wrap=True)
    if any(result.problems(OURS) for result in results if OURS in result.rounds):
        sys.exit(1)


def _chosen_workloads(names: Sequence[str]) -> list[Workload]:
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        raise click.UsageError(f"no workload is called {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    if names:
        return [WORKLOADS[name] for name in dict.fromkeys(names)]
    return [workload for workload in WORKLOADS.values() if not workload.long]


def _chosen_servers(peers: str, *, compared: bool) -> list[Server]:
    wanted = [name.strip() for name in peers.split(",") if name.strip() not in ("", "none")]
    unknown = [name for name in wanted if name not in PEERS]
    if unknown:
        raise click.UsageError(f"no peer is called {unknown[0]!r}; there are {', '.join(PEERS)}")
    servers = [SERVERS[OURS]]
    failed: dict[str, str] = {}
    for name in wanted if compared else ():
        server = SERVERS[name]
        if server.needs not in failed:
            try:
                with _console.status(f"installing the peers that need {server.needs}"):
                    install(server.needs)
            except InstallError as error:
                failed[server.needs] = str(error)
        if server.needs in failed:
            _console.print(f"[yellow]{name} is left out: {failed[server.needs]}[/yellow]", highlight=False)
        else:
            servers.append(server)
    return servers


def _prepare() -> None:
    check_keystrokes()
    open_files()
    if can_pin():
        pin_load()
    else:
        _console.print("[yellow]One core or no taskset: server and load generator share what there is.[/yellow]")


def _run(workload: Workload, servers: Sequence[Server], pace: Pace) -> Result:
    """Run one workload; rounds go over all servers in turn, so that a slow hour hits all alike."""
    result = Result(workload)
    chosen = [
        server
        for server in servers
        if server.name == OURS or not (workload.ours_only or (server.name == FLOOR and not workload.relayed))
    ]
    for number in range(pace.rounds):
        for server in chosen:
            part = f", round {number + 1} of {pace.rounds}" if pace.rounds > 1 else ""
            with _console.status(f"{workload.name}: {server.name}{part}"):
                wait_for_quiet(pace.patience)
                with core_kept_awake() if pace.keep_awake else nullcontext():
                    outcome = _run_once(workload, server, pace)
            result.rounds.setdefault(server.name, []).append(outcome)
    return result


def _run_once(workload: Workload, server: Server, pace: Pace) -> Outcome:
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="run-", dir=OUTPUT) as directory:
        options = Options(Path(directory), pace.seconds, pace.quick)
        try:
            outcome = uvloop.run(workload.run(server, options))
        except Exception as error:
            first = _first(error)
            if not isinstance(first, ServerError | JoinError | TimeoutError):
                traceback.print_exception(error)
            return Outcome(problems=[f"{type(first).__name__}: {first}"])
        log = Path(directory) / f"{server.name}.log"
        said = log.read_text(errors="replace").strip() if log.exists() else ""
        if said:
            outcome.remarks.append(
                f"said {len(said.splitlines())} lines on stderr, first: {said.splitlines()[0][:120]}"
            )
        return outcome


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    main(prog_name="scripts/bench")
