"""``collab move``."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import replace

import click

from collab.commands.failures import Failure
from collab.commands.terminal import ERR, on_one_line, progress
from collab.errors import CollabError
from collab.stores import whole
from collab.stores.base import Store
from collab.stores.redis_link import shown_url
from collab.stores.redis_target import RedisTarget
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_target import SqliteTarget
from collab.stores.streams import EVERYTHING, StreamEvent
from collab.stores.urls import is_redis_url, store_from_url

_SQLITE = "sqlite:///"
_ALLOWED = "sqlite:///PATH or redis://HOST:PORT/DATABASE"


@click.command(short_help="Copy a whole store into another, between SQLite and Redis.")
@click.option("--from", "source", required=True, metavar="STORE", help="Where everything is; nothing is changed there.")
@click.option("--to", "target", required=True, metavar="STORE", help="Where it goes; no document may be there yet.")
def move(source: str, target: str) -> None:
    """Copy documents, versions, history, streams and inboxes from one store to another, and verify every content hash.

    Stop the servers of both first. What lies in the trash stays behind, and versions get new numbers.
    """
    for flag, url in (("--from", source), ("--to", target)):
        if not (is_redis_url(url) or (url.startswith(_SQLITE) and len(url) > len(_SQLITE))):
            raise Failure(f"{flag}: {shown_url(url)!r} is no store that lasts; allowed: {_ALLOWED}")
    if source.startswith(_SQLITE) and not os.path.isfile(source.removeprefix(_SQLITE)):
        raise Failure(f"--from: {source.removeprefix(_SQLITE)} is not there; allowed: {_ALLOWED}")
    try:
        documents, versions = asyncio.run(_move(source, target))
    except CollabError as error:
        raise Failure(error.message) from None
    words = f"{shown_url(target)}: {documents} document(s), {versions} version(s), every content hash verified"
    ERR.print(on_one_line(words), markup=False, highlight=False, soft_wrap=True)


async def _move(source: str, target: str) -> tuple[int, int]:
    """Copy and verify all; returns how many documents and versions there were."""
    reading = _source(source)
    reading.streams.bounds = EVERYTHING
    try:
        await reading.open()
        if isinstance(reading, SqliteStore) and not await reading.tables_have_all():
            raise Failure(
                f"--from: {source} was not closed, and its last edits stand beside it; allowed: a store whose server"
                f" was stopped, or one that was killed, after `collab check --store {source}`"
            )
        usage = await reading.usage()
        writing: whole.Target
        if is_redis_url(target):
            writing = await RedisTarget.open(target)
        else:
            writing = SqliteTarget(target.removeprefix(_SQLITE))
        moved: dict[str, tuple[str, whole.Whole]] = {}
        try:
            with progress("moving", usage.size) as advance:
                async for name in whole.names(reading):
                    document = await whole.read(reading, name)
                    if document is None:
                        continue
                    await writing.put(document)
                    moved[name] = document.content_hash, _without_content(document)
                    advance(len(document.state or b""))
        finally:
            await writing.close()
    finally:
        await reading.close()
    checking = store_from_url(target)
    checking.streams.bounds = EVERYTHING
    try:
        await checking.open()
        for name, (content_hash, expected) in moved.items():
            await _verify(checking, name, content_hash, expected)
    finally:
        await checking.close()
    return len(moved), sum(len(document.versions) for _, document in moved.values())


def _source(url: str) -> Store:
    """A store that is read and not written to, not even by opening it."""
    return SqliteStore(url.removeprefix(_SQLITE), read_only=True) if url.startswith(_SQLITE) else store_from_url(url)


async def _verify(store: Store, name: str, content_hash: str, expected: whole.Whole) -> None:
    found = await whole.read(store, name)
    if found is None or found.content_hash != content_hash or _without_content(found) != expected:
        raise CollabError(
            "storage_unavailable", f"{name} did not arrive as it was sent; nothing is to be trusted there."
        )


def _without_content(document: whole.Whole) -> whole.Whole:
    """What is compared beside the content, of states a digest; the numbers of versions are the store's own."""
    versions = [
        (replace(version, id=number), hashlib.sha256(state).digest())
        for number, (version, state) in enumerate(document.versions)
    ]
    streams = [replace(stream, events=[_digest(stream)]) for stream in document.streams]
    return replace(document, state=None, versions=versions, streams=streams)


def _digest(stream: whole.KeptStream) -> StreamEvent:
    """One event that stands for all of a stream."""
    digest = hashlib.sha256()
    for event in stream.events:
        digest.update(b"%d %b %d " % (event.offset, repr(event.at).encode(), len(event.body)) + event.body)
    return StreamEvent(len(stream.events), 0.0, digest.digest())
