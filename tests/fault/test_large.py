"""A large document moves from one server to another: memory stays flat, for the command and for the servers.

``COLLAB_TEST_DOCUMENT_MB=50`` for the size that the README names; 24 by default.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pycrdt import Doc, Text

from collab.documents.document import Document
from tests.support.server import CollabServer

MEGABYTES = int(os.environ.get("COLLAB_TEST_DOCUMENT_MB", "24"))
SIZE = MEGABYTES * 10**6
#: what may come on top of a command that moves next to nothing: pieces, buffers, the allocator's slack (18 to 24 MiB, and
#: the whole document where one held it)
COMMAND_SLACK = 36 * 2**20
ROUNDS = 8


def anonymous(pid: int) -> int:
    """Memory of a process that no file stands behind, in bytes; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon:"))


class Command:
    """``collab docs`` with a look at its memory."""

    def __init__(self, *arguments: str, stdin: Any = None, stdout: Any = None) -> None:
        command = [sys.executable, "-m", "collab", "docs", *arguments]
        self.process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        self.peak = 0
        self._watching = threading.Thread(target=self._watch)
        self._watching.start()

    def _watch(self) -> None:
        while self.process.poll() is None:
            self.peak = max(self.peak, anonymous(self.process.pid))
            time.sleep(0.01)

    def end(self) -> int:
        """Wait until it has succeeded; returns the most memory that it had."""
        _, errors = self.process.communicate(timeout=60 + 5 * MEGABYTES)
        self._watching.join()
        assert (self.process.returncode, errors) == (0, b"")
        return self.peak


def pipe(source: str, target: str, prefix: Sequence[str]) -> tuple[int, int]:
    """``collab docs export | collab docs import``; returns the memory that each had at most."""
    exporting = Command("--url", source, "export", *prefix, stdout=subprocess.PIPE)
    importing = Command("--url", target, "import", stdin=exporting.process.stdout)
    assert exporting.process.stdout is not None
    exporting.process.stdout.close()
    exporting.process.stdout = None
    return exporting.end(), importing.end()


def made_of(size: int) -> bytes:
    """The state of a document with so many bytes of text, written here and there."""
    chance = random.Random(1)
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(3, 9))) for _ in range(1000)]
    written = 0
    while written < size:
        piece = " ".join(chance.choices(words, k=700))
        text.insert(0 if chance.random() < 0.5 else written, piece)
        written += len(piece)
    return doc.get_update()


@pytest.mark.timeout(300 + 30 * MEGABYTES)
def test_a_large_document_moves_in_little_memory(start_server: Callable[..., CollabServer], tmp_path: Path) -> None:
    options = ["--rate-bytes", "1GiB", "--rate-updates", "1000000", "--idle-timeout", "300ms"]
    old = start_server(f"sqlite:///{tmp_path}/old.db", args=options)
    new = start_server(f"sqlite:///{tmp_path}/new.db", args=options)
    state = made_of(SIZE)
    (tmp_path / "big.yjs").write_bytes(state)
    (tmp_path / "small.yjs").write_bytes(made_of(1000))
    least = Command("--url", old.url, "import", "small", "-i", str(tmp_path / "small.yjs")).end()
    most = Command("--url", old.url, "import", "big", "-i", str(tmp_path / "big.yjs")).end()
    least_pipe = pipe(old.url, new.url, ["--prefix", "small"])
    most_pipe = pipe(old.url, new.url, ["--all"])
    for small, large in zip((least, *least_pipe), (most, *most_pipe), strict=True):
        print(f"a command: {small >> 20} MiB, with {len(state) / 1e6:.0f} MB in it {large >> 20} MiB")
        assert large - small < COMMAND_SLACK

    def fetched(server: CollabServer) -> bytes:
        with urlopen(f"{server.url}/api/v1/documents/big/content?format=update", timeout=60) as answer:
            content: bytes = answer.read()
            return content

    wanted = Document.load(state, []).content_hash()
    for server in (old, new):
        assert Document.load(fetched(server), []).content_hash() == wanted

    # Opened and put away again and again: nothing stays behind.
    memory = []
    for _ in range(ROUNDS):
        fetched(new)
        time.sleep(1.2)  # it is put away after 300 ms; the looks at all documents are 500 ms apart
        memory.append(anonymous(new.pid))
    print("server, document put away:", [f"{each >> 20} MiB" for each in memory])
    # The allocator keeps room for one or two, and gives it back when it likes; whoever kept each would have six more.
    assert memory[-1] - memory[1] < 2.5 * SIZE, "what is put away is not let go"
