"""A process of its own that lets wild updates at documents: ``python -m tests.support.fuzz_documents SEED COUNT``.

Prints the seed of each document before it begins, so that whoever started it can tell which one
ended or hung the process. The last line is ``done TRIED PASSED``.
"""

from __future__ import annotations

import random
import sys
import time

from collab.documents.document import Document
from collab.errors import CollabError
from tests.support.wild_updates import WildUpdates

PER_DOCUMENT = 60


def torment(seed: int) -> tuple[int, int]:
    """Let updates of one seed at one document; returns how many were tried and passed the scan."""
    rng = random.Random(seed)
    wild = WildUpdates(rng, gaps=0.4 if seed % 2 else 0.03)
    document = Document()
    log: list[bytes] = []
    snapshot: bytes | None = None
    tail: list[bytes] = []
    passed = 0
    for _ in range(PER_DOCUMENT):
        update = wild.update(
            {client: document.known.end(client) for client in [*document.clocks, *document.known.behind]}
        )
        began = time.process_time()
        try:
            if document.apply(update):
                log.append(document.taken)
                tail.append(document.taken)
            passed += 1
        except CollabError as error:
            assert error.code in ("invalid_update", "missing_dependencies"), error
        if document.poisoned:
            document = Document.load(None, log)
        if rng.random() < 0.05:
            snapshot, tail = document.encode(), []
        took = time.process_time() - began
        assert took < 0.5, f"an update of seed {seed} took {took:.2f} s"
    state = document.encode()
    again = Document.load(state, [])
    assert again.known == document.known, f"seed {seed}: a snapshot that lost clocks"
    assert again.content_hash() == document.content_hash(), f"seed {seed}: a snapshot that lost content"
    for words, replayed in (("log", Document.load(None, log)), ("tail", Document.load(snapshot, tail))):
        assert replayed.known == document.known, f"seed {seed}: a {words} that lost clocks"
        # What a hostile structure shows may depend on where a snapshot was taken between its parts.
        if words == "log":
            assert replayed.content_hash() == document.content_hash(), f"seed {seed}: a log that lost content"
    return PER_DOCUMENT, passed


def main() -> None:
    """Run from the command line."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    tried = passed = 0
    for seed in range(first, first + count):
        print(seed, flush=True)
        one, two = torment(seed)
        tried += one
        passed += two
    print("done", tried, passed, flush=True)


if __name__ == "__main__":
    main()
