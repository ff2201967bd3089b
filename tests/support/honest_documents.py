"""Random documents of honest people, and whether the server keeps them as Yjs shows them.

The people are real Yjs clients (``tests/wire/node/histories.mjs``) and pycrdt ones. Whatever they send has to be
taken; and what the server makes of it, in every way in which it stores and sends documents, has to show in
Yjs what Yjs shows after the same updates: content, state vector and delete set.

By hand: ``python -m tests.support.honest_documents SEED COUNT``. The last line is the sum.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pycrdt import Array, Doc, Map, Text, UndoManager, XmlElement, XmlFragment, XmlText

from collab.documents.document import Document
from collab.errors import CollabError
from collab.protocol.disguise import disguise, undisguise
from collab.protocol.scan import scan
from tests.wire.node.driver import HERE, install_clients


@dataclass(slots=True)
class Sum:
    """What became of the documents: how many there were, their updates, and what went wrong."""

    documents: int = 0
    updates: int = 0
    refused: int = 0
    faults: int = 0

    def __str__(self) -> str:
        return (
            f"{self.documents} documents, {self.updates} updates: "
            f"{self.refused} refused, {self.faults} documents that show something else"
        )


class Histories:
    """The Node process in which the Yjs clients are; a context manager."""

    def __init__(self) -> None:
        install_clients()
        self._process = subprocess.Popen(
            ["node", "histories.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process.stdout.close()

    def do(self, command: str, **arguments: Any) -> Any:
        """Run a command; updates go and come as bytes."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **_packed(arguments)}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{command} {arguments.get('seed')}: {answer['error']}"
        if "sent" in answer:
            return [base64.b64decode(update) for update in answer["sent"]]
        return answer["faults"]


def _packed(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _packed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(inner) for inner in value]
    return value


class PycrdtPerson:
    """Somebody who edits with pycrdt, beginning with the server's state."""

    def __init__(self, rng: random.Random, state: bytes, client_id: int) -> None:
        self._rng = rng
        self.sent: list[bytes] = []
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.doc.apply_update(disguise(state, hooks_only=True))
        self.types: dict[str, Any] = {
            "t": self.doc.get("t", type=Text), "m": self.doc.get("m", type=Map), "a": self.doc.get("a", type=Array),
            "x": self.doc.get("x", type=XmlFragment),
        }  # fmt: skip
        self.undo = UndoManager(scopes=list(self.types.values()), capture_timeout_millis=rng.choice([0, 500]))
        self.doc.observe(lambda event: self.sent.append(undisguise(event.update)))

    def live(self, steps: int) -> None:
        """Edit for a while."""
        for _ in range(steps):
            dice = self._rng.random()
            if dice < 0.12:
                self.undo.undo()
            elif dice < 0.2:
                self.undo.redo()
            elif dice < 0.4:
                with self.doc.transaction():
                    for _ in range(self._rng.randint(1, 4)):
                        self._edit()
            else:
                self._edit()

    def _edit(self) -> None:
        kind = self._rng.choice(list(self.types))
        getattr(self, f"_edit_{kind}")(self.types[kind])

    def _value(self, depth: int = 0) -> Any:
        rng = self._rng
        simple = [
            None,
            True,
            0,
            -1,
            2**31,
            2**53 - 1,
            0.5,
            1e300,
            float("nan"),
            "",
            "text",
            "\U0001f600",
            b"",
            b"\x00\xff",
        ]
        dice = rng.randrange(len(simple) + 4)
        if dice < len(simple) or depth > 2:
            return simple[dice % len(simple)]
        if dice % 2:
            return [self._value(depth + 1) for _ in range(rng.randrange(3))]
        return {rng.choice("xy"): self._value(depth + 1) for _ in range(rng.randrange(3))}

    def _content(self) -> Any:
        rng = self._rng
        return rng.choice(
            [
                self._value, self._value, self._value,
                lambda: Map({"x": self._value(1), "n": Array([1, self._value(1)])}),
                lambda: Array([self._value(1), Map({"k": Text("inside")})]),
                lambda: Text(rng.choice(["", "words \U0001f600"])),
                lambda: Doc(),
            ]
        )()  # fmt: skip

    def _edit_t(self, text: Any) -> None:
        rng = self._rng
        # pycrdt counts bytes of UTF-8, and 1 for an embed: an index inside a character would be its caller's fault.
        starts = [0]
        for piece, _ in text.diff():
            sizes = [len(char.encode()) for char in piece] if isinstance(piece, str) else [1]
            starts += [starts[-1] + sum(sizes[: number + 1]) for number in range(len(sizes))]
        length = starts[-1]
        at = rng.choice(starts)
        dice = rng.random()
        if dice < 0.6 or not length:
            text.insert(at, rng.choice(["a", "hello ", "\U0001f600", "\n", "é"]), rng.choice([None, {"bold": True}]))
        elif dice < 0.75:
            text.insert_embed(at, {"image": "x", "size": [1.5, None]})
        else:
            end = rng.choice([start for start in starts if start >= at])
            if end > at and dice < 0.88:
                del text[at:end]
            elif end > at:
                text.format(at, end, rng.choice([{"bold": True}, {"bold": None}, {"link": {"href": "x"}}]))

    def _edit_m(self, shared: Any) -> None:
        key = self._rng.choice(["x", "y", "\U0001f600"])
        if self._rng.random() < 0.25 and key in shared:
            del shared[key]
            return
        for _ in range(self._rng.choice([1, 1, 3])):
            shared[key] = self._content()

    def _edit_a(self, shared: Any) -> None:
        rng = self._rng
        length = len(shared)
        if length and rng.random() < 0.35:
            at = rng.randrange(length)
            del shared[at : rng.randint(at + 1, length)]
        else:
            at = rng.randint(0, length)
            shared.insert(at, self._content())
            if rng.random() < 0.4:
                shared.extend([self._value() for _ in range(3)])

    def _edit_x(self, fragment: Any) -> None:
        rng = self._rng
        children = fragment.children
        if len(children) and rng.random() < 0.3:
            del children[rng.randrange(len(children))]
            return
        node = children.insert(
            rng.randint(0, len(children)), rng.choice([XmlElement("p", {"class": "a"}), XmlText(""), XmlText("words")])
        )
        if isinstance(node, XmlElement):
            for number in range(rng.randrange(4)):
                node.attributes["align"] = f"v{number}"


class Trial:
    """One document: what is sent to it, and the copies of it that have to be alike."""

    def __init__(self, histories: Histories, seed: int, total: Sum) -> None:
        self._histories = histories
        self._seed = seed
        self._sum = total
        self._rng = random.Random(seed)
        self._document = Document()
        self._log: list[bytes] = []
        self._raw: list[bytes] = []
        self._snapshot: tuple[bytes | None, int] = None, 0
        self.faults: list[str] = []

    def run(self) -> list[str]:
        """Returns what went wrong, in words."""
        rng, seed = self._rng, self._seed
        self._take(self._histories.do("begin", seed=seed))
        vector = self._document.state_vector()
        middle = self._document.encode()
        self._snapshot = self._document.snapshot(), len(self._log)
        if rng.random() < 0.3:
            self._document = Document.load(None, self._log)
        heard: list[bytes] = []
        if rng.random() < 0.6:
            for number in range(rng.randint(1, 2)):
                person = PycrdtPerson(rng, self._document.encode(), 70_000 + number)
                person.live(rng.randint(1, 8))
                self._take(person.sent)
                heard += person.sent
        state = self._document.encode()
        if rng.random() < 0.3:
            self._document = Document.load(self._document.snapshot(), [])
        self._take(self._histories.do("go on", seed=seed, heard=heard, state=state))
        copies = self._copies(vector, middle)
        return self.faults + self._histories.do("check", seed=seed, copies=copies)

    def _take(self, updates: Sequence[bytes]) -> None:
        for update in updates:
            self._sum.updates += 1
            try:
                if self._document.apply(update):
                    self._log.append(self._document.taken)
            except CollabError as error:
                self._sum.refused += 1
                self.faults.append(f"refused {update.hex()}: {error} {error.detail}")
            self._raw.append(update)

    def _copies(self, vector: bytes, middle: bytes) -> list[list[bytes]]:
        document, log = self._document, self._log
        snapshot, at = self._snapshot
        replayed = Document.load(snapshot, log[at:])
        others = [
            Document.load(None, log), replayed, Document.load(document.snapshot(), []),
            Document.load(None, self._raw), Document.load(document.encode(), []),
        ]  # fmt: skip
        for number, other in enumerate(others):
            assert other.clocks == document.clocks, f"copy {number}: state vector {other.clocks} {document.clocks}"
            found = scan(other.snapshot(), {}, is_keyed=lambda _client, _clock: False, strict=True, know_all=True)
            assert not found.several, "the CRDT library wrote several values of one key"
        hashes = [other.content_hash()[:6] for other in (document, *others)]
        assert len(set(hashes)) == 1, f"the copies have different hashes: {hashes}"
        return [
            [document.encode()], log, [middle, document.diff(vector)], *([other.encode()] for other in others)
        ]  # fmt: skip


def try_documents(histories: Histories, seeds: Sequence[int], *, say: bool = False) -> Sum:
    """Try a document for each seed; what goes wrong is printed."""
    total = Sum()
    for seed in seeds:
        total.documents += 1
        trial = Trial(histories, seed, total)
        try:
            faults = trial.run()
        except AssertionError as error:
            faults = [*trial.faults, str(error)]
        if faults:
            total.faults += 1
            print(f"seed {seed}:", *faults[:6], sep="\n  ", flush=True)
        if say and total.documents % 500 == 0:
            print(total, flush=True)
    return total


def main() -> None:
    """Run from the command line."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    with Histories() as histories:
        print(try_documents(histories, range(first, first + count), say=True))


if __name__ == "__main__":
    main()
