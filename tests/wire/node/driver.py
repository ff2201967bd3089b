"""Drives ``client.mjs``: real npm clients in one Node process, seen from Python.

Every client's state arrives after each change, so that a test waits for what it expects to see
(:meth:`NodeClient.until`) and never for time to pass.
"""

from __future__ import annotations

import base64
import fcntl
import functools
import itertools
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
#: seconds until a wait is given up; a green run never waits so long
TIMEOUT = 60.0

State = dict[str, Any]


class NodeUnavailable(Exception):
    """There is no Node.js or no npm on this machine."""


@functools.cache
def install_clients() -> None:
    """Install the npm packages of this directory, once for as many processes as ask.

    Raises:
        NodeUnavailable: there is no ``node`` or no ``npm``.
        RuntimeError: ``npm ci`` failed; its last words are in the message.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise NodeUnavailable("needs Node.js and npm (Debian: apt install nodejs npm)")
    lock = HERE / "package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # pytest-xdist: the first one installs
        done = HERE / "node_modules" / ".package-lock.json"  # npm writes it last
        if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
            return
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ran = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode:
            raise RuntimeError(f"npm ci failed:\n{(ran.stdout + ran.stderr)[-2000:]}")
        done.touch()


class NodeClient:
    """One client in the Node process.

    Attributes:
        name: as the test calls it.
        state: what ``state()`` of ``clients.mjs`` told last.
    """

    def __init__(self, process: NodeClients, name: str) -> None:
        self.name = name
        self.state: State = {}
        self._process = process

    def do(self, command: str, **arguments: Any) -> Any:
        """Run a command of ``client.mjs`` on this client and return its value."""
        return self._process.do(command, client=self.name, **arguments)

    def until(self, predicate: Callable[[State], Any], expected: str, *, timeout: float = TIMEOUT) -> State:
        """Wait until ``predicate`` holds for the client's state; return that state.

        Args:
            expected: what is waited for, for the message where it does not come.

        Raises:
            AssertionError: it did not come within ``timeout`` seconds.
        """
        return self._process.wait(self, predicate, expected, timeout)

    def until_synced(self) -> State:
        """Wait until the client calls itself synced."""
        return self.until(lambda state: state["synced"], "synced")

    def until_text(self, text: str) -> State:
        """Wait until the client's text is ``text``."""
        return self.until(lambda state: state["text"] == text, f"the text {text[:60]!r}")

    def leave(self) -> None:
        """Leave for good, in good order."""
        self.do("destroy")


class NodeClients:
    """A Node process with any number of clients.

    Use it as a context manager: the process ends with it.

    Args:
        url: of the server that clients connect to.
        yjs: which version of Yjs they have.
    """

    def __init__(self, url: str, yjs: int = 13) -> None:
        self.url = url
        self._clients: dict[str, NodeClient] = {}
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            ["node", *(["--import", "./yjs-14.mjs"] if yjs == 14 else []), "client.mjs"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and everything in it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()  # which ends it
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait(5)
        self._reader.join(5)
        self._process.stdout.close()

    def open(self, name: str, kind: str, document: str, **options: Any) -> NodeClient:
        """Make a client and let it connect.

        Args:
            kind: ``y-socket.io`` or ``socket.io``.
            options: for the constructor in ``clients.mjs``; ``link=True`` allows ``cut`` and ``mend``.
        """
        client = self._clients[name] = NodeClient(self, name)
        client.do("open", kind=kind, url=self.url, document=document, **options)
        return client

    def knock(self, namespace: str, **options: Any) -> dict[str, Any]:
        """Try a namespace with a bare socket.io-client: ``{connected: true}`` or ``{error}``."""
        answer: dict[str, Any] = self.do("knock", url=self.url, namespace=namespace, **options)
        return answer

    def do(self, command: str, **arguments: Any) -> Any:
        """Run a command of ``client.mjs``; bytes go and come as ``bytes``."""
        number = next(self._ids)
        line = json.dumps({"id": number, "do": command, **_packed(arguments)})
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        with self._news:
            arrived = self._news.wait_for(lambda: number in self._answers or self._ended, TIMEOUT)
            assert arrived, f"no answer to {command} within {TIMEOUT} s"
            assert number in self._answers, f"the Node process ended during {command}"
            answer = self._answers.pop(number)
        assert "error" not in answer, f"{command}: {answer.get('error')}"
        return _unpacked(answer["value"])

    def wait(self, client: NodeClient, predicate: Callable[[State], Any], expected: str, timeout: float) -> State:
        """See :meth:`NodeClient.until`."""
        with self._news:
            arrived = self._news.wait_for(lambda: (client.state and predicate(client.state)) or self._ended, timeout)
            assert arrived and not self._ended, (
                f"{client.name}: waited {timeout} s for {expected}; last seen: {_shown(client.state)}"
            )
            return client.state

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):
                break  # it ended while it spoke
            message = json.loads(line)
            with self._news:
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self._clients[message["client"]].state = message["state"]
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


def run_script(script: str, argument: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
    """Run a script of this directory to its end with one JSON argument; its last line is its result.

    Raises:
        AssertionError: the script failed or took longer than ``timeout`` seconds.
    """
    command = ["node", script, json.dumps(argument)]
    try:
        ran = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"{script} {argument} took more than {timeout} s: {expired.stderr!r}") from None
    lines = ran.stdout.strip().splitlines()
    last_words = ran.stdout[-3000:] + ran.stderr[-3000:]
    assert ran.returncode == 0 and lines, f"{script} {argument} failed:\n{last_words}"
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def _packed(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _packed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(inner) for inner in value]
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    return value


def _shown(state: State) -> str:
    text = state.get("text", "")
    shortened = text if len(text) < 200 else f"{text[:80]}... ({len(text)} characters)"
    return json.dumps({**state, "text": shortened})[:3000]
