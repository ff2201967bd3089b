"""``scripts/soak``: seeded traffic on every door, everything that goes wrong meanwhile, and what is left."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import tempfile
from pathlib import Path

import click

from soaking.chart import write_csv, write_svg
from soaking.run import Soak


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--minutes", default=30.0, help="Of traffic.")
@click.option("--store", type=click.Choice(["sqlite", "redis"]), default="sqlite", help="One node, or two and a third.")
@click.option("--seed", type=int, default=None, help="Of everything; the same one does the same.  [default: another]")
@click.option("--people", default=30, help="At once.")
@click.option("--documents", default=12, help="Names of documents.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/soak"), help="Folder of the results.")
def main(minutes: float, store: str, seed: int | None, people: int, documents: int, out: Path) -> None:
    """Soak a server: people on every door, who come, type, read too slowly and leave; programs that delete, restore and
    publish; restarts, kills, a Redis that blinks, nodes that join. Prints JSON: what was lost of what was said to be
    saved (nothing may be), what stayed once everybody had gone (nothing may), and by how much memory grew in an hour
    of the later time, in which the servers are left alone, with twice the standard error of that.
    Samples stand in soak-STORE.csv, and are drawn in soak-STORE.svg.
    """
    logging.disable(logging.CRITICAL)  # the clients of the traffic say a lot when their server goes
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(
            Path(folder), shared=store == "redis", seconds=minutes * 60, seed=seed, people=people, documents=documents
        )
        asyncio.run(soak.run())
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / f"soak-{store}.csv", soak.rows)
    title = f"{store}, {minutes:g} min, {people} people, seed {seed}"
    write_svg(out / f"soak-{store}.svg", soak.rows, [at for at, _ in soak.events], title)
    growth = {node: [round(each / 1e6, 1) for each in found] for node, found in soak.growth("memory").items()}
    words = {
        "seed": seed, "store": store, "minutes": minutes, "edits": dict(soak.edits), "troubles": dict(soak.troubles),
        "done": [f"{at:.0f} s: {what}" for at, what in soak.events], "lost": soak.lost, "stayed": soak.left,
        "memory_mb_an_hour_and_error": growth,
    }  # fmt: skip
    click.echo(json.dumps(words, indent=1))
    raise SystemExit(1 if soak.lost or soak.left else 0)


if __name__ == "__main__":
    main()
