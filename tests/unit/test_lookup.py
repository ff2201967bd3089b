"""What is behind the name of a document: reading creates none, and what is being mended is not handed out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from collab.doors.http.lookup import Lookup
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from tests.support.peers import Peer

LETTER = b"\x01\x01\x05\x00\x04\x01\x04body\x01x\x00"


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


async def refusal(asking: Any) -> str:
    with pytest.raises(CollabError) as refused:
        await asking
    return refused.value.code


async def test_asking_for_a_document_creates_none(hub: Hub) -> None:
    lookup = Lookup(hub)
    assert await refusal(lookup.require("a")) == "not_found"
    assert await lookup.stored("a") is None
    assert lookup.opened("a") is None
    assert hub.documents == {}


async def test_one_that_was_created_or_written_to_is_there(hub: Hub) -> None:
    lookup = Lookup(hub)
    await hub.store.create("a")
    await hub.store.append("ab", b"x")
    await lookup.require("a")
    info = await lookup.stored("a")
    assert info is not None and info.name == "a"
    assert await refusal(lookup.require("")) == "not_found", "a name that others begin with"


async def test_one_that_somebody_has_open_or_that_holds_something_is_there(hub: Hub) -> None:
    lookup = Lookup(hub)
    live = await hub.live("a")
    assert lookup.opened("a") is None, "it was only looked at"
    peer = Peer()
    live.join(peer.session)
    assert lookup.opened("a") is live
    await lookup.require("a")
    live.leave(peer.session)
    assert lookup.opened("a") is None
    live.apply(LETTER, nobody_waits, session=None, participant=None)
    assert lookup.opened("a") is live
    await lookup.require("a")


async def test_what_is_deleted_or_broken_is_not_handed_out(hub: Hub) -> None:
    lookup = Lookup(hub)
    live = await lookup.live("a")
    assert live is hub.documents["a"]
    live.document.poisoned = True
    assert await refusal(lookup.live("a")) == "storage_unavailable"
    live.document.poisoned = False
    live.deleted = True
    assert await refusal(lookup.live("a")) == "document_deleted"
