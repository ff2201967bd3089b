"""``scripts/fuzz``: every target for as long as one likes, and what broke it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click

from fuzzing.seeds import seeds
from fuzzing.targets import TARGETS

ROOT = Path(__file__).parents[2]
#: seconds that one input may take, and MiB that a process may have
_SLOW, _LARGE = 5, 2048


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[TARGET]...", nargs=-1, type=click.Choice(list(TARGETS)))
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(1), help="For each target.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes of one target.")
@click.option("--list", "listed", is_flag=True, help="List the targets.")
def main(names: tuple[str, ...], seconds: int, jobs: int, listed: bool) -> None:
    """Fuzz the readers of what others send, guided by coverage.

    What was found interesting is kept in build/fuzz/TARGET and begun with next time. An input that breaks a reader is
    kept there as crash-..., timeout-... or oom-..., and the exit code is 1.
    """
    if listed:
        for name, target in TARGETS.items():
            click.echo(f"{name:14} {(target.__doc__ or '').splitlines()[0]}")
        return
    broken = [name for name in names or TARGETS if not _fuzz(name, seconds, jobs)]
    if broken:
        click.echo(f"Broken: {', '.join(broken)}; inputs and words are in build/fuzz.")
    sys.exit(1 if broken else 0)


def _fuzz(name: str, seconds: int, jobs: int) -> bool:
    """Run one target; returns whether it held."""
    folder = ROOT / "build" / "fuzz" / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    log = folder / "log"
    command = [
        sys.executable, "-m", "fuzzing.run", name, str(corpus),
        f"-artifact_prefix={folder}/", f"-max_total_time={seconds}", f"-timeout={_SLOW}", f"-rss_limit_mb={_LARGE}",
        "-max_len=8192", "-print_final_stats=1",
        *([f"-fork={jobs}"] if jobs > 1 else []),
    ]  # fmt: skip
    with log.open("wb") as output:
        held = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False).returncode == 0
    said = log.read_text(errors="replace")
    runs = re.findall(r"number_of_executed_units:\s+(\d+)", said)
    covered = re.findall(r"cov: (\d+)", said)
    shown = f"{int(runs[-1]):,} inputs" if runs else "see its log"
    click.echo(f"{name:14} {'held' if held else 'BROKEN'}: {shown}, {covered[-1] if covered else '?'} branches")
    return held


if __name__ == "__main__":
    main()
