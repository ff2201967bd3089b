"""What people copy has to work: every script of ``scripts/examples`` against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from pycrdt import Map, Text

from collab.client import Session, connect
from tests.support.api import SECRET, mint
from tests.support.server import CollabServer

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
SOON = 20.0
Start = Callable[..., CollabServer]


def environment(**more: str) -> dict[str, str]:
    """As after `activate`."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **more}


@asynccontextmanager
async def running(name: str, *args: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    program = await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLES / name, *args, stderr=asyncio.subprocess.PIPE,
        **{"env": environment(), **options},
    )  # fmt: skip
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
            await program.communicate()


async def until_text(session: Session, wanted: str) -> None:
    body = session.doc.get("body", type=Text)
    try:
        await session.until(lambda: str(body) == wanted, SOON)
    except TimeoutError:
        pytest.fail(f"expected {wanted!r}, got {str(body)!r}")


def test_each_is_short_and_all_are_here() -> None:
    found = sorted(path for path in EXAMPLES.iterdir() if path.is_file())
    assert [path.name for path in found] == [
        "answering_bot.py", "draw_chart.py", "linting_agent.py", "nightly_export", "notebook.ipynb", "stream_figures.py",
    ]  # fmt: skip
    for path in found:
        assert path.suffix == ".ipynb" or len(path.read_text().splitlines()) < 40, path.name


async def test_a_bot_answers_once_through_a_restart(start_server: Start, tmp_path: Path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with connect(server.url, "notes") as ann:
        body = ann.doc.get("body", type=Text)
        body += "grüße 😀\nbot: how many words?\n"
        async with running("answering_bot.py", server.url, "notes") as bot:
            await until_text(ann, "grüße 😀\nbot: how many words?\n→ 6 words\n")
            await asyncio.to_thread(server.restart)
            body += "bot: how many lines?\n"
            await until_text(ann, "grüße 😀\nbot: how many words?\n→ 6 words\nbot: how many lines?\n→ 4 lines\n")
            await ann.until(lambda: "Bot" in [each["user"]["name"] for each in ann.presence.others], SOON)
            bot.send_signal(signal.SIGINT)
            _, errors = await asyncio.wait_for(bot.communicate(), SOON)
            assert errors == b"bot: stopped\n"
        await ann.until(lambda: not ann.presence.others, SOON)
        before = str(body)
        async with running("answering_bot.py", server.url, "notes"):
            await ann.until(lambda: bool(ann.presence.others), SOON)
            body += "bot: how many words?\n"
            await until_text(ann, before + "bot: how many words?\n→ 20 words\n")


async def test_an_agent_corrects_what_people_type(start_server: Start) -> None:
    server = start_server(args=["--auth", "jwt", "--jwt-secret", SECRET])
    grants = [{"documents": "*", "role": "editor", "agent": True}]
    token = jwt.encode({"sub": "linter", "exp": time.time() + 600, "grants": grants}, SECRET, algorithm="HS256")
    async with connect(server.url, "notes", token=mint("*=editor")) as ann:
        body = ann.doc.get("body", type=Text)
        body += "teh cat adn teh 😀 dog.\nteh"
        await ann.saved(SOON)
        agent = environment(COLLAB_URL=server.url, COLLAB_TOKEN=token)
        async with running("linting_agent.py", "notes", env=agent):
            await until_text(ann, "the cat and the 😀 dog.\nteh")
            (linter,) = ann.presence.others
            assert (linter["user"]["id"], linter["user"]["agent"]) == ("linter", True)
            for letter in " end of seperate words ":
                body += letter
                await asyncio.sleep(0)
            await until_text(ann, "the cat and the 😀 dog.\nthe end of separate words ")


async def test_a_chart_is_drawn_while_somebody_looks(start_server: Start) -> None:
    server = start_server()
    async with connect(server.url, "plan") as ann:
        for lines in (b"apples 3\nred pears 5\n", b"apples 4\n"):
            async with running("draw_chart.py", server.url, "plan", stdin=asyncio.subprocess.PIPE) as chart:
                _, errors = await asyncio.wait_for(chart.communicate(lines), SOON)
                assert (chart.returncode, errors) == (0, b"")
        board = ann.doc.get("board", type=Map)
        await ann.until(lambda: "shapes" in board and board["shapes"]["bar-0"]["h"] == 160, SOON)
        shapes = board["shapes"].to_py()
        assert sorted(shapes) == ["bar-0", "bar-1", "label-0", "label-1"]
        assert shapes["label-1"]["text"] == "red pears"
        assert all({"type", "x", "y", "w"} <= shape.keys() for shape in shapes.values())
        assert ann.doc.get("meta", type=Map)["kind"] == "board"


async def test_figures_arrive_once_through_a_restart(start_server: Start, tmp_path: Path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with connect(server.url, "machine") as ann:
        figures = ann.stream("figures").events(0)
        async with running("stream_figures.py", server.url, "machine", stdin=asyncio.subprocess.PIPE) as script:
            assert script.stdin is not None
            script.stdin.write(b"load average 0.5\n")
            first = await asyncio.wait_for(anext(figures), SOON)
            assert (first.event, first.data) == ("figure", {"name": "load average", "value": 0.5})
            await asyncio.to_thread(server.kill)
            script.stdin.write(b"load average 0.75\nusers 3\nno figure\n")
            await asyncio.to_thread(server.start)
            _, errors = await asyncio.wait_for(script.communicate(), 2 * SOON)
            assert errors == b"figures: could not convert string to float: 'figure'\n"
        values = [(await asyncio.wait_for(anext(figures), SOON)).data["value"] for _ in range(2)]
        assert (values, figures.offset) == ([0.75, 3.0], 3)


def test_an_empty_board_gets_the_same_bytes_as_in_the_browser() -> None:
    """As `structure()` in client-demo/src/editors/board/store.ts writes it; it must never change."""
    program = (
        f"import sys; sys.path.insert(0, {str(EXAMPLES)!r})\n"
        "from draw_chart import shapes_of\nfrom pycrdt import Doc\n"
        "doc = Doc(); shapes_of(doc); shapes_of(doc); print(doc.get_update().hex())"
    )
    ran = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "0101cd942c00270105626f617264067368617065730100"


def test_everything_is_exported_every_night(start_server: Start, tmp_path: Path) -> None:
    one, other = start_server(), start_server()

    def docs(url: str, *args: str, text: str | None = None) -> str:
        command = [sys.executable, "-m", "collab", "docs", "--url", url, *args]
        ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60)
        return ran.stdout

    for name in ("notes", "team/week 1", "-odd"):
        docs(one.url, "import", "--", name, text=f"text of {name}")
    old = tmp_path / "2020-01-01"
    old.mkdir()
    os.utime(old, (0, 0))
    export = [EXAMPLES / "nightly_export", tmp_path]
    ran = subprocess.run(
        export, env=environment(COLLAB_URL=one.url), capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    (tonight,) = tmp_path.iterdir()
    assert json.loads((tonight / "json" / "team" / "week 1.json").read_text()) == {"body": "text of team/week 1"}
    assert json.loads((tonight / "json" / "-odd.json").read_text()) == {"body": "text of -odd"}
    assert [line.split("\t")[0] for line in (tonight / "documents.tsv").read_text().splitlines()] == [
        "-odd", "notes", "team/week 1",
    ]  # fmt: skip
    with tarfile.open(tonight / "everything.tar") as archive:
        assert "documents/notes.yjs" in archive.getnames()
    docs(other.url, "import", "-i", str(tonight / "everything.tar"))
    assert docs(other.url, "export", "notes", "--format", "text") == "text of notes"


async def test_without_a_server_they_say_so(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"

    async def ended(program: Any, *args: Any, **more: str) -> tuple[int | None, str]:
        ran = await asyncio.create_subprocess_exec(
            program, *args, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=environment(**more)
        )
        _, errors = await ran.communicate()
        return ran.returncode, errors.decode()

    python = sys.executable
    bot, chart, figures, export = await asyncio.gather(
        ended(python, EXAMPLES / "answering_bot.py", nobody, "notes"),
        ended(python, EXAMPLES / "draw_chart.py", nobody, "plan"),
        ended(python, EXAMPLES / "stream_figures.py", nobody, "machine"),
        ended(EXAMPLES / "nightly_export", tmp_path, COLLAB_URL=nobody),
    )
    why = "Connection refused (nothing listens there; is the server running?)"
    assert bot == (1, f"bot: 'notes' could not be opened at {nobody}: {why}\n")
    assert chart == (1, f"chart: 'plan' could not be opened at {nobody}: {why}\n")
    assert figures == (1, f"figures: 'machine' could not be opened at {nobody}: {why}\n")
    assert export == (1, f"collab: {nobody} cannot be reached: Connection refused\n")
