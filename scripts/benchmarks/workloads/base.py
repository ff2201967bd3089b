"""What a workload is, and what comes out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process import ServerProcess
from benchmarks.servers import Server


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure, and where files may lie.

    ``seconds`` None: as long as the workload likes.
    """

    workdir: Path
    seconds: float | None = None
    quick: bool = False

    def window(self, usual: float) -> float:
        """Seconds to measure, where a workload usually takes ``usual``."""
        if self.seconds is not None:
            return self.seconds
        return max(2.0, usual / 4) if self.quick else usual

    @property
    def warm_up(self) -> float:
        """Seconds of the same work before the measurement; compilers and caches need them."""
        return 1.0 if self.quick else 3.0


@dataclass(slots=True)
class Outcome:
    """What one server did in one workload.

    ``figures``: column key -> number; ``series``: name -> rows of a chart; ``problems``: what makes
    the figures worthless; ``remarks``: what one should know about them.
    """

    figures: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Column:
    """A figure in the table: its key, its heading, how it is written."""

    key: str
    heading: str
    form: str = "{:,.1f}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of work.

    Args:
        title: one line for people.
        columns: of the table.
        key: the figure that servers are compared by.
        more_is_better: of that figure.
        long: only run when asked for by name.
        ours_only: means nothing for the peers.
        relayed: who only hands on can do it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    key: str
    run: Callable[[Server, Options], Coroutine[Any, Any, Outcome]]
    more_is_better: bool = False
    long: bool = False
    ours_only: bool = False
    relayed: bool = False

    @property
    def key_heading(self) -> str:
        """The heading of the key figure."""
        return next(column.heading for column in self.columns if column.key == self.key)


def memory_figures(process: ServerProcess) -> dict[str, float]:
    """The figures of :data:`MEMORY_COLUMNS`: the server's own, and what the kernel has more than before its start."""
    return {"rss_mb": process.rss_bytes() / 2**20, "kernel_mb": process.kernel.grown() / 2**20}


@asynccontextmanager
async def running(
    server: Server, options: Options, settings: Mapping[str, str] | None = None
) -> AsyncIterator[ServerProcess]:
    """A started server, stopped in the end."""
    process = await server.start(options.workdir, settings or {})
    try:
        yield process
    finally:
        await process.stop()


#: what tells of a server's memory
MEMORY_COLUMNS = (Column("rss_mb", "RSS MB", "{:,.0f}"), Column("kernel_mb", "+ kernel MB", "{:,.1f}"))
#: columns that every measured window has
WINDOW_COLUMNS = (
    *MEMORY_COLUMNS,
    Column("load_percent", "load gen. %", "{:.0f}"),
)
