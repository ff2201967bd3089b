"""``collab serve --processes N``: so many nodes behind one address, started again when they end, on SIGHUP in turns.

This process accepts connections and deals each to the node with the fewest; it reads nothing of them. A node sends a
connection back whose next request is for a session of another, and it goes there (:mod:`collab.doors.dealt`). So the
address lasts as long as this process does, whichever nodes come and go, and nobody stands between people and nodes once
they have met.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from collab.commands.supervise import MOST_PAUSE, PAUSE, WELL
from collab.config import ConfigError, Settings
from collab.doors.libraries import is_tested
from collab.doors.link import BACK, COUNT, DEALT, FOR, LEAVING, READY, YOURS, Link
from collab.listening import bind, url_of
from collab.observe.watchdog import tell_systemd

_MOST = 256
#: connections accepted in one turn of the loop
_AT_ONCE = 32
#: seconds until it is tried again to accept, where descriptors are short
_SHORT = 0.5
#: seconds that a node may take to start, beyond its drain-timeout, before a rolling restart goes no further
_STARTING = 60.0

_log = structlog.get_logger("collab.processes")


Shut = Callable[["_Node"], None]


class _Node:
    """A process below this one, and what is known of it."""

    def __init__(
        self, process: asyncio.subprocess.Process, end: socket.socket, on_message: Callable[..., None], on_shut: Shut
    ) -> None:
        self.process = process
        self.link = Link(end, partial(on_message, self), lambda: on_shut(self))
        #: it serves, and wants new connections
        self.open = False
        self.ready = asyncio.Event()
        self.people = 0
        #: it was asked to end, so that another follows it
        self.asked = False

    @property
    def serves(self) -> bool:
        """Whether it may have sessions."""
        return self.ready.is_set() and self.process.returncode is None


class Processes:
    """They, and the address.

    Args:
        settings: of the server.
        count: how many.
        command: what starts one, up to where flags of its own follow.
        on_listening: called once all of them can be reached, with the address.
        check: reads the settings again, as the next process will; raises ConfigError.
    """

    def __init__(
        self,
        settings: Settings,
        count: int,
        command: Sequence[str],
        on_listening: Callable[[Settings, str], None],
        check: Callable[[], object],
    ) -> None:
        self._settings = settings
        self._count = count
        self._command = command
        self._on_listening = on_listening
        self._check = check
        self._listening: list[socket.socket] = []
        self._accepting = False
        self._nodes: dict[int, _Node] = {}
        self._words = ""
        self._told = False
        self._ending = asyncio.Event()
        self._rolling: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self) -> int:
        """Until a signal ends it, or the first start of a process fails; returns the exit code.

        Raises:
            ConfigError: nobody can listen there.
        """
        self._listening = bind(self._settings)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            self._loop.add_signal_handler(number, self._end, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._roll)
        codes = await asyncio.gather(*(self._keep(number) for number in range(1, self._count + 1)))
        return max(codes)

    # -- processes ------------------------------------------------------------------------------

    async def _keep(self, number: int) -> int:
        """Start a process, again and again, until it is the end."""
        pause = PAUSE
        while True:
            began = self._loop.time()
            node = await self._start(number)
            code = await node.process.wait()
            self._gone(node)
            if self._ending.is_set():
                return code if code >= 0 else 128 - code
            if node.asked:
                continue
            if not self._told and not node.ready.is_set() and code >= 0:
                self._end(signal.SIGTERM)  # a setting is wrong: it said which
                return code or 1
            lived = self._loop.time() - began
            pause = PAUSE if lived >= WELL else min(MOST_PAUSE, 2 * pause)
            _log.error(
                "a process ended, and is started again",
                process=number, exit_code=code, lived=round(lived, 1), pause=pause,
            )  # fmt: skip
            with suppress(TimeoutError):  # then it is time to start it again
                async with asyncio.timeout(pause * random.uniform(0.5, 1.0)):
                    await self._ending.wait()
                return 0

    async def _start(self, number: int) -> _Node:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        port = self._listening[0].getsockname()[1]
        name = f"{self._settings.node_name or f'port{port}'}-{number}"
        own = ["--node-name", name, "--port", str(port), "--link", str(theirs.fileno())]
        # It is this process that systemd waits for, and hears.
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._command, *own, pass_fds=[theirs.fileno()], process_group=0, env=environment
            )
        node = self._nodes[number] = _Node(process, ours, self._heard, self._shut)
        if self._ending.is_set():
            process.terminate()
        return node

    def _shut(self, node: _Node) -> None:
        node.open = False
        self._accept_or_wait()

    def _gone(self, node: _Node) -> None:
        node.link.close()
        self._shut(node)

    def _end(self, number: signal.Signals) -> None:
        """Let all of them save and end; when it is said again, end at once."""
        self._ending.set()
        self._accept_or_wait()
        for sock in self._listening:
            sock.close()
        self._listening.clear()
        for node in self._nodes.values():
            if node.process.returncode is None:
                node.process.send_signal(number)

    def _roll(self) -> None:
        if self._ending.is_set() or (self._rolling is not None and not self._rolling.done()):
            return
        try:
            self._check()
        except ConfigError as error:
            _log.error("no process is restarted: settings are wrong", reason=str(error))
            return
        self._rolling = self._loop.create_task(self._restart_all())

    async def _restart_all(self) -> None:
        patience = self._settings.drain_timeout + _STARTING
        for number in range(1, self._count + 1):
            before = self._nodes[number]
            before.asked = True
            if before.process.returncode is None:
                before.process.terminate()
            try:
                async with asyncio.timeout(patience):
                    while self._nodes[number] is before or not self._nodes[number].open:
                        await asyncio.sleep(0.05)
            except TimeoutError:
                _log.error("processes are no further restarted: one is not ready", process=number, patience=patience)
                return
        _log.warning("all processes were restarted", processes=self._count)

    # -- connections ----------------------------------------------------------------------------

    def _heard(self, node: _Node, kind: bytes, number: int, data: bytes, connection: int | None) -> None:
        if connection is not None:
            if kind == FOR:
                there = self._nodes.get(number)
                # Where nobody has that session, it says so who asked.
                (there if there is not None and there.serves else node).link.send(YOURS, number, data, connection)
            elif kind == BACK:
                self._deal(connection)
            else:
                os.close(connection)
        elif kind == READY:
            node.open = True
            node.ready.set()
            self._words = data.decode()
            self._tell()
            self._accept_or_wait()
        elif kind == LEAVING:
            self._shut(node)
        elif kind == COUNT:
            node.people = number

    def _tell(self) -> None:
        if self._told or not all(n in self._nodes and self._nodes[n].open for n in range(1, self._count + 1)):
            return
        self._told = True
        url = url_of(self._listening[0].getsockname())
        words, _, nodes = self._words.rpartition(" nodes=")
        print(f"collab listening on {url} {words} nodes={max(int(nodes), self._count)}", flush=True)
        tell_systemd("READY=1")
        self._on_listening(self._settings, url)

    def _accept_or_wait(self) -> None:
        """Take connections while there is somebody to deal them to; otherwise they wait with the system."""
        wanted = not self._ending.is_set() and any(node.open for node in self._nodes.values())
        if wanted == self._accepting:
            return
        self._accepting = wanted
        for sock in self._listening:
            if wanted:
                self._loop.add_reader(sock.fileno(), self._accept, sock)
            else:
                self._loop.remove_reader(sock.fileno())

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _address = sock.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:  # descriptors, or memory
                _log.error("connections cannot be taken", reason=str(error))
                for each in self._listening:
                    self._loop.remove_reader(each.fileno())
                self._accepting = False
                self._loop.call_later(_SHORT, self._accept_or_wait)
                return
            self._deal(connection.detach())

    def _deal(self, connection: int) -> None:
        open_ones = [node for node in self._nodes.values() if node.open]
        if not open_ones:
            os.close(connection)
            return
        node = min(open_ones, key=lambda node: node.people)
        node.people += 1
        node.link.send(DEALT, 0, b"", connection)


def own_command() -> list[str]:
    """This command line without the flag, to be run as a child."""
    words = sys.argv[1:]
    for at, word in enumerate(words):
        if word == "--processes":
            del words[at : at + 2]
            break
        if word.startswith("--processes="):
            del words[at]
            break
    return [sys.executable, "-m", "collab", *words]


def count_of(words: str, settings: Settings) -> int:
    """How many processes are meant.

    Raises:
        ConfigError: none that can be; or nothing is there through which they share documents.
    """
    count = len(os.sched_getaffinity(0)) if words == "auto" else int(words) if words.isdecimal() else 0
    if not 1 <= count <= _MOST:
        raise ConfigError(f"processes: {words!r} is not allowed; allowed: auto, or a number from 1 to {_MOST}")
    if not is_tested("aiohttp"):  # of its connections nothing is known, nor which request begins
        raise ConfigError("processes: not with this aiohttp, which was never tested with collab")
    if settings.redis is None:
        raise ConfigError("processes: they share documents through Redis; allowed: together with --redis URL")
    return count
