"""A request that may be served: under whose name, for how long, and what its answer is known by."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collab.doors.http.answers import (
    Call,
    answer_json,
    base64url,
    content_tag,
    has_already,
    hashed,
    not_modified,
    state_headers,
)
from collab.doors.http.api_schemas import Base64Url, PositionSchema
from collab.doors.http.rates import Rate
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.stores.memory import MemoryStore
from collab.types import Identity, Role

ANN = Identity("ann", "Ann", "#000000")
SOMEBODY = Identity(None, "Bob", "#000000")
CALL = Call(make_mocked_request("GET", "/"), ANN, Role.EDITOR, "notes", {}, None, Rate(1.0, 1.0), "203.0.113.9")


def test_an_edit_is_logged_under_the_id_or_else_the_name() -> None:
    assert CALL.participant == "ann"
    assert replace(CALL, identity=SOMEBODY).participant == "Bob"


def test_whose_turn_it_takes() -> None:
    assert replace(CALL, address="203.0.113.1").owner == CALL.owner == "ann"
    one, other = (replace(CALL, identity=SOMEBODY, address=address) for address in ("203.0.113.1", "203.0.113.2"))
    assert one.owner == replace(one).owner != other.owner
    local = replace(CALL, identity=SOMEBODY, address="127.0.0.1")
    assert local.owner != replace(local).owner, "this address may be everybody's"
    assert replace(CALL, identity=replace(ANN, id="203.0.113.1")).owner != one.owner, "nobody is called like an address"


@pytest.mark.parametrize(("seconds", "good"), [(None, True), (60, True), (-1, False)])
def test_the_right_to_ask_is_looked_at_again(seconds: float | None, good: bool) -> None:
    call = replace(CALL, identity=replace(ANN, expires_at=None if seconds is None else time.time() + seconds))
    if good:
        call.check_still()
    else:
        with pytest.raises(CollabError) as refused:
            call.check_still()
        assert refused.value.code == "token_expired"


def test_an_answer_holds_what_its_schema_names() -> None:
    response = answer_json(PositionSchema, {"position": 7, "other": 1}, status=201, headers={"X-A": "b"})
    assert orjson.loads(response.body) == {"position": 7}  # type: ignore[arg-type]
    assert (response.status, response.content_type, response.headers["X-A"]) == (201, "application/json", "b")


@given(st.binary(max_size=20))
def test_base64url_is_read_again(data: bytes) -> None:
    text = base64url(data)
    assert not set(text) & set("+/=")
    assert Base64Url().deserialize(text) == data


def test_parts_are_told_apart() -> None:
    different = [("a",), ("a", None), (None, "a"), ("ab",), ("a", "b"), (), ("",), (None,), ('a","b',)]
    assert len({hashed(*parts) for parts in different}) == len(different)
    assert hashed("a", None) == hashed("a", None)


# -- what is known already ---------------------------------------------------------------------------------


@pytest.fixture
async def live() -> AsyncIterator[LiveDocument]:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    yield await hub.live("notes")
    await hub.close()


async def typed(live: LiveDocument, doc: Doc[Any], letters: str) -> None:
    """Type, or with no letters delete one, and wait until it is in the log."""
    before, body = doc.get_state(), doc.get("body", type=Text)
    if letters:
        body += letters
    else:
        del body[0:1]
    live.apply(doc.get_update(before), nobody_waits, session=None, participant=None)
    await live.journal.quiet()


async def test_the_tag_of_a_content_changes_with_it_and_with_what_was_asked(live: LiveDocument) -> None:
    doc: Doc[Any] = Doc()
    tags = [content_tag(live, "json", None)]
    for letters in ("a", "b", ""):  # a deletion does not show in the state vector
        await typed(live, doc, letters)
        tags.append(content_tag(live, "json", None))
    tags += [content_tag(live, "text", None), content_tag(live, "json", "/body")]
    assert None not in tags
    assert len(set(tags)) == len(tags)
    assert content_tag(live, "json", None) == tags[3]


async def test_there_is_none_while_edits_are_on_their_way(live: LiveDocument) -> None:
    doc: Doc[Any] = Doc()
    doc["body"] = Text("a")
    live.apply(doc.get_update(), nobody_waits, session=None, participant=None)
    assert not live.journal.clean
    assert content_tag(live) is None
    assert "ETag" not in state_headers(live, None)
    await live.journal.quiet()
    assert content_tag(live) is not None


async def test_headers_say_position_and_tag(live: LiveDocument) -> None:
    await typed(live, Doc(), "a")
    headers = state_headers(live, "t")
    assert headers == {
        "Cache-Control": "private, no-cache", "Collab-Position": str(live.journal.position), "ETag": 'W/"t"',
    }  # fmt: skip
    response = not_modified(live, "t")
    assert (response.status, response.headers["ETag"], response.body) == (304, 'W/"t"', None)


@pytest.mark.parametrize(
    ("header", "tag", "known"),
    [
        ('W/"t"', "t", True), ('"t"', "t", True), ('"x", W/"t"', "t", True), ("*", "t", True), ('"x"', "t", False), (None, "t", False),
        ('W/"t"', None, False), ("*", None, False),
    ],
)  # fmt: skip
def test_who_has_it_already(header: str | None, tag: str | None, known: bool) -> None:
    headers = {} if header is None else {"If-None-Match": header}
    assert has_already(make_mocked_request("GET", "/", headers=headers), tag) is known
