"""How commands fail: one line on stderr, and an exit code; no traceback, whatever happens."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner

from collab.commands.answers import ApiError
from collab.commands.failures import Failure, errors_on_one_line, misuse_on_one_line
from collab.content.formats.archive import ArchiveError
from collab.errors import CollabError


def fail(error: BaseException) -> Failure:
    with pytest.raises(Failure) as failed, errors_on_one_line():
        raise error
    assert failed.value.exit_code == 1
    return failed.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError("forbidden", "You may not."), "You may not."),
        (CollabError("document_full", "It is full."), "It is full."),
        (ArchiveError("no archive"), "no archive"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.md"), "a.md: No such file or directory"),
        (OSError("disk"), "disk"),
        (ValueError("bad"), "this cannot be read: bad"),
        (IndexError("index"), "this cannot be read: index"),
        (RecursionError("deep"), "this cannot be read: deep"),
        (orjson.JSONEncodeError("x"), "this cannot be read: x"),
    ],
)
def test_what_may_go_wrong_is_told_in_a_line(error: Exception, words: str) -> None:
    failure = fail(error)
    assert failure.message == words
    assert failure.__cause__ is None, "no traceback of it"


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), click.Abort(), Failure("as it is")])
def test_what_is_a_bug_or_a_wish_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as passed, errors_on_one_line():
        raise error
    assert passed.value is error


def test_a_reader_that_has_seen_enough_is_no_failure_but_not_all_went_out(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, errors_on_one_line():
        raise BrokenPipeError
    assert ended.value.code == 1
    assert capfd.readouterr().err == ""


@click.group()
def program() -> None: ...


@program.command()
@click.option("--number", type=int)
@click.argument("file", type=click.Path(exists=True))
def work(number: int | None, file: str) -> None:
    raise Failure(f"no \x1b[2J[bold]luck[/bold]\nat all with {Path(file).name}")


class _Program(click.Group):
    def main(self, *args: Any, **extra: Any) -> Any:
        return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with misuse_on_one_line():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with misuse_on_one_line():
            return super().invoke(ctx)


WHOLE = _Program("collab", commands={"work": work})


def run(*arguments: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        WHOLE.main(list(arguments), prog_name="collab")
    told = capfd.readouterr()
    assert told.out == ""
    return int(ended.value.code or 0), told.err


def test_a_failure_is_one_harmless_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, told = run("work", str(tmp_path), capfd=capfd)
    assert code == 1
    assert told.startswith("collab: no ")
    assert told.count("\n") == 1
    assert "\x1b" not in told
    assert "[bold]luck[/bold]" in told, "no markup of ours"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["work", ".", "--numbre", "3"], "--numbre: no such option; did you mean --number? allowed: what collab work --help lists"),
        (["work", ".", "--zzz"], "--zzz: no such option; allowed: what collab work --help lists"),
        (["work", ".", "--number", "x"], "'x' is not a valid integer"),
        (["work"], "Missing argument"),
        (["nothing"], "No such command 'nothing'"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_one_line_and_code_2(
    arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, told = run(*arguments, capfd=capfd)
    assert code == 2
    assert told.startswith("collab: ")
    assert told.count("\n") == 1
    assert words in told


def test_nothing_asked_is_help_and_no_misuse() -> None:
    result = CliRunner().invoke(WHOLE, [])
    assert result.output.lstrip().startswith("Usage: ")
    assert len(result.output.splitlines()) > 3
