"""The model: people in documents, documents on nodes, logs on shards. Pure and seeded.

It adds up what each edit, cursor and connection costs where it is handled; it knows nothing of queues, so it
says what is carried and not how late. Where people of one document are on ``k`` nodes, each edit is handled by the
node of its author and heard by the ``k - 1`` others; all of them write it to their own people. Flushes are merged
as :mod:`collab.hub.fan_out` does: after one that cost ``c`` the next waits ``min(10 c, 50 ms)``, 8 ms at least.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self

from collab.hub.fan_out import COST_FACTOR, MAX_WAIT, UPDATE_INTERVAL
from collab.hub.presence_feed import PRESENCE_INTERVAL
from simulation.figures import Costs

#: documents with so many people are put on nodes one by one
LARGE = 20

Placement = Literal["by document", "anywhere"]


@dataclass(frozen=True, slots=True)
class Work:
    """What people do, all of them connected. Assumptions, not measurements.

    Attributes:
        typing: share of people who are writing at this moment.
        edits: updates a second of each of them.
        cursors: positions a second of each of them.
        tail: documents with at least ``n`` people are ``n ** -tail`` of all: of 2, every fourth has two, one in
            10,000 a hundred; 1.5 is a world of meetings.
        most: people in one document (`max-participants`).
        unread: updates of a document that wait in the log for the next compaction.
    """

    typing: float = 0.1
    edits: float = 2.0
    cursors: float = 3.0
    tail: float = 2.0
    most: int = 500
    unread: float = 500.0


@dataclass(frozen=True, slots=True)
class Load:
    """CPU in cores, memory in bytes, the rest per second; of a node, of a shard, or of everything."""

    people: float = 0.0
    node_cpu: float = 0.0
    node_memory: float = 0.0
    shard_cpu: float = 0.0
    shard_memory: float = 0.0
    edits: float = 0.0
    deliveries: float = 0.0
    crossings: float = 0.0

    def __add__(self, other: Load) -> Load:
        return Load(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __mul__(self, times: float) -> Load:
        return Load(*(getattr(self, f.name) * times for f in fields(self)))


def flushes(updates: float, cost: float) -> float:
    """Flushes a second of a document with so many updates a second, one flush costing ``cost`` seconds."""
    if updates <= 0.0:
        return 0.0
    return min(updates, 1.0 / (cost + max(UPDATE_INTERVAL, min(COST_FACTOR * cost, MAX_WAIT))))


def document_load(people: int, nodes_with_it: float, work: Work, costs: Costs) -> Load:
    """What one document costs all its nodes together, and its shard.

    Args:
        nodes_with_it: on how many nodes its people are.
    """
    here = people / nodes_with_it  # on each node
    edits = people * work.typing * work.edits
    cursors = people * work.typing * work.cursors
    sent = flushes(edits, here * costs.send)
    shown = min(cursors, 1.0 / PRESENCE_INTERVAL)
    others = nodes_with_it - 1.0
    # A node tells the others what its own people show, gathered as it gathers it for its people.
    notes = nodes_with_it * min(cursors / nodes_with_it, 1.0 / PRESENCE_INTERVAL) if others > 0.0 else 0.0
    cpu = (
        edits * (costs.key + others * costs.remote)
        + cursors * costs.cursor
        + people * (sent + shown) * costs.send
        + notes * (1.0 + others) * costs.note
        + people * costs.idle
    )
    shard = edits * (costs.append + nodes_with_it * costs.listener) + notes * (
        costs.publish + nodes_with_it * costs.listener
    )
    return Load(
        people=people,
        node_cpu=cpu,
        node_memory=people * costs.connection + nodes_with_it * costs.document,
        shard_cpu=shard,
        shard_memory=min(work.unread, edits * 3600.0) * costs.logged + costs.document / 5,
        edits=edits,
        deliveries=people * (sent + shown),
        crossings=edits * others,
    )


def spread_over(people: int, nodes: int) -> float:
    """On how many of ``nodes`` ``people`` are, where each goes to any of them."""
    return nodes * (1.0 - (1.0 - 1.0 / nodes) ** people)


class Population:
    """Documents and how many people are in each, drawn from a seed.

    More people of the same seed are the same documents and further ones.
    """

    def __init__(self, people: int, work: Work, seed: int = 1) -> None:
        rng = random.Random(seed)
        self.people = people
        self.work = work
        sizes: list[int] = []
        left = people
        while left > 0:
            size = min(left, work.most, int((1.0 - rng.random()) ** (-1.0 / work.tail)))
            sizes.append(size)
            left -= size
        self.counts: Mapping[int, int] = Counter(sizes)
        #: (number, people) of the large documents
        self.large = [(number, size) for number, size in enumerate(sizes) if size >= LARGE]


@dataclass(frozen=True, slots=True)
class Layout:
    """So many nodes and shards, and what they carry.

    Attributes:
        total: everything together; ``node``, ``shard``: the busiest one.
    """

    nodes: int
    shards: int
    placement: Placement
    total: Load
    node: Load
    shard: Load


def total_load(population: Population, nodes: int, placement: Placement, costs: Costs) -> Load:
    """Everything together, without what empty nodes take."""
    of_size = _of_size(population, nodes, placement, costs)
    return sum((of_size[size] * count for size, count in population.counts.items()), Load())


def _of_size(population: Population, nodes: int, placement: Placement, costs: Costs) -> dict[int, Load]:
    by_document, work = placement == "by document", population.work
    return {
        size: document_load(size, 1.0 if by_document else spread_over(size, nodes), work, costs)
        for size in population.counts
    }


def lay_out(population: Population, nodes: int, shards: int, placement: Placement, costs: Costs) -> Layout:
    """Put a population on nodes and shards.

    ``by document``: all people of a document are on one node, chosen by a hash of its name. ``anywhere``: each
    person is on any node, as a balancer does that does not know documents.
    """
    of_size = _of_size(population, nodes, placement, costs)
    total = total_load(population, nodes, placement, costs)
    empty = Load(node_memory=costs.node)
    everything = total + empty * nodes
    if placement == "anywhere":
        node = total * (1.0 / nodes) + empty
    else:
        node = _busiest(population, of_size, nodes, salt=1) + empty
    return Layout(nodes, shards, placement, everything, node, _busiest(population, of_size, shards, salt=2))


def _busiest(population: Population, of_size: Mapping[int, Load], places: int, salt: int) -> Load:
    """The most that one of ``places`` has to carry, in each respect, with documents hashed to them.

    Small documents are so many that each place has its share of them; large ones are put one by one.
    """
    even = sum((of_size[size] * count for size, count in population.counts.items() if size < LARGE), Load())
    held: dict[int, Load] = {}
    for number, size in population.large:
        place = _hash(number, salt) % places
        held[place] = held.get(place, Load()) + of_size[size]
    most = [max((getattr(load, f.name) for load in held.values()), default=0.0) for f in fields(Load)]
    return even * (1.0 / places) + Load(*most)


def _hash(number: int, salt: int) -> int:
    """Scatters the documents as a hash of their names would (the finaliser of SplitMix64)."""
    mixed = (number * 0x9E3779B97F4A7C15 + salt * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return mixed ^ (mixed >> 31)


@dataclass(frozen=True, slots=True)
class Machine:
    """What one process may use.

    Attributes:
        busy: share of a core that is planned for on average; the rest is for peaks and for who comes from failed nodes.
        full: share of a core that the busiest may need, because a hash put several large documents there.
    """

    busy: float = 0.6
    full: float = 0.85
    node_memory: float = 2 * 2.0**30
    shard_memory: float = 16 * 2.0**30

    def node_carries(self, average: Load, busiest: Load, nodes: int = 1) -> bool:
        """Whether nodes carry this; of two or more, also if one of them fails."""
        cpu = average.node_cpu <= self.busy and busiest.node_cpu <= max(self.busy, self.full)
        left = nodes < 2 or average.node_cpu * nodes <= max(self.busy, self.full) * (nodes - 1)
        return cpu and left and busiest.node_memory <= self.node_memory

    def shard_carries(self, average: Load, busiest: Load) -> bool:
        """Whether Redis shards, each with one thread, carry this."""
        cpu = average.shard_cpu <= self.busy and busiest.shard_cpu <= max(self.busy, self.full)
        return cpu and busiest.shard_memory <= self.shard_memory


def smallest(population: Population, placement: Placement, costs: Costs, machine: Machine) -> Layout | None:
    """The smallest layout that carries a population, on a grid of sizes; None: a single document is too much."""
    most = 2 * population.people + 2
    for nodes in _grid(most):
        average = total_load(population, nodes, placement, costs) * (1.0 / nodes)
        if machine.node_carries(average, average, nodes):
            layout = lay_out(population, nodes, 1, placement, costs)
            if machine.node_carries(average, layout.node, nodes):
                break
    else:
        return None
    for shards in _grid(most):
        average = layout.total * (1.0 / shards)
        if machine.shard_carries(average, average):
            layout = lay_out(population, nodes, shards, placement, costs)
            if machine.shard_carries(average, layout.shard):
                return layout
    return None


def _grid(most: int) -> Iterable[int]:
    number = 1
    while number <= most:
        yield number
        number = max(number + 1, round(number * 1.05))


@dataclass(frozen=True, slots=True)
class Comeback:
    """What follows when a node is gone: its people come back to the others.

    ``people`` of each node that is left, ``seconds`` of all the CPU that is free until they are in.
    """

    people: float
    seconds: float

    @classmethod
    def of(cls, layout: Layout, people: int, costs: Costs) -> Self:
        """When one of the nodes of ``layout``, which has ``people`` in all, is gone."""
        left = layout.nodes - 1
        if left == 0:
            return cls(0.0, float("inf"))
        away = people / layout.nodes
        free = left - layout.total.node_cpu
        return cls(away / left, away * costs.join / free if free > 0 else float("inf"))
