"""A real server sends the traces of edits to a receiver of OTLP, set up as its page says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp

from tests.support.editor import Editor
from tests.support.repository import ROOT
from tests.support.server import CollabServer
from tests.support.traces import Collector, Seen
from tests.support.wire import Client, WebSocketWire


def example() -> tuple[dict[str, str], list[str]]:
    """The variables and flags of the command in OPERATIONS.md."""
    text = (ROOT / "collab" / "OPERATIONS.md").read_text()
    words = shlex.split(re.findall(r"```bash\n(OTEL_.*)\n```", text)[0])
    at = words.index("collab")
    assert words[at : at + 2] == ["collab", "serve"]
    return dict(word.split("=", 1) for word in words[:at]), words[at + 2 :]


def whole(spans: Sequence[Seen]) -> list[Seen]:
    """The spans of the first edit that has all of its own."""
    for edit in spans:
        own = [span for span in spans if span.trace == edit.trace]
        if edit.name == "collab.edit" and {"collab.apply", "collab.save", "collab.commit"} <= {s.name for s in own}:
            return own
    return []


async def test_the_example_of_the_page_sends_an_edit_as_one_trace(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    environ, flags = example()
    store = flags.pop(flags.index("--store") + 1).replace("notes.db", f"{tmp_path}/notes.db")
    flags.remove("--store")
    async with Collector() as collector, aiohttp.ClientSession() as http:
        environ = {**environ, **collector.environment}
        server = start_server(store, args=flags, env=environ, cwd=str(tmp_path))
        client = Client(WebSocketWire(server.url, http), "/doc/notes")
        await client.connect()
        editor = Editor(client)
        await editor.sync()
        ack = await editor.type("a secret word")
        spans = whole(await collector.until(lambda spans: bool(whole(spans))))
        await client.close()
        assert server.stop() == 0
    (edit,) = [span for span in spans if span.name == "collab.edit"]
    assert (edit.service, edit.parent, edit.failed) == ("notes", "", False)
    assert (edit.attributes["collab.document"], edit.attributes["collab.door"]) == ("notes", "socket.io")
    assert edit.attributes["collab.position"] == ack["position"]
    (commit,) = [span for span in spans if span.name == "collab.commit"]
    assert commit.links == (edit.id,)
    assert edit.began <= commit.began <= commit.ended <= edit.ended
    assert not any("secret" in str(span.attributes) for span in collector.spans)


async def test_what_has_not_been_sent_is_sent_at_the_end(start_server: Callable[..., CollabServer]) -> None:
    async with Collector() as collector, aiohttp.ClientSession() as http:
        seldom = {**collector.environment, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
        server = start_server("memory://", args=["--tracing"], env=seldom)
        client = Client(WebSocketWire(server.url, http), "/doc/notes")
        await client.connect()
        editor = Editor(client)
        await editor.sync()
        await editor.type("a")
        await client.close()
        assert collector.spans == []
        process = server.process
        assert process is not None
        process.terminate()
        await collector.until(lambda spans: any(span.name == "collab.edit" for span in spans))
