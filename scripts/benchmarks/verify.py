"""Did everybody get everything? Texts compared, not counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pycrdt import Doc, Text

from benchmarks.client import Client
from benchmarks.load import Typist
from benchmarks.updates import ROOT, keystroke

#: updates applied at most in one comparison; what is beyond it is left out and said so
_MAX_APPLIED = 3_000_000
#: a transaction of a million keystrokes takes all the memory there is when it ends
_IN_ONE_TRANSACTION = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """``compared`` of ``receivers`` texts were compared; ``problems`` is empty where all are right."""

    receivers: int
    compared: int
    problems: list[str]


def text_of(updates: Sequence[bytes]) -> str:
    """The text after ``updates``."""
    doc: Doc[Text] = Doc()
    text = doc.get(ROOT, type=Text)
    for first in range(0, len(updates), _IN_ONE_TRANSACTION):
        with doc.transaction():
            for update in updates[first : first + _IN_ONE_TRANSACTION]:
                doc.apply_update(update)
    return str(text)


def compare_texts(clients: Sequence[Client], typists: Sequence[Typist]) -> Verdict:
    """Apply what each of ``clients`` received, and compare with what was typed in its document.

    Receivers of the very same updates share one comparison.
    """
    problems = []
    authors: dict[str, list[Typist]] = defaultdict(list)
    for typist in typists:
        authors[typist.client.document].append(typist)
    own = {id(typist.client): typist for typist in typists}
    typed = {typist: [keystroke(typist.client.yjs_id, clock) for clock in range(typist.typed)] for typist in typists}
    expected = {
        document: text_of([update for typist in there for update in typed[typist]])
        for document, there in authors.items()
    }
    known: dict[tuple[str, int, tuple[bytes, ...]], bool] = {}
    applied = compared = 0
    for client in clients:
        author = own.get(id(client))
        key = (client.document, client.yjs_id if author else 0, tuple(client.updates))
        if key not in known:
            mine = typed[author] if author else []
            applied += len(mine) + len(client.updates)
            if applied > _MAX_APPLIED:
                continue
            before = [client.state] if client.state else []
            try:
                text = text_of(before + mine + client.updates)
            except Exception as error:
                problems.append(f"what a receiver in {client.document} got cannot be applied: {error}")
                text = ""
            known[key] = text == expected.get(client.document, "")
        compared += 1
        if not known[key]:
            problems.append(f"a receiver in {client.document} has another text than was typed")
    return Verdict(len(clients), compared, problems)
