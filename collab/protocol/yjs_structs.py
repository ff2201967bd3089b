"""The structs of Yjs updates (version 1): the one table of their kinds, flags and types, and how one is read.

A struct begins with a byte: its kind, and flags that say what it names of its neighbours and its key.
Format: yjs, ``src/structs/*.js`` and ``src/types/*.js``; values: lib0, ``encoding.js`` (``writeAny``).
"""

from __future__ import annotations

from typing import Final

from collab.protocol.codec import MAX_CLOCK

#: client and clock
Id = tuple[int, int]

#: kinds of structs: what is gone, eight kinds of content, a sub-document, and a gap
GC, DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, ANY, DOC, SKIP = range(11)
#: the bits of a struct's first byte that hold its kind
KIND: Final = 0x1F
#: flags beside the kind: it names its left or right neighbour, it belongs to a key
LEFT, RIGHT, KEY = 0x80, 0x40, 0x20
#: shared types, as content of kind ``TYPE`` numbers them
ARRAY, MAP, TEXT, XML_ELEMENT, XML_FRAGMENT, XML_HOOK, XML_TEXT = range(7)
TYPES: Final = frozenset(range(7))
#: types with a name behind their number, and those that stand in XML
NAMED_TYPES: Final = frozenset({XML_ELEMENT, XML_HOOK})
XML_TYPES: Final = frozenset({XML_ELEMENT, XML_HOOK, XML_FRAGMENT, XML_TEXT})

#: first bytes of lib0 "any" values
ANY_BYTES, ANY_ARRAY, ANY_OBJECT, ANY_TEXT, ANY_TRUE, ANY_FALSE = 116, 117, 118, 119, 120, 121
ANY_BIGINT, ANY_FLOAT64, ANY_FLOAT32, ANY_INTEGER, ANY_NULL, ANY_UNDEFINED = 122, 123, 124, 125, 126, 127
_MINUS_ZERO: Final = 0x40
#: levels of arrays and objects in one content value
MAX_DEPTH: Final = 64


class Fault(ValueError):
    """The update is damaged."""


class StructReader:
    """Reads an update struct by struct, and checks nothing but that it can be read.

    ``at``: up to where it has been read. Of the struct read last, ``info``: its first byte; ``left``,
    ``right``: the neighbours that it names; ``parent``: the id of its parent, where it names one;
    ``content_at``: where its content begins.

    Every method raises Fault, another ValueError or IndexError for what cannot be read.
    """

    __slots__ = ("at", "content_at", "data", "info", "left", "maps", "odd", "parent", "right", "size")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.size = len(data)
        self.at = at
        self.info = 0
        self.left: Id | None = None
        self.right: Id | None = None
        self.parent: Id | None = None
        self.content_at = 0
        #: where "any" values with maps in them stand, from byte to byte
        self.maps: list[tuple[int, int]] = []
        #: there are "any" values that the CRDT library would write as others: big integers and -0
        self.odd = False

    # -- numbers and text -----------------------------------------------------------------------

    def uint(self) -> int:
        """A number."""
        data, at = self.data, self.at
        byte = data[at]
        at += 1
        if byte < 0x80:
            self.at = at
            return byte
        value = byte & 0x7F
        shift = 7
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at
                return value
            shift += 7
            if shift > 49:
                raise Fault("a number is too long")

    def count(self, bytes_each: int) -> int:
        """A number of things of which each takes at least ``bytes_each``."""
        value = self.uint()
        if value * bytes_each > self.size - self.at:
            raise Fault("a count is larger than the update")
        return value

    def length(self) -> int:
        """How many clocks a struct takes."""
        length = self.uint()
        if not 0 < length <= MAX_CLOCK:
            raise Fault("a length is out of range")
        return length

    def id(self) -> Id:
        """What a struct names of others."""
        return self.uint(), self.uint()

    def chunk(self) -> bytes:
        """Bytes behind their length."""
        count = self.uint()
        end = self.at + count
        if end > self.size:
            raise Fault("unexpected end")
        chunk = self.data[self.at : end]
        self.at = end
        return chunk

    def text(self) -> str:
        """UTF-8 behind its length in bytes."""
        return self.chunk().decode("utf-8")

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        self.at += count
        if self.at > self.size:
            raise Fault("unexpected end")

    # -- structs --------------------------------------------------------------------------------

    def struct(self) -> int:
        """Read one struct; returns its length."""
        self.info = info = self.data[self.at]
        self.at += 1
        self.left = self.right = self.parent = None
        kind = info & KIND
        if kind == GC or kind == SKIP:
            return self.length()
        if info & (LEFT | RIGHT):
            if info & LEFT:
                self.left = self.uint(), self.uint()
            if info & RIGHT:
                self.right = self.uint(), self.uint()
        else:
            named = self.uint()
            if named == 1:
                self.text()
            elif named == 0:
                self.parent = self.uint(), self.uint()
            else:
                raise Fault("a parent is neither named nor referenced")
            if info & KEY:
                self.text()
        self.content_at = self.at
        return self.string() if kind == STRING else self.content(kind)

    def string(self) -> int:
        """Read the text that a struct holds; returns its length in UTF-16 units."""
        text = self.text()
        if not text:
            raise Fault("an empty text")
        return len(text) if text.isascii() else units(text)

    def content(self, kind: int) -> int:
        """Read the content of a struct that is no text; returns its length."""
        if kind == DELETED:
            return self.length()
        if kind == ANY:
            count = self.count(1)
            if count == 0:
                raise Fault("an empty list of values")
            self.values(count)
            return count
        if kind == FORMAT:
            self.text()
            self.json()
        elif kind == EMBED:
            self.json()
        elif kind == BINARY:
            self.binary()
        elif kind == TYPE:
            reference = self.uint()
            if reference not in TYPES:
                raise Fault("an unknown type")
            if reference in NAMED_TYPES:
                self.name(reference)
        elif kind == DOC:
            self.text()
            self.values(1)
        elif kind == JSON:
            count = self.count(1)
            if count == 0:
                raise Fault("an empty list of values")
            for _ in range(count):
                self.json(may_be_undefined=True)
            return count
        else:
            raise Fault("an unknown kind of content")
        return 1

    def binary(self) -> None:
        """Read a binary value."""
        self.chunk()

    def name(self, type: int) -> None:
        """Read the name of a shared type."""
        self.text()

    def json(self, *, may_be_undefined: bool = False) -> None:
        """Read a value that is JSON."""
        self.chunk()

    def values(self, count: int) -> None:
        """Read ``count`` lib0 "any" values, without recursion."""
        data = self.data
        begin = self.at
        mapped = False
        open_counts = [count]  # values still due at each level
        keyed = [False]
        while open_counts:
            if open_counts[-1] == 0:
                open_counts.pop()
                keyed.pop()
                continue
            open_counts[-1] -= 1
            if keyed[-1]:
                self.text()
            tag = data[self.at]
            self.at += 1
            if tag in (ANY_UNDEFINED, ANY_NULL, ANY_FALSE, ANY_TRUE):
                continue
            if tag == ANY_TEXT:
                self.text()
            elif tag == ANY_INTEGER:
                if data[self.at] == _MINUS_ZERO:
                    self.odd = True
                self.signed()
            elif tag == ANY_FLOAT32:
                self.skip(4)
            elif tag == ANY_FLOAT64:
                self.skip(8)
            elif tag == ANY_BIGINT:
                self.odd = True
                self.skip(8)
            elif tag == ANY_BYTES:
                self.chunk()
            elif tag in (ANY_OBJECT, ANY_ARRAY):
                if len(open_counts) > MAX_DEPTH:
                    raise Fault("a value is nested too deep")
                mapped = mapped or tag == ANY_OBJECT
                open_counts.append(self.count(2 if tag == ANY_OBJECT else 1))
                keyed.append(tag == ANY_OBJECT)
            else:
                raise Fault("an unknown kind of value")
        if mapped:
            self.maps.append((begin, self.at))

    def signed(self) -> None:
        """Read a number with a sign."""
        data, at = self.data, self.at
        for width in range(9):
            if data[at + width] < 0x80:
                self.at = at + width + 1
                return
        raise Fault("a number is too long")


def units(text: str) -> int:
    """The length of ``text`` as clocks count it: in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
