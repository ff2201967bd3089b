"""10,000 malformed inputs for each reader of what peers send: a code or a protocol error, nothing else, and soon (rules C6, S3, S4).

Seeded; another run with ``COLLAB_TEST_SEED=...``. Over the wire, against a process: ``tests/fault/test_frame_fuzz.py``.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from collab.documents.document import Document
from collab.doors.hocuspocus import read_stateless
from collab.doors.socketio.engine_port import ProtocolError
from collab.doors.socketio.engine_socket import EngineSocket
from collab.errors import CollabError
from collab.protocol import schemas
from collab.protocol.awareness import AwarenessEntry, decode_awareness, encode_awareness
from collab.protocol.codec import DecodeError, read_state_vector, write_state_vector
from collab.protocol.deletions import read_deletions
from collab.protocol.hocuspocus import document_of
from collab.protocol.hocuspocus import read_message as read_hocuspocus_message
from collab.protocol.packets import PacketError, parse_packet
from collab.protocol.ywebsocket import read_message as read_y_message
from tests.fault.test_frame_fuzz import HOSTILE, Mutator
from tests.support.fuzz_messages import hocuspocus_message, y_message
from tests.support.wild_updates import WildUpdates

FRAMES = int(os.environ.get("COLLAB_TEST_FUZZ_FRAMES", "10000"))
SEED = int(os.environ.get("COLLAB_TEST_SEED", "5"))

Make = Callable[[random.Random, Mutator], Callable[[], Any]]


def engineio(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    """Text packets, as the socket takes them; what is for Socket.IO goes no further."""

    server = SimpleNamespace(
        on_text=lambda _socket, text: None,
        reason=SimpleNamespace(CLIENT_DISCONNECT=""),
        heartbeat=SimpleNamespace(beat=0),
        max_http_buffer_size=2**24,
    )
    connection = SimpleNamespace(spend=lambda *_: None)
    socket = SimpleNamespace(server=server, end=lambda _reason: None, heard_at=0, connection=connection)
    text = mutator.text(rng.choice(("0", "1", "2probe", "3", "40/doc/a,", "42/doc/a,[]", "5", "6", "", "b", "\x1e")))
    return lambda: EngineSocket.take_text(cast("EngineSocket", socket), text)


def socketio(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    data = orjson.dumps([rng.choice(("cursor", "x", "")), mutator.json()]).decode()
    text = f"{rng.randrange(8)}{rng.choice(('', '1-', '2-', '9-'))}/doc/a,{rng.choice(('', '7', '99999999999999999'))}{data}"
    text = mutator.text(text)

    def read() -> None:
        packet = parse_packet(text)
        for _ in range(packet.attachments):
            if packet.attach(b"x"):
                break

    return read


def sync(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    vector = write_state_vector(
        {rng.choice(Mutator._NUMBERS[:10]): rng.randrange(2**31) for _ in range(rng.randrange(6))}
    )
    data = mutator.bytes(vector)
    return lambda: read_state_vector(data)


def awareness(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    entries = [
        AwarenessEntry(rng.randrange(9), rng.choice((0, 5, 2**30, 2**31)), orjson.dumps(mutator.json()).decode())
        for _ in range(rng.randint(1, 4))
    ]
    data = mutator.bytes(encode_awareness(entries))
    return lambda: decode_awareness(data)


def json(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    load = rng.choice((
        schemas.load_authenticate, schemas.load_broadcast, schemas.load_content, schemas.load_operations, schemas.load_presence,
        lambda value: schemas.load_connect(_map(value), strict=True), lambda value: schemas.load_connect(_map(value), strict=False),
    ))  # fmt: skip
    value = mutator.json()
    return lambda: load(value)


def _map(value: Any) -> dict[str, Any]:
    """The payload of CONNECT, which the reader of packets takes as a map only."""
    return value if isinstance(value, dict) else {"token": value}


def ywebsocket(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    data = y_message(rng, mutator)
    return lambda: read_y_message(data)


def hocuspocus(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    data = hocuspocus_message(rng, mutator)

    def read() -> None:
        message = read_hocuspocus_message(data)
        document_of(message.address)
        read_stateless(message.text)

    return read


def deletions(rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
    data = mutator.bytes(b"\0\x02\x05\x02\x00\x02\x04\x03\x07\x01\x00\x01")
    return lambda: read_deletions(data)


class Updates:
    """Updates for one document after the other."""

    def __init__(self) -> None:
        self.document = Document()
        self.left = 0

    def __call__(self, rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
        if not self.left or self.document.poisoned:
            self.document, self.left = Document(), 100
        self.left -= 1
        update = WildUpdates(rng).update(self.document.clocks)
        data = mutator.bytes(update) if rng.random() < 0.5 else update
        document = self.document
        return lambda: document.apply(data)


class Corpus(Updates):
    """What once hurt, and what is almost that."""

    def __call__(self, rng: random.Random, mutator: Mutator) -> Callable[[], Any]:
        super().__call__(rng, mutator)
        sample = rng.choice([sample for sample in HOSTILE if len(sample) < 10_000 or rng.random() < 0.05])
        data = mutator.bytes(sample)
        document = self.document
        return lambda: document.apply(data)


@pytest.mark.slow
@pytest.mark.timeout(60 + FRAMES / 50)
@pytest.mark.parametrize(
    "make",
    [engineio, socketio, ywebsocket, hocuspocus, deletions, sync, awareness, json, Updates(), Corpus()],
    ids=[
        "engineio",
        "socketio",
        "ywebsocket",
        "hocuspocus",
        "deletions",
        "sync",
        "awareness",
        "json",
        "updates",
        "corpus",
    ],
)
def test_every_reader_answers_or_refuses(make: Make) -> None:
    rng = random.Random(SEED)
    mutator = Mutator(rng)
    refused = 0
    longest = 0.0
    gc.disable()  # what the test runner has in memory is not the reader's to walk through
    try:
        for number in range(FRAMES):
            read = make(rng, mutator)
            began = time.thread_time()
            try:
                read()
            except (CollabError, DecodeError, PacketError, ProtocolError):
                refused += 1
            except Exception as error:
                raise AssertionError(f"seed {SEED}, input {number}") from error
            longest = max(longest, time.thread_time() - began)
    finally:
        gc.enable()
    assert longest < 0.1, f"seed {SEED}: {longest:.3f} s"
    assert refused > FRAMES / 20, "hardly anything is malformed: the test tests nothing"
