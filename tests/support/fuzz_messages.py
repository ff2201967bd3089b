"""Messages of y-websocket and Hocuspocus that are almost right."""

from __future__ import annotations

import random
from typing import Any

import orjson

from collab.protocol import hocuspocus
from collab.protocol.awareness import AwarenessEntry, encode_awareness
from collab.protocol.codec import write_state_vector, write_var_bytes, write_var_uint
from collab.protocol.ywebsocket import write_awareness, write_denied, write_sync
from tests.support.wild_updates import WildUpdates

_ADDRESSES = ("fuzz", "fuzz\0abc", "fuzz\0" + "x" * 200, "other", "", "a//b", "fuzz\0", "\0", "x" * 300, "f\u00fczz")


def _payload(rng: random.Random, mutator: Any) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        numbers = mutator._NUMBERS[:10]
        return write_state_vector({rng.choice(numbers): rng.choice(numbers[:7]) for _ in range(rng.randrange(5))})
    if kind == 1:
        return WildUpdates(rng).update({})
    if kind == 2:
        states = [
            AwarenessEntry(rng.randrange(9), rng.choice((0, 5, 2**30)), orjson.dumps(mutator.json()).decode())
            for _ in range(rng.randint(1, 3))
        ]
        return encode_awareness(states)
    return rng.choice((b"", b"\0", b"\0\0", rng.randbytes(rng.randrange(40))))


def y_message(rng: random.Random, mutator: Any) -> bytes:
    """One message of y-websocket; half of them broken."""
    message = rng.choice((
        write_sync(rng.choice((0, 1, 2, 2, 2, 3)), _payload(rng, mutator)),
        write_awareness(_payload(rng, mutator)),
        b"\x03",
        write_denied("x" * rng.randrange(20)),
        write_var_uint(rng.choice(mutator._NUMBERS[:10])) + rng.randbytes(rng.randrange(9)),
    ))  # fmt: skip
    return bytes(mutator.bytes(message)) if rng.random() < 0.5 else message


def hocuspocus_message(rng: random.Random, mutator: Any) -> bytes:
    """One message of a provider; half of them broken."""
    text = orjson.dumps(mutator.json()).decode() if rng.random() < 0.5 else "x" * rng.choice((0, 5, 5000))
    message = rng.choice((
        y_message(rng, mutator),
        y_message(rng, mutator),
        b"\x04" + write_sync(rng.choice((0, 1, 2)), _payload(rng, mutator))[1:],
        b"\x02" + bytes((rng.choice((0, 0, 0, 1, 2)),)) + write_var_bytes(text[:50].encode()),
        hocuspocus.write_stateless(text),
        hocuspocus.write_close(text[:20]),
        b"\x07",
        hocuspocus.write_sync_status(True),
    ))  # fmt: skip
    if rng.random() < 0.05:
        return rng.choice((hocuspocus.PING, hocuspocus.PONG))
    message = hocuspocus.write_address(rng.choice(_ADDRESSES if rng.random() < 0.3 else _ADDRESSES[:2])) + message
    return bytes(mutator.bytes(message)) if rng.random() < 0.3 else message
