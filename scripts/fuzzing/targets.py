"""What is fuzzed: each target takes bytes, and raises where something is wrong with the reader.

A reader may refuse, in the words that it has for that. Beyond "nothing else is raised" most have an oracle: what was
read can be written, and reads the same.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from typing import Any

import orjson

from collab.content.formats.html import write_html
from collab.content.formats.markdown import write_markdown
from collab.content.formats.markdown_reader import read_markdown
from collab.content.formats.plain import plain_lines
from collab.content.formats.sniff import what_is
from collab.content.formats.svg import to_svg
from collab.content.importing import import_json
from collab.content.rendering import CONTENT_FORMATS, render
from collab.documents.document import Document
from collab.doors.hocuspocus import read_stateless
from collab.errors import CollabError
from collab.protocol import schemas
from collab.protocol.awareness import decode_awareness, encode_awareness
from collab.protocol.codec import DecodeError, read_state_vector, write_state_vector
from collab.protocol.deletions import read_deletions
from collab.protocol.hocuspocus import document_of
from collab.protocol.hocuspocus import read_message as read_hocuspocus_message
from collab.protocol.packets import PacketError, parse_packet
from collab.protocol.ywebsocket import read_message as read_y_message
from collab.types import check_document_name

REFUSALS = (CollabError, DecodeError, PacketError)
_LOADERS: tuple[Callable[[Any], Any], ...] = (
    schemas.load_authenticate, schemas.load_broadcast, schemas.load_content, schemas.load_operations,
    schemas.load_presence, schemas.load_publish, schemas.load_subscribe, schemas.load_unsubscribe,
)  # fmt: skip
#: bytes of an update whose content is also written in every format
_RENDERED = 2000


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape" if data[:1] == b"\xff" else "replace")


def socketio(data: bytes) -> None:
    """A packet of Socket.IO, with attachments."""
    packet = parse_packet(_text(data))
    for _ in range(packet.attachments):
        if packet.attach(data):
            break


def ywebsocket(data: bytes) -> None:
    """A message of y-websocket."""
    read_y_message(data)


def hocuspocus(data: bytes) -> None:
    """A message of Hocuspocus."""
    message = read_hocuspocus_message(data)
    document_of(message.address)
    read_stateless(message.text)


def state_vector(data: bytes) -> None:
    """A state vector; written again it is the same one."""
    vector = read_state_vector(data)
    assert read_state_vector(write_state_vector(vector)) == vector


def awareness(data: bytes) -> None:
    """An awareness update; written again it says the same."""
    entries = list(decode_awareness(data))
    assert list(decode_awareness(encode_awareness(entries))) == entries


def deletions(data: bytes) -> None:
    """The set of deletions of an update."""
    read_deletions(data)


def update(data: bytes) -> None:
    """An update: what is taken is there after the next start, and is written in every format."""
    document = Document()
    document.apply(data)
    _survives(document)
    if len(data) < _RENDERED:
        state = document.encode()
        for format in CONTENT_FORMATS:
            _allowed(lambda format=format: render(state, None, format))  # type: ignore[misc]


def updates(data: bytes) -> None:
    """Several updates one after the other, cut by a byte of length; refused ones change nothing."""
    document, log = Document(), []
    while data:
        piece, data = data[1 : 1 + data[0]], data[1 + data[0] :]
        before = document.content_hash()
        try:
            document.apply(piece)
        except REFUSALS:
            assert document.content_hash() == before
        else:
            log.append(piece)
    _survives(document)
    assert Document.load(None, log).content_hash() == document.content_hash()


def _survives(document: Document) -> None:
    """It is the same after the next start, and with whoever is sent all of it."""
    content = document.content_hash()
    assert Document.load(document.snapshot(), []).content_hash() == content
    assert Document.load(None, [document.encode()]).content_hash() == content


def payloads(data: bytes) -> None:
    """The JSON payload of every event."""
    try:
        value = orjson.loads(data)
    except ValueError:
        return
    connect = value if isinstance(value, dict) else {"token": value}
    readers: list[Callable[[], Any]] = [
        *(partial(load, value) for load in _LOADERS),
        lambda: schemas.load_connect(connect, strict=True),
        lambda: schemas.load_connect(connect, strict=False),
    ]
    for read in readers:
        _allowed(read)


def operations(data: bytes) -> None:
    """JSON as somebody imports it: a document holds it afterwards."""
    try:
        value = orjson.loads(data)
    except ValueError:
        return
    document = Document()
    for piece in import_json(document.encode(), value):
        document.apply(piece)


def markdown(data: bytes) -> None:
    """Markdown as somebody imports it; what is written of it stays as it is, and is no script."""
    blocks = read_markdown(data.decode("utf-8", "replace"))
    once = write_markdown(blocks)
    assert write_markdown(read_markdown(once)) == once
    list(plain_lines(blocks))
    _Harmless().feed(write_html(blocks))


def svg(data: bytes) -> None:
    """Shapes of a board; the picture is XML without scripts."""
    try:
        shapes = orjson.loads(data)
    except ValueError:
        return
    for element in ElementTree.fromstring(to_svg(shapes)).iter():
        assert element.tag.split("}")[-1] not in ("script", "foreignObject"), element.tag
        assert not any(name.lower().startswith("on") for name in element.attrib), element.attrib


def file(data: bytes) -> None:
    """A file that somebody imports: what it is."""
    what_is(data, _text(data[:20]))


def name(data: bytes) -> None:
    """A document's name."""
    check_document_name(_text(data)).encode()


class _Harmless(HTMLParser):
    """Raises AssertionError for what a browser would run."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "object", "embed", "style", "base", "form", "meta", "link"), tag
        for attribute, value in attrs:
            assert not attribute.startswith("on"), attribute
            if attribute in ("href", "src"):
                assert not (value or "").strip().lower().startswith(("javascript:", "vbscript:", "data:text")), value


def _allowed(read: Callable[[], Any]) -> None:
    try:
        read()
    except REFUSALS:
        return


#: name -> what it reads; docstrings are shown to people
TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        socketio, ywebsocket, hocuspocus, state_vector, awareness, deletions, update, updates, payloads, operations,
        markdown, svg, file, name,
    )
}  # fmt: skip


def one(target: str, data: bytes) -> None:
    """Give ``data`` to a target.

    Raises:
        Exception: a fault of the reader; its refusals are no faults.
    """
    _allowed(lambda: TARGETS[target](data))
