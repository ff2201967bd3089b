"""The segment of a SQLite store: a file beside the database that is only written on at its end.

Format, numbers little-endian: ``collabsg``, the salt of the database (16 bytes), the *generation* (u64), then records
one behind the other. A record is what one commit wrote: ``C1 4C 4F 47`` (four bytes), the length of its body (u32),
CRC-32 of the body (u32), begun with salt and generation; the body is rows, each of position (u64), document id (u64),
seconds since 1970 (f64), length of the participant plus one (u32; 0: none), length of the update (u32), participant
(UTF-8), update. Every taking over begins a generation, which the database knows, and writes over the file from its
beginning: records of another generation have another checksum and are none. So the end is where no record is, and a
commit that was cut off is none.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from collab.stores.failpoints import ARMED, failpoint
from collab.stores.sqlite_rows import Row

#: rows that the segment takes at most, and their bytes
MAX_ROWS, MAX_BYTES = 2_000, 1 << 20

_BEGIN = struct.Struct("<8s16sQ")
_NAME = b"collabsg"
_MAGIC = b"\xc1LOG"
_HEAD = struct.Struct("<4sII")
_FIXED = struct.Struct("<QQdII")

#: macOS has no other
_flush = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Found:
    """What a segment holds that the tables lack; ``trouble``: why that is not all there was, in words."""

    rows: list[Row]
    trouble: str = ""


class Segment:
    """The segment of a database that is open, in the thread that writes.

    Args:
        path: of the file, created if it is new. What is in it is erased.
        salt: of the database.
        generation: that begins.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str, salt: bytes, generation: int) -> None:
        self._path = path
        self._salt = salt
        create(path)
        self._file = os.open(path, os.O_RDWR)
        self.wipe()
        #: a write failed, and what of it is on disk nobody knows
        self._torn = False
        #: what the tables lack, and the names of its documents; any thread may look
        self.rows: list[Row] = []
        self.documents: set[str] = set()
        self.begin(generation)

    @property
    def waits(self) -> bool:
        """Whether the tables have to take over."""
        return bool(self.rows) or self._torn

    @property
    def takes_more(self) -> bool:
        """Whether the next rows may stand here."""
        return not self._torn and len(self.rows) < MAX_ROWS and self._end < MAX_BYTES

    def append(self, rows: Sequence[Row], documents: Sequence[str]) -> None:
        """Write rows, and return once they are on disk.

        Args:
            documents: the names that they belong to.

        Raises:
            OSError: they are not; the tables have to take them, and over.
        """
        data = record(self._seed, rows)
        if self._end == 0:
            data = _BEGIN.pack(_NAME, self._salt, self._generation) + data
        try:
            written = os.pwrite(self._file, data, self._end)
            while written < len(data):  # a file system that is full takes a part, and says why with the rest
                written += os.pwrite(self._file, data[written:], self._end + written)
            if ARMED:
                failpoint("append.before_commit")
            _flush(self._file)
        except OSError:
            self._torn = True
            raise
        if ARMED:
            failpoint("append.after_commit")
        self._end += len(data)
        self.rows += rows
        self.documents.update(documents)

    def begin(self, generation: int) -> None:
        """The tables have what was here, and ``generation`` begins."""
        self._generation, self._seed = generation, seed(self._salt, generation)
        self._end, self._torn = 0, False
        self.rows, self.documents = [], set()

    def wipe(self) -> None:
        """Erase what stands in the file; only when the tables have it.

        Raises:
            OSError: it still stands there.
        """
        size = os.fstat(self._file).st_size
        if size:
            os.pwrite(self._file, bytes(size), 0)
            _flush(self._file)
            os.ftruncate(self._file, 0)

    def close(self, *, remove: bool = True) -> None:
        """Let go of the file, and remove it where the tables have all of it, unless it is to stay. Idempotent."""
        file, self._file = self._file, -1
        if file < 0:
            return
        with suppress(OSError):  # what stands at its name may be somebody else's, or nothing
            if remove and not self.waits and os.path.samestat(os.fstat(file), os.stat(self._path)):
                os.unlink(self._path)
        os.close(file)


def seed(salt: bytes, generation: int) -> int:
    """What the checksums of a generation begin with."""
    return zlib.crc32(struct.pack("<Q", generation), zlib.crc32(salt))


def record(begin: int, rows: Sequence[Row]) -> bytes:
    """Rows as they stand in the file; ``begin`` is the :func:`seed`."""
    parts: list[bytes] = []
    for document, position, participant, at, update in rows:
        who = b"" if participant is None else participant.encode()
        known = 0 if participant is None else len(who) + 1
        parts += (_FIXED.pack(position, document, at, known, len(update)), who, update)
    body = b"".join(parts)
    return _HEAD.pack(_MAGIC, len(body), zlib.crc32(body, begin)) + body


def read(path: str, salt: bytes, generation: int) -> Found:
    """What a file holds of a generation of the database with this salt; one that is not there holds nothing.

    Raises:
        OSError: it cannot be read.
    """
    found = _read(path, salt, generation)
    # Of what is just being written a reader may have the end without the beginning.
    return _read(path, salt, generation) if found.trouble else found


def _read(path: str, salt: bytes, generation: int) -> Found:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Found([])
    if len(data) < _BEGIN.size:
        return Found([])
    name, whose, which = _BEGIN.unpack_from(data)
    if (name, whose) != (_NAME, salt):
        return Found([], "it belongs to another database")
    if which != generation:
        # Older: it was taken over. Newer: so was it, and the database has lost that since.
        return Found([], "the database has lost what came before it" if which > generation else "")
    begin = seed(salt, generation)
    rows: list[Row] = []
    damaged = 0
    expected = at = _BEGIN.size
    while (at := data.find(_MAGIC, at)) >= 0:
        body = _body(data, at, begin)
        if body is None:
            at += 1
            continue
        damaged += at != expected
        rows += _rows(body)
        at = expected = at + _HEAD.size + len(body)
    return Found(rows, f"it is damaged at {damaged} place(s)" if damaged else "")


def _body(data: bytes, at: int, begin: int) -> bytes | None:
    start = at + _HEAD.size
    if start > len(data):
        return None
    _, size, stored = _HEAD.unpack_from(data, at)
    body = data[start : start + size]
    return body if len(body) == size and zlib.crc32(body, begin) == stored else None


def _rows(body: bytes) -> Iterator[Row]:
    at = 0
    while at < len(body):
        position, document, when, known, size = _FIXED.unpack_from(body, at)
        at += _FIXED.size
        participant = None
        if known:
            participant = body[at : at + known - 1].decode()
            at += known - 1
        update = body[at : at + size]
        at += size
        yield document, position, participant, when, update


def create(path: str) -> None:
    """Make the file where there is none, with mode 0600; whenever the power goes, it is there.

    Raises:
        OSError: there is none.
    """
    if os.path.lexists(path):
        return
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
