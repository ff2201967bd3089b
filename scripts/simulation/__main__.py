"""``scripts/simulate``: the command."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from simulation import figures as given
from simulation import report
from simulation.figures import Costs
from simulation.model import Comeback, Layout, Machine, Placement, Work

PAGE = Path(__file__).resolve().parents[2] / "collab" / "SCALING.md"
_console = Console() if Console().is_terminal else Console(width=150)
_WORK, _MACHINE = Work(), Machine()


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("people", nargs=-1, type=click.IntRange(1))
@click.option("--typing", default=_WORK.typing, type=click.FloatRange(0, 1), help="Share of people who write.")
@click.option("--edits", default=_WORK.edits, type=click.FloatRange(0), help="Updates a second of each of them.")
@click.option("--cursors", default=_WORK.cursors, type=click.FloatRange(0), help="Positions a second of each of them.")
@click.option("--tail", default=_WORK.tail, type=click.FloatRange(1.1), help="Of crowds; less: more large documents.")
@click.option("--busy", default=_MACHINE.busy, type=click.FloatRange(0.05, 1), help="Share of a core to plan for.")
@click.option("--seed", default=1, help="Of the documents.")
@click.option("--figures", "file", type=click.Path(path_type=Path), default=given.MEASURED, help="Measured, as JSON.")
@click.option("--measure", is_flag=True, help="Measure first, into that file; takes three minutes.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--page", is_flag=True, help="Only write the default tables into SCALING.md.")
def main(
    people: tuple[int, ...], typing: float, edits: float, cursors: float, tail: float, busy: float, seed: int,
    file: Path, measure: bool, as_json: bool, page: bool,
) -> None:  # fmt: skip
    """Say what nodes, Redis shards and regions carry.

    PEOPLE: how many are connected; several crowds by default. What is measured and what is assumed is
    explained in collab/SCALING.md.
    """
    if measure:
        from simulation.measure import measure as measure_now

        measure_now(file, lambda words: click.echo(words, err=True))
    figures = given.load(file)
    costs, work, machine = given.costs(figures), Work(typing, edits, cursors, tail), Machine(busy=busy)
    if page:
        report.put_into_page(PAGE, report.page_of(figures, costs))
        return
    layouts = report.layouts(people or report.CROWDS, costs, machine, work, seed)
    if as_json:
        click.echo(json.dumps([_plain(*each, costs) for each in layouts], indent=1))
        return
    for sheet in (
        report.measured(figures),
        report.one_node(costs, machine, work, seed),
        report.one_document(costs, work),
        report.whole(layouts, costs),
    ):
        _console.print(sheet.as_rich())


def _plain(people: int, placement: Placement, layout: Layout | None, costs: Costs) -> dict[str, Any]:
    if layout is None:
        return {"people": people, "placement": placement, "nodes": None}
    return {**asdict(layout), "people": people, "comeback": asdict(Comeback.of(layout, people, costs))}


if __name__ == "__main__":
    main()
