"""What ``collab docs export`` writes, ``import`` reads: every format, under whatever name, and from a pipe."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pycrdt import Doc, Map, Text

from collab.commands.main import main
from tests.support.api import Api, where
from tests.unit.test_editors import TIPTAP

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning"),
]

NAMES = ["-", "file", "x.json", "x.md", "x.txt", "x.yjs", "x.dat"]
FORMATS = ["json", "text", "markdown", "html", "update", "svg", "archive"]
#: where content and name leave a choice, the error says so: (format, name)
ASKED = {
    *(("json", name) for name in ("x.md", "x.txt", "x.yjs")),
    *(("text", name) for name in ("x.json", "x.yjs")),
    *(("markdown", name) for name in NAMES if name not in ("x.md", "x.txt")),
    *((format, name) for format in ("html", "svg") for name in NAMES if name not in ("x.md", "x.txt")),
}


async def collab(api: Api, *arguments: str, stdin: bytes = b"") -> Result:
    """Run ``collab docs`` in a thread of this process: the server is in its loop."""
    line = ["docs", "--url", api.server.url, *arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, line, input=stdin)


def rich() -> bytes:
    doc: Doc[Any] = Doc()
    doc.apply_update(TIPTAP)
    doc["board"] = Map({"shapes": {"s": {"type": "rectangle", "w": 5, "h": 5}}})
    return doc.get_update()


async def test_the_matrix(api: Api, tmp_path: Path) -> None:
    plain: Doc[Any] = Doc()
    plain["body"] = Text("Two lines,\nand <no> signs & such\n")
    await api("POST", where("plain") + "/update", data=plain.get_update())
    await api("POST", where("rich") + "/update", data=rich())
    number = 0
    for format in FORMATS:
        source = "plain" if format == "text" else "rich"
        command = (
            [source, "--format", format] if format != "archive" else [source, "rich" if source == "plain" else "plain"]
        )
        exported = await collab(api, "export", *command)
        assert exported.exit_code == 0, exported.output
        content = exported.stdout_bytes
        for name in NAMES:
            number += 1
            copy = f"copy-{number}"
            if name == "-":
                ended = await collab(api, "import", copy, stdin=content)
            else:
                (tmp_path / name).write_bytes(content)
                ended = await collab(api, "import", copy, "-i", str(tmp_path / name))
            said = (format, name, ended.output)
            if format == "archive":
                assert ended.exit_code == 1, said
                assert "leave out NAME" in ended.stderr
            elif (format, name) in ASKED:
                assert ended.exit_code == 1, said
                assert "--format" in ended.stderr, said
                assert (await api("GET", where(copy))).status == 404, "nothing was written"
            else:
                assert ended.exit_code == 0, said
                await _is_a_copy(api, source, copy, format, name)
            assert ended.stderr.count("\n") <= 1


async def _is_a_copy(api: Api, source: str, copy: str, format: str, name: str) -> None:
    if format == "text" and name == "x.md":
        assert (await api("GET", where(copy) + "/content?format=text")).status == 200
    elif format in ("html", "svg") or (format == "markdown" and name == "x.txt"):
        assert (await api("GET", where(copy) + "/content")).status == 200  # taken as text, as its name says
    elif format == "text":
        content = [(await api("GET", where(each) + "/content?format=text")).body for each in (source, copy)]
        assert content[0] == content[1]
    else:
        for kind in ("markdown", "json") if format != "markdown" else ("markdown",):
            content = [(await api("GET", where(each) + f"/content?format={kind}")).body for each in (source, copy)]
            assert content[0] == content[1], (format, name, kind)


async def test_one_document_without_its_name_is_told_of(api: Api) -> None:
    ended = await collab(api, "import", stdin=b'{"body": "x"}')
    assert ended.exit_code == 1
    assert "say its NAME" in ended.stderr


async def test_content_in_all_formats(api: Api) -> None:
    """Over HTTP with its types, and html with what keeps a browser from running anything."""
    await api("POST", where("rich") + "/update", data=rich())
    types = {
        "markdown": "text/markdown; charset=utf-8",
        "html": "text/html; charset=utf-8",
        "text": "text/plain; charset=utf-8",
    }
    for format, type in types.items():
        answer = await api("GET", where("rich") + f"/content?format={format}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == type
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert ("sandbox" in answer.headers.get("Content-Security-Policy", "")) == (format == "html")
    assert (await api("GET", where("rich") + "/content?format=pdf")).status == 400
    shown = await collab(api, "show", "rich", "--format", "markdown")
    assert "### Title" in shown.stdout
