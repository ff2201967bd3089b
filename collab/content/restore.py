"""Restoring a version: the edit that makes a document's content what it was.

Pure: no I/O, no sessions. Two Yjs v1 states go in, an ordinary Yjs v1 update comes out: deletions,
and insertions under a client id of its own. Whoever has the document open receives it as any edit,
can undo it, and concurrent edits merge with it.

The states are compared as the CRDT keeps them, item by item, and not as text or JSON:

- An item has an id that it never loses. What stands in both states is left alone, what came later is
  deleted, and what was deleted since is inserted again in front of its own tombstone, where Yjs's
  undo puts it too. So what somebody offline wrote into a deleted paragraph ends up in the restored one.
- Between items that both states share, equal content is left alone as well, although its ids differ:
  the same words typed again, or a text that a script wrote anew.
- Everything comes back as it was: formatting, embeds, attributes, subdocuments, and shared types
  inside others. pycrdt can neither read nor write some of that (an XML element in a map, a text in a
  rich text, undefined), and the types of roots, which no state tells, do not matter here.

The items are read in ``items.py``, and the edit is written in ``update.py``.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import orjson

from collab.content.differ import Differ
from collab.content.items import Item, Shared, State, read_value, split
from collab.content.roots import MAX_NESTING
from collab.content.update import Edit, Place
from collab.errors import CollabError
from collab.protocol.codec import DecodeError, Reader
from collab.protocol.yjs_structs import ANY, DOC, EMBED, FORMAT, STRING, TYPE, Id, units

#: content that is not text is spelled with characters from here on while it is compared
_PRIVATE: Final = 0xF0000
_LAST_CHARACTER: Final = 0x10FFFF


def restore(current: bytes, wanted: bytes, *, client_id: int | None = None) -> bytes:
    """The edit that gives the document ``current`` the content of ``wanted``.

    Args:
        current: the document as it is, as one Yjs v1 update.
        wanted: the document as it shall be; most often an older state of the same one.
        client_id: under which Yjs client id the edit is written; a new one by default. Two edits that
            are made from the same state need different ones, or replicas diverge.

    Returns:
        A Yjs v1 update for ``current``; the empty one where nothing differs. The same arguments give
        the same bytes.

    Raises:
        CollabError: ``invalid_update`` for a state that cannot be read.
    """
    try:
        here, there = State(current), State(wanted)
        here.integrate(there)
        there.integrate(here)
    except (DecodeError, IndexError):
        raise CollabError("invalid_update", "This document is damaged.") from None
    if client_id is None:
        client_id = random.getrandbits(32)
        while client_id in here.items or client_id in there.items:
            client_id = random.getrandbits(32)
    edit = Edit(client_id, here.clock(client_id))
    _Comparison(edit).run(here, there)
    return edit.encode()


# -- comparing -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Step:
    """One step along a sequence: an item of the document that stays, or one that is inserted."""

    item: Item
    stays: bool


class _Comparison:
    """Finds what differs and writes it into an edit."""

    def __init__(self, edit: Edit) -> None:
        self._edit = edit
        self._differ = Differ()
        # pairs of shared types, in the document and as wanted, that have yet to be compared
        self._due: list[tuple[Shared, Shared]] = []

    def run(self, here: State, there: State) -> None:
        """Compare all that is in two integrated states."""
        for name in sorted(here.roots.keys() | there.roots.keys()):
            self._due.append((here.roots.get(name) or Shared(name), there.roots.get(name) or Shared(name)))
        while self._due:
            mine, theirs = self._due.pop()
            self._compare_keys(mine, theirs)
            self._compare_sequences(mine, theirs)

    def _insert(self, place: Place, item: Item) -> None:
        id = self._edit.insert(place, item)
        if item.shared is not None:
            self._due.append((Shared(id), item.shared))

    def _compare_keys(self, mine: Shared, theirs: Shared) -> None:
        old, new = mine.entries(), theirs.entries()
        for key in sorted(old.keys() | new.keys()):
            before, after = old.get(key), new.get(key)
            if before is not None and after is not None and _alike(before, after):
                if before.shared is not None and after.shared is not None:
                    self._due.append((before.shared, after.shared))
                continue
            if before is not None:
                self._edit.delete(before)
            if after is not None:
                if after.length > 1:  # an entry has one value, and of several the last one counts
                    end = after.clock + after.length - 1
                    *_, after = split(after, [end], {end})
                last = mine.keys.get(key)
                left = last.last_id if last is not None else None
                self._insert(Place(mine.address, left, None, key), after)

    def _compare_sequences(self, mine: Shared, theirs: Shared) -> None:
        items = list(mine.sequence())
        wanted = [item for item in theirs.sequence() if not item.deleted]
        anchors = self._anchors(items, wanted)
        steps: list[_Step] = []
        pieces: list[Item] = []
        at = to = 0
        for anchor, wanted_anchor in [*anchors, (len(items), len(wanted))]:
            gap = items[at:anchor]
            missing = wanted[to:wanted_anchor]
            if missing and not all(item.deleted for item in gap):
                gap, found = self._match(gap, missing)
                steps += found
            else:
                steps += [_Step(item, stays=False) for item in missing]
            pieces += gap
            if anchor < len(items):
                pieces.append(items[anchor])
                steps.append(_Step(items[anchor], stays=True))
            at, to = anchor + 1, wanted_anchor + 1
        self._write(mine, pieces, steps)

    def _anchors(self, items: Sequence[Item], wanted: Sequence[Item]) -> list[tuple[int, int]]:
        """Items that both have, in an order that both have: their indices."""
        known = {item.id: at for at, item in enumerate(items) if not item.deleted}
        anchors: list[tuple[int, int]] = []
        last = -1
        for wanted_at, item in enumerate(wanted):
            at = known.get(item.id, -1)
            if at > last and _alike(items[at], item):
                last = at
                anchors.append((at, wanted_at))
                shared = items[at].shared
                if shared is not None and item.shared is not None:
                    self._due.append((shared, item.shared))
        return anchors

    def _match(self, gap: list[Item], missing: list[Item]) -> tuple[list[Item], list[_Step]]:
        """Find equal content under different ids.

        Returns:
            ``gap``, cut where it is needed, and the steps along it.
        """
        alphabet = _Alphabet([*gap, *missing])
        old = alphabet.spell(item for item in gap if not item.deleted)
        new = alphabet.spell(missing)
        whole = (0, len(old), 0, len(new))
        hunks = [whole] if alphabet.full else self._differ.hunks(old, new)
        gap = _cut(gap, sorted({token for hunk in hunks for token in hunk[:2]}))
        missing = _cut(missing, sorted({token for hunk in hunks for token in hunk[2:]}))
        steps: list[_Step] = []
        staying = _Walk([item for item in gap if not item.deleted])
        coming = _Walk(missing)
        for start, stop, new_start, new_stop in [*hunks, (len(old), len(old), len(new), len(new))]:
            # What is between two hunks is alike, and stays.
            steps += [_Step(item, stays=True) for item in staying.until(start)]
            staying.until(stop)
            coming.until(new_start)
            steps += [_Step(item, stays=False) for item in coming.until(new_stop)]
        return gap, steps

    def _write(self, mine: Shared, pieces: Sequence[Item], steps: Sequence[_Step]) -> None:
        """Delete what no step keeps, and insert what is missing, in front of its tombstone if there is one."""
        staying = {step.item for step in steps if step.stays}
        spots: dict[Item, int] = {}
        tombs: dict[Id, int] = {}
        for at, piece in enumerate(pieces):
            if piece in staying:
                spots[piece] = at
            elif piece.deleted:
                tombs[piece.id] = at
            else:
                self._edit.delete(piece)
        if len(steps) == len(staying):
            return
        bounds = []
        bound = len(pieces)
        for step in reversed(steps):
            bound = spots.get(step.item, bound) if step.stays else bound
            bounds.append(bound)
        at = 0
        place: Place | None = None
        for step, bound in zip(steps, reversed(bounds), strict=True):
            item = step.item
            if step.stays:
                at, place = spots[item] + 1, None
                continue
            tomb = tombs.get(item.id, -1)
            if at < tomb < bound:
                at, place = tomb, None
            if place is None:
                place = Place(
                    mine.address,
                    pieces[at - 1].last_id if at else None,
                    pieces[at].id if at < len(pieces) else None,
                )
            self._insert(place, item)


class _Walk:
    """Goes along items by the number of their tokens."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._at = 0
        self._token = 0

    def until(self, token: int) -> list[Item]:
        """The next items, up to the one that begins at ``token``."""
        begin = self._at
        while self._at < len(self._items) and self._token < token:
            self._token += self._items[self._at].tokens
            self._at += 1
        return list(self._items[begin : self._at])


def _cut(items: Iterable[Item], borders: Sequence[int]) -> list[Item]:
    """Items, those that are not deleted cut where a token at one of ``borders`` (sorted) begins."""
    pieces: list[Item] = []
    token = 0
    for item in items:
        if item.deleted:
            pieces.append(item)
            continue
        end = token + item.tokens
        inside = borders[bisect_right(borders, token) : bisect_left(borders, end)]
        clock = item.clock
        for begin, stop in pairwise([token, *inside, end]):
            part = item.content[begin - token : stop - token] if inside else item.content
            length = units(part) if item.kind == STRING else stop - begin
            pieces.append(item.piece(clock, length, part))
            clock += length
        token = end
    return pieces


def _alike(one: Item, other: Item) -> bool:
    """Whether two items hold the same, or are shared types of the same kind."""
    if one.kind != other.kind:
        return False
    return bool(one.content == other.content) or (one.kind != TYPE and _tokens(one) == _tokens(other))


def _tokens(item: Item) -> list[Any]:
    """What an item holds, one by one, in a form that is equal and hashes alike where it is equal."""
    if item.kind == STRING:
        return list(item.content)
    if item.kind == ANY:
        return [read_value(Reader(value)) for value in item.content]
    reader = Reader(item.content)
    if item.kind == EMBED:
        return [(EMBED, _json(reader.var_bytes()))]
    if item.kind == FORMAT:
        return [(FORMAT, reader.var_bytes(), _json(reader.var_bytes()))]
    if item.kind == DOC:
        # Its options change from replica to replica (`shouldLoad`); its guid tells which document it is.
        return [(DOC, reader.var_bytes())]
    return [(item.kind, item.content)]


def _json(raw: bytes) -> bytes:
    """JSON with its entries in order."""
    try:
        return orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return raw


class _Alphabet:
    """Spells items with one character for each token, so that they can be compared as texts.

    ``full``: there were more tokens than characters, and what was spelled cannot be compared.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        texts = (item.content for item in items if item.kind == STRING and not item.deleted)
        self._used = {char for text in texts if not text.isascii() for char in text if ord(char) >= _PRIVATE}
        self._free = _PRIVATE
        self._characters: dict[Any, str] = {}
        self.full = False

    def spell(self, items: Iterable[Item]) -> str:
        """The tokens of items that are not deleted."""
        parts: list[str] = []
        for item in items:
            if item.kind == STRING:
                parts.append(item.content)
            elif item.shared is not None:
                parts.append(self._character((TYPE, _fingerprint(item))))
            else:
                parts += [self._character((item.kind, token)) for token in _tokens(item)]
        return "".join(parts)

    def _character(self, token: Any) -> str:
        character = self._characters.get(token)
        if character is None:
            while chr(self._free) in self._used and self._free < _LAST_CHARACTER:
                self._free += 1
            character = self._characters[token] = chr(self._free)
            if self._free == _LAST_CHARACTER:
                self.full = True
            else:
                self._free += 1
        return character


def _fingerprint(item: Item, depth: int = 0) -> Any:
    """What a shared type holds; equal, and hashing alike, for types with the same content."""
    if item.shared is None or depth > MAX_NESTING:
        return object()
    sequence: list[Any] = []
    for inner in item.shared.sequence():
        if not inner.deleted:
            if inner.shared is not None:
                sequence.append(_fingerprint(inner, depth + 1))
            else:
                sequence += [(inner.kind, token) for token in _tokens(inner)]
    entries = frozenset(
        (key, _fingerprint(inner, depth + 1) if inner.shared is not None else (inner.kind, *_tokens(inner)))
        for key, inner in item.shared.entries().items()
    )
    return item.content, tuple(sequence), entries
