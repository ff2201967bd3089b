"""Edits that are made here: sent in order, in pieces where they are large, and not at all if there is nothing to say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pycrdt import Doc, Text

from collab.commands.api_client import PIECE, ApiClient, ApiError
from collab.commands.docs.sending import send, send_all, send_pieces
from tests.support.documents import typed
from tests.support.scripted_api import Refusal, ScriptedApi, scripted_api


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    with scripted_api() as api:
        yield api


def large() -> bytes:
    """An update of three pieces."""
    doc: Doc = Doc()
    text = doc.get("body", type=Text)
    for number in range(3):
        text.insert(0, f"{number}" * (PIECE - 2000))
    return doc.get_update()


async def test_updates_go_one_after_the_other_and_the_last_position_counts(api: ScriptedApi) -> None:
    seen, updates = [], typed("one ", "two ", "three")
    async with ApiClient(api.url) as client:
        assert await send_all(client, "notes", lambda state: seen.append(state) or updates) == 3
    assert api.updates == updates
    assert api.text("notes") == "one two three"
    assert seen == [b"\0\0"], "what does not exist is an empty document"


async def test_a_plan_is_made_for_what_the_server_has(api: ScriptedApi) -> None:
    api.holding(notes="there")
    states: list[bytes] = []
    async with ApiClient(api.url) as client:
        assert await send_all(client, "notes", lambda state: states.append(state) or []) == 0
    doc: Doc = Doc()
    doc.apply_update(states[0])
    assert str(doc.get("body", type=Text)) == "there"
    assert api.updates == [], "a plan without an edit sends nothing"


async def test_a_large_update_goes_in_pieces_and_each_is_told(api: ScriptedApi) -> None:
    update, told = large(), []
    async with ApiClient(api.url) as client:
        assert await send_pieces(client, "notes", update, told.append) == len(api.updates) >= 3
    assert told == [len(piece) for piece in api.updates]
    assert max(told) <= PIECE
    wanted: Doc = Doc()
    wanted.apply_update(update)
    assert api.text("notes") == str(wanted.get("body", type=Text))


async def test_what_is_refused_in_the_middle_ends_it(api: ScriptedApi) -> None:
    first, second, third = typed("a", "b", "c")
    answers = iter([{"position": 7}, Refusal("read_only", detail="You may only read.")])
    api.answers["POST /notes/update"] = lambda: next(answers)
    async with ApiClient(api.url) as client:
        with pytest.raises(ApiError, match="only read") as refused:
            await send_all(client, "notes", lambda _state: [first, second, third])
    assert refused.value.code == "read_only"
    assert api.asked.count("POST /notes/update") == 2


@pytest.mark.parametrize("answer", [{}, {"position": "7"}, {"position": None}, b"7", b""])
async def test_an_answer_without_a_position_saves_nothing(api: ScriptedApi, answer: object) -> None:
    api.answers["POST /notes/update"] = answer
    async with ApiClient(api.url) as client:
        with pytest.raises(ApiError, match="not a collab server"):
            await send(client, "notes", typed("a")[0], "notes")
