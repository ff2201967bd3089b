"""Honest documents in parts that leave gaps, as Yjs 14 leaves them when the second of two suggestions is accepted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pycrdt

from collab.protocol.codec import write_var_uint
from collab.protocol.rewriting import write_id
from collab.protocol.yjs_structs import StructReader

WORDS = ("a", "b", "word ", "ß", "漢字", "😀", "xyz" * 9)


def write_together(rng: random.Random, people: int, edits: int) -> bytes:
    """The state of a document that several people made at once: texts, lists, maps, XML, deletions."""
    docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc() for _ in range(people)]
    for _ in range(edits):
        doc = rng.choice(docs)
        _edit(rng, doc)
        if rng.random() < 0.3:
            other = rng.choice(docs)
            other.apply_update(doc.get_update(other.get_state()))
    for doc in docs[1:]:
        docs[0].apply_update(doc.get_update(docs[0].get_state()))
    return docs[0].get_update()


def _edit(rng: random.Random, doc: pycrdt.Doc[Any]) -> None:
    text: pycrdt.Text = doc.get("text", type=pycrdt.Text)
    values: pycrdt.Array[Any] = doc.get("list", type=pycrdt.Array)
    entries: pycrdt.Map[Any] = doc.get("map", type=pycrdt.Map)
    dice = rng.random()
    if dice < 0.5:
        text.insert(len(str(text).encode()) * (rng.random() < 0.5), rng.choice(WORDS))
    elif dice < 0.6 and str(text).isascii() and len(text) > 3:
        at = rng.randrange(len(text) - 2)
        del text[at : at + 2]
    elif dice < 0.75:
        values.insert(rng.randrange(len(values) + 1), rng.choice([1, "x", True, None]))
    elif dice < 0.85:
        entries[rng.choice("ab")] = rng.choice(WORDS)
    elif dice < 0.92:
        entries[rng.choice("cd")] = pycrdt.Map({"k": rng.choice(WORDS)})
    elif len(values):
        del values[rng.randrange(len(values))]


def in_parts(rng: random.Random, state: bytes) -> Iterator[bytes]:
    """Every struct of a state in an update of its own or beside few others, in any order; deletions come last."""
    reader = StructReader(state)
    structs = []
    for _ in range(reader.count(3)):
        count, client, clock = reader.count(2), reader.uint(), reader.uint()
        for _ in range(count):
            begin = reader.at
            length = reader.struct()
            structs.append((client, clock, state[begin : reader.at]))
            clock += length
    rng.shuffle(structs)
    while structs:
        some = structs[-rng.randrange(1, 4) :]
        del structs[-len(some) :]
        parts = [write_var_uint(len({client for client, _, _ in some}))]
        one_each = {client: (clock, raw) for client, clock, raw in some}
        structs += [one for one in some if one_each[one[0]][0] != one[1]]
        for client, (clock, raw) in one_each.items():
            parts += [b"\x01", write_id((client, clock)), raw]
        yield b"".join([*parts, b"\0"])
    yield b"\0" + state[reader.at :]
