"""A server for unit tests of ``collab docs``: it keeps documents in memory, and otherwise answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import orjson
from click.testing import CliRunner, Result
from pycrdt import Doc, Text

from collab.commands.main import main

BASE = "/api/v1/documents"
LISTED: dict[str, Any] = {"size": 2, "updated_at": "2026-01-02T03:04:05Z", "participants": 0}


@dataclass
class Refusal:
    """A problem with this code."""

    code: str
    status: int = 403
    detail: str = "No."
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class ScriptedApi:
    """
    Attributes:
        url: where it listens.
        documents: what it keeps; those that are written to appear.
        answers: ``METHOD /path below documents?query`` -> JSON, bytes, a :class:`Refusal`, or a function without
            arguments that gives one; these go first.
        asked: such words for every request that came, in order.
        updates: the bodies of all ``POST .../update``.
    """

    url: str = ""
    documents: dict[str, Doc[Any]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    updates: list[bytes] = field(default_factory=list)

    def holding(self, **texts: str) -> ScriptedApi:
        """Documents whose /body says so."""
        for name, text in texts.items():
            self.documents[name] = Doc()
            self.documents[name].get("body", type=Text).insert(0, text)
        return self

    def text(self, name: str) -> str:
        """The text at /body."""
        return str(self.documents[name].get("body", type=Text))

    def run(self, *arguments: str, stdin: bytes | str | None = None) -> Result:
        """``collab docs`` for this server; its output goes to a pipe."""
        nothing: dict[str, str | None] = {"COLLAB_URL": None, "COLLAB_TOKEN": None}
        return CliRunner(env=nothing).invoke(main, ["docs", "--url", self.url, *arguments], input=stdin)

    def failure(self, *arguments: str, stdin: bytes | str | None = None) -> str:
        """The one line with which such a command fails."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("collab: ") or "\ncollab: " in result.stderr, result.stderr
        return result.stderr.strip().rpartition("collab: ")[2]

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """What a request gets."""
        words = f"{method} {path.removeprefix(BASE)}"
        self.asked.append(words)
        if words in self.answers:
            found = self.answers[words]
            return found() if callable(found) else found
        name, _, rest = path.partition("?")[0].removeprefix(BASE + "/").partition("/")
        name = unquote(name)
        if method == "POST" and rest == "update":
            self.updates.append(body)
            self.documents.setdefault(name, Doc()).apply_update(body)
            return {"position": len(self.updates)}
        if method == "PUT":
            self.documents.setdefault(name, Doc())
            return {}
        if name not in self.documents:
            return Refusal("not_found", 404)
        return self.documents[name].get_update()


@contextmanager
def scripted_api() -> Iterator[ScriptedApi]:
    """One that listens, in a thread of its own."""
    api = ScriptedApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api.answer))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(answer: Callable[[str, str, bytes], Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            given = answer(self.command, self.path, self.rfile.read(size))
            status = 200
            if isinstance(given, Refusal):
                status = given.status
                given = {"code": given.code, "detail": given.detail, "retryable": False, **given.more}
            body = given if isinstance(given, bytes) else orjson.dumps(given)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Handler
