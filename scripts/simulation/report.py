"""The tables: what is measured, what one node, one shard and one document carry, and whole layouts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.table import Table

from simulation.figures import Costs, Figure
from simulation.model import (
    Comeback,
    Layout,
    Machine,
    Placement,
    Population,
    Work,
    document_load,
    lay_out,
    smallest,
)

CROWDS = (1_000, 10_000, 100_000, 1_000_000)
PLACEMENTS: tuple[Placement, ...] = ("by document", "anywhere")
_HOT = (50, 100, 250, 500)
#: shares of people who write, for the table of one node
_SHARES = (0.0, 0.02, 0.1, 0.3, 1.0)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name in the page, its title, its columns and rows of words."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_rich(self) -> Table:
        """For a terminal."""
        table = Table(title=f"[bold]{self.title}[/bold]", title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def as_markdown(self) -> str:
        """For a page."""
        lines = [self.columns, ["---"] + ["--:"] * (len(self.columns) - 1), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(figures: Mapping[str, Figure]) -> Sheet:
    """What the model is fed with."""
    rows = [(figure.words, f"{figure.value:,.{2 if figure.value < 10 else 0}f} {figure.unit}", f"`{figure.command}`")
            for figure in figures.values()]  # fmt: skip
    return Sheet("measured", "Measured", ("what", "figure", "command"), rows)


def one_node(costs: Costs, machine: Machine, work: Work, seed: int) -> Sheet:
    """How many people one node carries, and which of its means ends first."""
    rows = []
    for share in sorted({*_SHARES, work.typing}):
        layout = most_people(costs, machine, replace(work, typing=share), seed)
        node = layout.node
        ends = "CPU" if node.node_cpu > 0.95 * machine.busy else "memory"
        shards = f"{machine.busy / layout.shard.shard_cpu:,.0f}" if layout.shard.shard_cpu else "any number"
        rows.append((
            f"{100 * share:.0f} %", f"{node.people:,.0f}", f"{node.edits:,.0f}", f"{node.deliveries:,.0f}",
            f"{100 * node.node_cpu:.0f} %", f"{node.node_memory / 2**20:,.0f} MiB", ends, shards,
        ))  # fmt: skip
    title = f"One node with {100 * machine.busy:.0f} % of a core and {machine.node_memory / 2**30:.0f} GiB"
    columns = ("who writes", "people", "edits/s", "sends/s", "CPU", "memory", "ends first", "nodes of a shard")
    return Sheet("node", title, columns, rows)


def most_people(costs: Costs, machine: Machine, work: Work, seed: int) -> Layout:
    """One node and one shard with as many people as the node carries, to within a hundredth."""

    def alone(people: int) -> Layout:
        return lay_out(Population(people, work, seed), 1, 1, "by document", costs)

    def carried(people: int) -> bool:
        node = alone(people).node
        return machine.node_carries(node, node)

    low, high = 1, 2
    while carried(high) and high < 10**7:
        low, high = high, high * 2
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (middle, high) if carried(middle) else (low, middle)
    return alone(low)


def one_document(costs: Costs, work: Work) -> Sheet:
    """What a document with many people costs, on one node and spread over several."""
    rows = []
    for people in _HOT:
        edits, cursors = (people * work.typing * each for each in (work.edits, work.cursors))
        unmerged = edits * (costs.key + people * costs.send) + cursors * (costs.cursor + people * costs.send)
        shares = [document_load(people, nodes, work, costs).node_cpu for nodes in (1, 2, 4, 16)]
        rows.append((f"{people:,}", *(f"{100 * share:.0f} %" for share in (*shares, unmerged))))
    title = "One document, CPU of all its nodes in per cent of a core"
    return Sheet("document", title, ("people", "on 1 node", "on 2", "on 4", "on 16", "on 1, unmerged"), rows)


def layouts(
    crowds: Sequence[int], costs: Costs, machine: Machine, work: Work, seed: int
) -> list[tuple[int, Placement, Layout | None]]:
    """The smallest layout for each crowd, in both placements."""
    found: list[tuple[int, Placement, Layout | None]] = []
    for crowd in crowds:
        population = Population(crowd, work, seed)
        found += [(crowd, placement, smallest(population, placement, costs, machine)) for placement in PLACEMENTS]
    return found


def whole(found: Sequence[tuple[int, Placement, Layout | None]], costs: Costs) -> Sheet:
    """Layouts as a table."""
    columns = (
        "people", "those of a document are", "nodes", "CPU of a node", "of the busiest", "shards", "of the busiest",
        "edits/s", "heard on other nodes/s", "a node fails: people for each other", "all back after",
    )  # fmt: skip
    rows = []
    for people, placement, layout in found:
        where = "on one node" if placement == "by document" else "anywhere"
        if layout is None:
            rows.append((f"{people:,}", where, "a document is too much", *[""] * 8))
            continue
        back = Comeback.of(layout, people, costs)
        rows.append((
            f"{people:,}", where, f"{layout.nodes:,}", f"{100 * layout.total.node_cpu / layout.nodes:.0f} %",
            f"{100 * layout.node.node_cpu:.0f} %", f"{layout.shards:,}", f"{100 * layout.shard.shard_cpu:.0f} %",
            f"{layout.total.edits:,.0f}", f"{layout.total.crossings:,.0f}",
            *((f"{back.people:,.0f}", f"{back.seconds:,.1f} s") if back.people else ("nobody is left", "")),
        ))  # fmt: skip
    return Sheet("layouts", "Layouts", columns, rows)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words with figures in them."""

    name: str
    text: str

    def as_markdown(self) -> str:
        """For a page."""
        return self.text


def in_machines(found: Sequence[tuple[int, Placement, Layout | None]], cores: int = 8) -> Sentence:
    """The last layouts as machines and cells."""
    (people, _, together), (_, _, apart) = found[-2:]
    assert together is not None and apart is not None
    text = (
        f"By the tables above, {people:,} people need {together.nodes:,} node processes, which are"
        f" {math.ceil(together.nodes / cores):,} machines of {cores} cores, in {together.shards:,} cells of some"
        f" {together.nodes / together.shards:.0f} nodes, if the balancer knows documents; {apart.nodes:,} processes in"
        f" {apart.shards:,} cells if it does not."
    )
    return Sentence("machines", text)


def page_of(figures: Mapping[str, Figure], costs: Costs) -> list[Sheet | Sentence]:
    """What stands in collab/SCALING.md, for the work and the machines assumed there."""
    work, machine = Work(), Machine()
    found = layouts(CROWDS, costs, machine, work, seed=1)
    return [
        measured(figures), one_node(costs, machine, work, seed=1), one_document(costs, work), whole(found, costs),
        in_machines(found),
    ]  # fmt: skip


def put_into_page(page: Path, sheets: Sequence[Sheet | Sentence]) -> None:
    """Replace what stands between ``<!-- NAME -->`` and ``<!-- end -->`` in a page.

    Raises:
        ValueError: the page has no place for a sheet.
    """
    text = page.read_text("utf-8")
    for sheet in sheets:
        place = re.compile(rf"(<!-- {sheet.name} -->\n).*?(<!-- end -->)", re.DOTALL)
        parts = place.split(text)  # before, opening line, closing line, behind
        if len(parts) != 4:
            raise ValueError(f"{page}: {(len(parts) - 1) // 3} places for {sheet.name!r}")
        before, opening, closing, behind = parts
        text = f"{before}{opening}{sheet.as_markdown()}\n{closing}{behind}"
    page.write_text(text, "utf-8")
