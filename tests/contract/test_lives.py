"""One suite for every store: names that are deleted, made anew and brought back; versions; exact look-ups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from collab.errors import CollabError
from collab.stores.base import Store, beyond_prefix
from tests.contract.test_store import make, redis_cluster, redis_url, store

__all__ = ["make", "redis_cluster", "redis_url", "store"]


async def test_what_is_kept_in_the_trash_comes_back_whole(store: Store) -> None:
    position = await store.append("a", b"1", "ada")
    await store.compact("a", b"s", position)
    await store.append("a", b"2", "bob")
    version = await store.add_version("a", b"state", position, "first", "ada")
    history, loaded = await store.history("a"), await store.load("a")
    assert loaded is not None
    assert await store.delete("a", keep=True)
    assert (await store.load("a"), await store.info("a"), await store.names()) == (None, None, [])
    assert (await store.versions("a"), await store.history("a")) == ([], [])
    assert [each.name for each in await store.trash()] == ["a"]
    assert await store.undelete("a")
    assert await store.trash() == []
    assert not await store.undelete("a")
    again = await store.load("a")
    assert again is not None
    assert (again.snapshot, again.tail, again.created_at) == (b"s", [b"2"], loaded.created_at)
    assert again.epoch != loaded.epoch, "a copy of the life before may not go on"
    assert await store.history("a") == history
    assert await store.version("a", version.id) == (version, b"state")
    assert await store.append("a", b"3", None, again.epoch) > loaded.position
    assert [info.name for info in await store.documents()] == ["a"]
    assert (await store.add_version("a", b"x", 1, None, None)).id > version.id


async def test_writes_of_a_life_that_has_ended_are_refused(store: Store) -> None:
    await store.append("a", b"old")
    old = await store.load("a")
    assert old is not None
    for keep in (True, False):
        assert await store.delete("a", keep=keep)
        refused, new = store.append("a", b"late", None, old.epoch), store.append("b", b"beside it")
        with pytest.raises(CollabError, match="document_deleted"):
            await refused
        await new
        assert await store.load("a") is None
        with pytest.raises(CollabError, match="document_deleted"):
            await store.add_version("a", b"late", 1, None, None, old.epoch)
        await store.append("a", b"anew")
        await store.compact("a", b"late", 10**6, old.epoch)
        with pytest.raises(CollabError, match="document_deleted"):
            await store.append("a", b"late", None, old.epoch)
        stored = await store.load("a")
        assert stored is not None
        assert (stored.snapshot, stored.tail) == (None, [b"anew"])
        assert await store.versions("a") == []
        assert stored.epoch not in ("", old.epoch)
        old = stored


async def test_a_name_in_the_trash_may_be_made_anew(store: Store) -> None:
    for text in (b"first", b"second", b"third"):
        await store.append("a", text)
        await store.delete("a", keep=True)
        await asyncio.sleep(0.002)
    assert len(await store.trash()) == 1
    await store.create("a")
    with pytest.raises(CollabError, match="document_exists"):
        await store.undelete("a")
    await store.delete("a")
    for text in (b"third", b"second"):
        assert await store.undelete("a")
        stored = await store.load("a")
        assert stored is not None
        assert stored.tail == [text]
        await store.delete("a")
    assert await store.purge("a") == 1
    assert not await store.undelete("a")


async def test_the_trash_is_listed_by_name_and_emptied_by_time(store: Store) -> None:
    for name in ("b", "a/2", "a/1", "a", "ab"):
        await store.append(name, b"12345")
        await store.delete(name, keep=True)
    await store.append("live", b"x")
    assert [each.name for each in await store.trash()] == ["a", "a/1", "a/2", "ab", "b"]
    assert [each.name for each in await store.trash("a/")] == ["a/1", "a/2"]
    assert [each.name for each in await store.trash(limit=2)] == ["a", "a/1"]
    assert [each.name for each in await store.trash(limit=2, after="a/1")] == ["a/2", "ab"]
    (first, *_) = await store.trash()
    assert first.size == 5
    assert abs(first.deleted_at - time.time()) < 60
    assert await store.trash(since=time.time() + 60) == []
    assert not await store.undelete("a", time.time() + 60)
    assert await store.purge(before=time.time() - 60) == 0
    assert await store.purge(before=time.time() + 60) == 5
    assert (await store.trash(), await store.names()) == ([], ["live"])


async def test_the_trash_outlives_the_process(make: Callable[[], Store]) -> None:
    store = make()
    await store.open()
    await store.append("a", b"1")
    await store.delete("a", keep=True)
    await store.append("b", b"another")
    await store.close()
    store = make()
    await store.open()
    assert await store.undelete("a")
    stored = await store.load("a")
    assert stored is not None
    assert stored.tail == [b"1"]
    await store.close()


async def test_equal_states_are_kept_once(store: Store) -> None:
    state = bytes(range(256)) * 4096
    await store.append("a", b"1")
    before = (await store.usage()).size
    versions = [await store.add_version("a", state, 1, f"{number}", None) for number in range(10)]
    await store.add_version("b", state, 1, None, None)
    assert (await store.usage()).size - before < 6 * len(state), "ten versions and one of another document"
    assert await store.version_usage("a") == (10, len(state))
    assert await store.version_usage("nobody") == (0, 0)
    for version in versions[:-1]:
        assert await store.version("a", version.id) == (version, state)
        assert await store.delete_version("a", version.id)
    assert await store.version("a", versions[-1].id) == (versions[-1], state)
    assert await store.delete_version("a", versions[-1].id)
    again = await store.add_version("a", state, 1, None, None)
    assert await store.version("a", again.id) == (again, state)


async def test_versions_are_listed_by_pages(store: Store) -> None:
    await store.append("a", b"1")
    ids = [(await store.add_version("a", b"%d" % number, 1, None, None)).id for number in range(5)]
    assert [version.id for version in await store.versions("a", limit=2)] == ids[:2:-1]
    assert [version.id for version in await store.versions("a", limit=2, before=ids[3])] == [ids[2], ids[1]]


async def test_look_ups_are_exact(store: Store) -> None:
    for name in ("a", "a/b", "ab", "b"):
        await store.append(name, b"12345")
    info = await store.info("a")
    assert info is not None
    assert (info.name, info.size) == ("a", 5)
    assert await store.info("a/") is None
    assert [info.name for info in await store.infos(["b", "c", "a/b"])] == ["b", "a/b"]
    assert await store.names("a") == ["a", "a/b", "ab"]
    assert await store.names("a", after="a") == ["a/b", "ab"]
    assert await store.names("b", after="a") == ["b"]
    assert await store.names("a", after="b") == []
    assert (await store.usage()).documents == 4


@pytest.mark.parametrize("prefix", ["", "a", "\ud7ff", "\U0010ffff", "a\U0010ffff", "ä/"])
def test_what_is_behind_a_prefix(prefix: str) -> None:
    beyond = beyond_prefix(prefix)
    assert (beyond is None) == (not prefix.strip("\U0010ffff"))
    if beyond is not None:
        assert prefix + "\U0010ffff" * 3 < beyond
        assert beyond.encode() > prefix.encode()
