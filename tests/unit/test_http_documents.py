"""Requests about documents as such: pages that leave nothing out and show nothing that is not the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.doors.http import documents as module
from collab.doors.http.documents import DocumentRoutes
from collab.doors.http.lookup import Lookup
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from collab.types import Identity
from tests.support.calls import ADMIN, ann, call, json_of
from tests.support.documents import typed
from tests.support.peers import Peer

NAMES = ["a", "a/b", "a/b/c", "ab", "b", "b/x", "team/1", "team/2", "teams", "ä"]


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits(), trash_keep=60.0)
    await hub.start()
    yield hub
    await hub.close()


def routes(hub: Hub) -> DocumentRoutes:
    return DocumentRoutes(hub, Lookup(hub))


async def listed(
    of: DocumentRoutes, who: Identity, limit: int, prefix: str = "", *, deleted: bool = False
) -> list[list[str]]:
    """The names on each page."""
    pages, after = [], None
    while True:
        answer = json_of(
            await of.list_documents(call("", who=who, limit=limit, prefix=prefix, after=after, deleted=deleted))
        )
        pages.append([each["name"] for each in answer["documents"]])
        before, after = after, answer["next"]
        if after is None:
            return pages
        assert before is None or after > before, "it goes on"


async def refusal(asking: object) -> str:
    with pytest.raises(CollabError) as refused:
        await asking  # type: ignore[misc]
    return refused.value.code


@settings(max_examples=min(40, settings.default.max_examples))
@given(
    st.lists(st.sampled_from(["*=viewer", "a*=editor", "a/*=viewer", "a/b*=admin", "team/[12]=viewer", "b=admin", "?=viewer", "x*=admin"]), max_size=4),
    st.sampled_from(["", "a", "a/", "b", "t", "x", "ä"]), st.integers(1, 12), st.integers(1, 3), st.booleans(),
)  # fmt: skip
def test_pages_together_are_what_the_caller_may_see_each_once_in_order(
    grants: list[str], prefix: str, limit: int, scan: int, everything: bool
) -> None:
    async def run() -> None:
        hub = Hub(MemoryStore(), DocumentLimits())
        for name in NAMES:
            await hub.store.create(name)
        who = ADMIN if everything else ann(*grants)
        pages = await listed(routes(hub), who, limit, prefix)
        wanted = [name for name in sorted(NAMES) if name.startswith(prefix) and who.role_for(name) is not None]
        assert [name for page in pages for name in page] == wanted
        assert all(len(page) <= limit for page in pages)

    before = module.SCAN, module.SCANNED
    module.SCAN, module.SCANNED = scan, 2 * scan
    try:
        asyncio.run(run())
    finally:
        module.SCAN, module.SCANNED = before


async def test_a_look_through_very_many_names_is_cut_and_goes_on(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCAN", 10)
    monkeypatch.setattr(module, "SCANNED", 20)
    for number in range(100):
        await hub.store.create(f"a{number:03}")
    pages = await listed(routes(hub), ann("a*0=viewer"), 50)
    assert len(pages) >= 5
    assert [name for page in pages for name in page] == [f"a{number:03}" for number in range(0, 100, 10)]


async def test_the_trash_is_shown_to_who_may_bring_back(hub: Hub) -> None:
    for name in ("a", "b"):
        await hub.store.append(name, typed("x")[0])
        assert await hub.delete(name)
    of = routes(hub)
    assert await listed(of, ann("a=admin", "b=editor"), 5, deleted=True) == [["a"]]
    assert await listed(of, ADMIN, 1, deleted=True) == [["a"], ["b"]]
    answer = json_of(await of.list_documents(call("", limit=5, prefix="", deleted=True)))
    assert answer["keep"] == 60.0


async def test_making_is_twice_the_same_and_says_which_it_was(hub: Hub) -> None:
    of = routes(hub)
    answers = [await of.create_document(call("notes")) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 200]
    assert ["Location" in answer.headers for answer in answers] == [True, False]
    assert json_of(answers[1])["name"] == "notes"


async def test_what_is_not_there_is_not_found_and_nothing_is_made_by_asking(hub: Hub) -> None:
    of = routes(hub)
    for asking in (
        of.get_document(call()), of.delete_document(call(forever=False)), of.delete_document(call(forever=True)),
        of.undelete_document(call()), of.get_history(call(limit=5, after=0)), of.list_participants(call()),
        of.disconnect_participant(call(match={"session": "s"})),
    ):  # fmt: skip
        assert await refusal(asking) == "not_found"
    assert (await hub.store.names(), hub.documents) == ([], {})


async def test_for_good_is_also_for_what_lies_in_the_trash(hub: Hub) -> None:
    of = routes(hub)
    await of.create_document(call())
    assert (await of.delete_document(call(forever=False))).status == 204
    assert (await of.delete_document(call(forever=True))).status == 204
    assert await refusal(of.undelete_document(call())) == "not_found"


async def test_a_history_has_pages(hub: Hub) -> None:
    for number, update in enumerate(typed(*"abcde")):
        await hub.store.append("notes", update, f"p{number}")
    of, after, seen = routes(hub), 0, []
    while after is not None:
        answer = json_of(await of.get_history(call(limit=2, after=after)))
        seen += [each["participant"] for each in answer["history"]]
        assert len(answer["history"]) <= 2
        after = answer["next"]
    assert seen == [f"p{number}" for number in range(5)]


async def test_who_is_here_and_how_somebody_is_sent_away(hub: Hub) -> None:
    of, peer = routes(hub), Peer(name="Ben")
    live = await hub.join("notes", peer.session)
    (person,) = json_of(await of.list_participants(call()))["participants"]
    assert (person["user"]["name"], person["role"], person["session"]) == ("Ben", "editor", peer.session.id)
    assert await refusal(of.disconnect_participant(call(match={"session": "other"}))) == "not_found"
    assert peer.session.dismissed is None
    assert (await of.disconnect_participant(call(match={"session": peer.session.id}))).status == 204
    assert peer.session.dismissed == "forbidden"
    live.leave(peer.session)


async def test_access_is_told_whether_or_not_there_is_a_document(hub: Hub) -> None:
    answer = json_of(await routes(hub).get_access(call(who=ann("n*=commenter", expires_at=5e9))))
    assert (answer["role"], answer["user"]["name"]) == ("commenter", "Ann")
    assert answer["expires_at"]
    assert await hub.store.names() == []
