"""What can be measured: collab, and the peers with their installation."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.process import ServerProcess, start_server
from benchmarks.wires import HocuspocusWire, SocketIOWire, Wire, YWebsocketWire

REPOSITORY = Path(__file__).resolve().parents[2]
OUTPUT = REPOSITORY / "build" / "bench"
_PEERS = Path(__file__).resolve().parent / "peers"
_SQLITE = "better-sqlite3"
_PYTHON_PEER = OUTPUT / "pycrdt-websocket"

OURS = "collab"
#: ours without a disk: what the log costs is the difference
OURS_MEMORY = f"{OURS}-memory"
#: no server at all: see ``floor.py``
FLOOR = "floor"
#: collab by the wires of others, which is what these are compared with
OURS_WS, OURS_HOCUSPOCUS = f"{OURS}-ws", f"{OURS}-hocuspocus"
#: peer -> the door of ours that speaks its wire; of any other it is :data:`OURS`
COUNTERPARTS = {
    "y-websocket": OURS_WS,
    "y-websocket-leveldb": OURS_WS,
    "pycrdt-websocket": OURS_WS,
    "hocuspocus-4": OURS_HOCUSPOCUS,
    "hocuspocus-4-sqlite": OURS_HOCUSPOCUS,
    "hocuspocus-3": OURS_HOCUSPOCUS,
}


@dataclass(frozen=True)
class Server:
    """Something to measure.

    ``command`` is what starts it, without the settings of a single run; ``needs`` is ``node``, ``node and
    better-sqlite3``, ``python`` or nothing, and says which installation it waits for. ``store_variable``
    is the environment variable that tells a peer where to keep documents, if it keeps any;
    ``in_memory``: collab keeps none.
    """

    name: str
    make_wire: Callable[[], Wire]
    command: tuple[str, ...]
    needs: str = ""
    cwd: Path = field(default=_PEERS)
    store_variable: str = ""
    in_memory: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is collab, by whatever wire."""
        return self.name in (OURS, OURS_WS, OURS_HOCUSPOCUS, OURS_MEMORY)

    async def start(self, workdir: Path, settings: Mapping[str, str]) -> ServerProcess:
        """Start it with an empty store in ``workdir``.

        Args:
            settings: flags for collab (``rate-updates`` -> value); peers have nothing like them.

        Raises:
            ServerError: it did not start.
        """
        command = list(self.command)
        if self.ours:
            store = workdir / "bench.db"
            for leftover in workdir.glob("bench.db*"):
                leftover.unlink()
            if "redis" not in settings:
                command += ["--store", "memory://" if self.in_memory else f"sqlite:///{store}"]
            command += [word for name, value in settings.items() for word in (f"--{name}", value)]
        environment = {self.store_variable: str(workdir / self.name)} if self.store_variable else {}
        return await start_server(command, log=workdir / f"{self.name}.log", cwd=self.cwd, environment=environment)


def _collab(name: str, make_wire: Callable[[], Wire], *, in_memory: bool = False) -> Server:
    return Server(
        name,
        make_wire,
        (sys.executable, "-m", "collab", "serve", "--port", "0", "--log-level", "warning"),
        cwd=REPOSITORY,
        in_memory=in_memory,
    )


SERVERS = {
    server.name: server
    for server in (
        _collab(OURS, lambda: SocketIOWire("/doc/", asks_acks=True)),
        _collab(OURS_MEMORY, lambda: SocketIOWire("/doc/", asks_acks=True), in_memory=True),
        _collab(OURS_WS, lambda: YWebsocketWire("/ws/")),
        _collab(OURS_HOCUSPOCUS, lambda: HocuspocusWire("/hocuspocus")),
        Server("y-websocket", YWebsocketWire, ("node", "y-websocket.cjs"), "node"),
        Server(
            "y-websocket-leveldb",
            YWebsocketWire,
            ("node", "y-websocket.cjs"),
            "node",
            store_variable="YPERSISTENCE",
        ),
        Server("hocuspocus-4", HocuspocusWire, ("node", "hocuspocus.cjs", "hocuspocus-server-4"), "node"),
        Server(
            "hocuspocus-4-sqlite",
            HocuspocusWire,
            ("node", "hocuspocus.cjs", "hocuspocus-server-4", "sqlite"),
            "node and better-sqlite3",
            store_variable="BENCH_SQLITE",
        ),
        Server("hocuspocus-3", HocuspocusWire, ("node", "hocuspocus.cjs", "@hocuspocus/server"), "node"),
        Server(
            "y-socket.io",
            lambda: SocketIOWire("/yjs|", asks_acks=False),
            ("node", "y-socket.io.cjs"),
            "node",
        ),
        Server(
            "y-socket.io-leveldb",
            lambda: SocketIOWire("/yjs|", asks_acks=False, forgetful=True),
            ("node", "y-socket.io.cjs"),
            "node",
            store_variable="YPERSISTENCE",
        ),
        Server(
            "pycrdt-websocket",
            YWebsocketWire,
            (str(_PYTHON_PEER / "bin" / "python"), "pycrdt_websocket.py"),
            "python",
        ),
        Server(FLOOR, YWebsocketWire, (sys.executable, str(Path(__file__).with_name("floor.py")))),
    )
}
PEERS = tuple(name for name in SERVERS if name != OURS)


class InstallError(Exception):
    """A peer cannot be had here; the message says why."""


def install(needs: str) -> None:
    """Bring the peers that need this, one of the words of :attr:`Server.needs`, unless they are there already.

    Raises:
        InstallError: no npm, no network, or a failed installation.
    """
    if needs.startswith("node"):
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise InstallError("node and npm are not installed")
        _once(_PEERS / "package-lock.json", _PEERS / "node_modules", [["npm", "ci", "--no-audit", "--no-fund"]])
        if needs != "node":
            # No package runs scripts here but this one, which brings or compiles SQLite.
            build = ["npm", "rebuild", _SQLITE, "--ignore-scripts=false"]
            _once(_PEERS / "package-lock.json", _PEERS / "node_modules" / _SQLITE, [build])
    elif needs == "python":
        pip = str(_PYTHON_PEER / "bin" / "pip")
        requirements = str(_PEERS / "requirements.txt")
        _once(
            _PEERS / "requirements.txt",
            _PYTHON_PEER,
            [
                [sys.executable, "-m", "venv", "--clear", str(_PYTHON_PEER)],
                [pip, "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
            ],
        )


def _once(recipe: Path, target: Path, commands: list[list[str]]) -> None:
    """Run ``commands``, which fill ``target``, unless they did so for this very ``recipe``."""
    digest = hashlib.sha256(recipe.read_bytes()).hexdigest()
    stamp = target / ".installed-for"
    if stamp.exists() and stamp.read_text() == digest:
        return
    for command in commands:
        try:
            done = subprocess.run(command, cwd=_PEERS, capture_output=True, text=True, timeout=600)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InstallError(f"{' '.join(command[:2])}: {error}") from None
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise InstallError(f"{' '.join(command[:2])} failed: {' '.join(last)}")
    stamp.write_text(digest)


def versions() -> dict[str, str]:
    """Peer -> installed version, of those that are installed."""
    found = {}
    packages = {
        "y-websocket": "y-websocket",
        "y-websocket-leveldb": "y-leveldb",
        "hocuspocus-4": "hocuspocus-server-4",
        "hocuspocus-4-sqlite": "@hocuspocus/extension-sqlite",
        "hocuspocus-3": "@hocuspocus/server",
        "y-socket.io": "y-socket.io",
    }
    for peer, package in packages.items():
        manifest = _PEERS / "node_modules" / package / "package.json"
        if manifest.exists():
            found[peer] = json.loads(manifest.read_text())["version"]
    for info in _PYTHON_PEER.glob("lib/python*/site-packages/pycrdt_websocket-*.dist-info"):
        found["pycrdt-websocket"] = info.name.split("-")[1].removesuffix(".dist")
    return found
