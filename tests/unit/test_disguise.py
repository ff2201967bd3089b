"""What the CRDT library would not keep, in a form that it keeps, and back."""

from __future__ import annotations

import struct
from importlib.metadata import version

import pytest
from pycrdt import Doc, get_state

from collab.content.reading import read
from collab.documents.document import Document
from collab.protocol.codec import read_state_vector, write_var_bytes
from collab.protocol.disguise import MARK, disguise, undisguise
from tests.support.honest_updates import HonestCase, honest_cases


@pytest.mark.parametrize("case", honest_cases(), ids=lambda case: case.name)
def test_what_was_hidden_comes_back(case: HonestCase) -> None:
    for update in case.updates:
        assert undisguise(disguise(update)) == update


def of_values(*values: bytes) -> bytes:
    """An update with these "any" values in one struct of the root `a`."""
    return b"\x01\x01\x05\x00\x08\x01\x01a" + bytes((len(values),)) + b"".join(values) + b"\0"


def clocks_of(update: bytes) -> dict[int, int]:
    return read_state_vector(get_state(update))


BIG = b"\x7a" + struct.pack(">q", 5)
MINUS_ZERO = b"\x7d\x40"
ONE = b"\x7d\x01"
#: the library kept big integers until it began to write every number that is one as a double
WIDE_IN_OLD = version("pycrdt") == "0.14.3"
IN_AN_OBJECT = b"\x76\x01\x01k" + BIG


@pytest.mark.parametrize(
    "odd",
    [BIG, MINUS_ZERO, b"\x75\x02" + ONE + BIG, IN_AN_OBJECT],
    ids=["big", "minus zero", "in a list", "in an object"],
)
def test_numbers_that_the_library_would_write_otherwise_are_hidden_in_its_hands(odd: bytes) -> None:
    update = of_values(ONE, odd, ONE)
    hidden = disguise(update)
    assert hidden.count(MARK) == 1, "and only they"
    assert clocks_of(hidden) == clocks_of(update) == {5: 3}
    doc: Doc = Doc()
    doc.apply_update(hidden)
    assert doc.get_update() == hidden, "the library keeps it"
    assert undisguise(doc.get_update()) == update
    if not (WIDE_IN_OLD and BIG in odd):
        doc = Doc()
        doc.apply_update(update)
        assert undisguise(doc.get_update()) != update, "without it, it would not"


def test_what_is_plain_stays_as_it_is() -> None:
    for update in (of_values(ONE, b"\x77\x01x", b"\x74\x02ab"), b"\x01\x01\x05\x00\x03\x01\x01a\x02ab\0", b"\0\0"):
        assert disguise(update) == update
        assert undisguise(update) == update


def test_names_are_hidden_under_any_mark_and_nothing_else_then() -> None:
    hook = b"\x01\x02\x05\x00\x07\x01\x01x\x05" + write_var_bytes(b"widget") + b"\x08\x01\x01a\x01" + BIG + b"\0"
    shown = disguise(hook, mark=b"", hooks_only=True)
    assert (
        shown == b"\x01\x02\x05\x00\x07\x01\x01x\x03" + write_var_bytes(b"widget") + b"\x08\x01\x01a\x01" + BIG + b"\0"
    )
    assert MARK + b"widget" in disguise(hook)


def test_a_hook_keeps_its_name_and_what_is_under_it() -> None:
    """yrs reads hooks without their name."""
    (hook,) = next(case.updates for case in honest_cases() if case.name == "an XML hook")
    document = Document()
    document.apply(hook)
    (client, clock) = next(iter(document.clocks.items()))
    assert document.encode() == document.taken == hook
    below = b"\x28\x00\xfb\x07\x00" + write_var_bytes(b"k") + b"\x01" + b"\x7d\x05"
    assert document.apply(b"\x01\x01\xfb\x07" + bytes((clock,)) + below + b"\0")
    for again in (document, Document.load(document.snapshot(), []), Document.load(document.encode(), [])):
        assert b"\x05" + write_var_bytes(b"widget") in again.encode()
        assert again.diff(b"\x01" + b"\xfb\x07" + b"\x01") == b"\x01\x01\xfb\x07\x01" + below + b"\0"
        assert again.clocks == {client: 2}
    assert read(document.encode()) == {"x": '<widget k="5"></widget>'}


def test_a_sub_document_keeps_what_its_author_said_of_it() -> None:
    """yrs writes options of its own instead."""
    options = b"\x76\x01" + write_var_bytes(b"meta") + b"\x77" + write_var_bytes(b"a title")
    update = b"\x01\x01\x05\x00\x29\x01\x01m\x01k" + write_var_bytes(b"guid") + options + b"\0"
    document = Document()
    document.apply(update)
    for again in (document, Document.load(document.snapshot(), []), Document.load(None, [update])):
        assert again.encode() == update
        assert again.content_hash() == document.content_hash()
