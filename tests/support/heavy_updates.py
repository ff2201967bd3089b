"""Updates that hurt: those that are sound, small, and costly in one transaction, and a corpus of hostile ones."""

from __future__ import annotations

import json
from pathlib import Path

from collab.protocol.codec import write_var_uint

_CORPUS = Path(__file__).parents[1] / "data" / "hostile-crdt.json"


def update_of(*structs: bytes, client: int = 5, clock: int = 0) -> bytes:
    """An update of one client."""
    head = write_var_uint(1) + write_var_uint(len(structs)) + write_var_uint(client) + write_var_uint(clock)
    return head + b"".join(structs) + b"\0"


def values_of(count: int, kind: int, content: bytes) -> bytes:
    """``count`` entries of the list `x`, each a struct of its own behind the one before."""
    first = bytes((kind,)) + b"\x01\x01x" + content
    rest = [bytes((0x80 | kind,)) + write_var_uint(5) + write_var_uint(at) + content for at in range(count - 1)]
    return update_of(first, *rest)


def map_of(count: int, client: int = 5) -> bytes:
    """``count`` values under one key of the map `x`."""
    return update_of(*[b"\x28\x01\x01x\x01k\x01\x7e"] * count, client=client)


def hostile_samples(*, vectors: bool = False) -> list[tuple[str, list[bytes]]]:
    """The corpus of ``tests/data/hostile-crdt.json``: names, and updates in their order (``vectors``: state vectors too)."""
    samples = []
    for sample in json.loads(_CORPUS.read_text()):
        if sample.get("kind") == "state_vector" and not vectors:
            continue
        if "hex" in sample:
            updates = [bytes.fromhex(sample["hex"])]
        elif "sequence" in sample:
            updates = [bytes.fromhex(update) for update in sample["sequence"]]
        else:
            levels = {"nested-any-arrays-60k": 30_000, "nested-any-arrays-20k": 20_000}.get(sample["name"], 0)
            updates = {
                "any-map-count-bomb": [b"\x01\x01\x05\x00\x08\x01\x01m\x01\x76" + write_var_uint(134_217_728)],
                "varint-flood": [b"\xff" * 300_000],
                "pending-flood": [b"\x01\x01\x05" + write_var_uint(9) + b"\x84\x07\x05\x01x\x00"] * 200,
            }.get(
                sample["name"],
                [b"\x01\x01\x05\x00\x08\x01\x01t\x01" + b"\x75\x01" * levels + b"\x7e\x00"],
            )
        samples.append((sample["name"], updates))
    return samples
