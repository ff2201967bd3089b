"""Requests about versions: which one is meant, who may forget one, and that restoring is an edit like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.content.workers import Workers
from collab.doors.http.content import ContentRoutes
from collab.doors.http.lookup import Lookup
from collab.doors.http.versions import VersionRoutes
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from collab.types import Identity, Role
from tests.support.calls import ADMIN, Inline, ann, call, json_of
from tests.support.documents import typed


class House:
    def __init__(self) -> None:
        self.hub = Hub(MemoryStore(), DocumentLimits())
        lookup = Lookup(self.hub)
        self.workers: Workers = Inline()
        self.routes = VersionRoutes(self.hub, lookup, ContentRoutes(lookup, self.workers, 10**6))

    async def write(self, words: str) -> None:
        live = await self.hub.live("notes")
        live.apply(typed(words)[0], lambda _result: None, session=None, participant=None)
        await live.journal.drain(5)

    async def keep(self, name: str | None = "v", who: Identity = ADMIN) -> int:
        answer = await self.routes.create_version(call(who=who, body={"name": name}))
        assert answer.status == 201
        assert answer.headers["Location"].endswith(f"/{json_of(answer)['id']}")
        return int(json_of(answer)["id"])

    def text(self) -> str:
        doc: Doc[Any] = Doc()
        doc.apply_update(self.hub.documents["notes"].document.encode())
        return str(doc.get("body", type=Text))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.hub.start()
    await house.write("first")
    yield house
    await house.hub.close()


def at(version: object, **more: Any) -> Any:
    return call(match={"version": str(version)}, **more)


async def refusal(asking: Any) -> str:
    with pytest.raises(CollabError) as refused:
        await asking
    return refused.value.code


@pytest.mark.parametrize("id", ["0", "-1", "01", "1.0", "x", "", "\u0661", "9" * 30, "1 ", "1\n", "999"])
async def test_what_is_no_version_is_not_found(house: House, id: str) -> None:
    assert await house.keep() == 1
    for asking in (house.routes.delete_version(at(id)), house.routes.restore_version(at(id))):
        assert await refusal(asking) == "not_found"
    assert house.text() == "first"


async def test_pages_are_newest_first(house: House) -> None:
    ids = []
    for number in range(5):
        await house.write(f"{number}")
        ids.append(await house.keep(f"v{number}"))
    seen, after = [], None
    while True:
        answer = json_of(await house.routes.list_versions(call(limit=2, after=after)))
        seen += [each["id"] for each in answer["versions"]]
        after = answer["next"]
        if after is None:
            break
    assert seen == ids[::-1]


@pytest.mark.parametrize("name", [None, ""])
async def test_what_somebody_keeps_has_a_name_and_is_no_checkpoint(house: House, name: str | None) -> None:
    await house.keep(name)
    (version,) = json_of(await house.routes.list_versions(call(limit=5)))["versions"]
    assert version["name"].endswith(" UTC")
    assert version["automatic"] is False


@pytest.mark.parametrize(
    ("who", "keeper", "allowed"),
    [
        (ADMIN, "ann", True), (ann("*=admin"), "ben", True), (ann("*=editor"), "ann", True), (ann("*=editor"), "ben", False),
        (ann("*=editor"), None, False), (Identity(None, "Ann", "#000000", default_role=Role.EDITOR), None, False),
    ],
)  # fmt: skip
async def test_only_admins_forget_what_others_have_kept(
    house: House, who: Identity, keeper: str | None, allowed: bool
) -> None:
    live = house.hub.documents["notes"]
    version = await house.hub.store.add_version("notes", live.document.encode(), 1, "v", keeper, live.epoch)
    if allowed:
        assert (await house.routes.delete_version(at(version.id, who=who))).status == 204
        assert await refusal(house.routes.delete_version(at(version.id, who=who))) == "not_found"
    else:
        assert await refusal(house.routes.delete_version(at(version.id, who=who))) == "forbidden"
        assert len(await house.hub.store.versions("notes")) == 1


async def test_restoring_is_an_edit_and_doing_it_twice_changes_nothing(house: House) -> None:
    id = await house.keep()
    await house.write("second")
    for _ in range(2):
        await house.routes.restore_version(at(id, who=ann("*=editor")))
        assert house.text() == "first"
    assert house.hub.documents["notes"].document.clocks, "what came since is still in its past"
    assert "ann" in {entry.participant for entry in await house.hub.store.history("notes")}


async def test_a_version_of_an_earlier_life_is_not_brought_into_the_next(house: House) -> None:
    id = await house.keep()

    def die() -> None:
        house.hub._end("notes")

    house.workers.before = die  # type: ignore[attr-defined]
    assert await refusal(house.routes.restore_version(at(id))) == "document_deleted"


async def test_versions_of_no_document_are_not_found(house: House) -> None:
    for asking in (
        house.routes.list_versions(call("other", limit=5)), house.routes.create_version(call("other", body={"name": "x"})),
        house.routes.restore_version(call("other", match={"version": "1"})),
    ):  # fmt: skip
        assert await refusal(asking) == "not_found"
    assert await house.hub.store.names() == ["notes"]
