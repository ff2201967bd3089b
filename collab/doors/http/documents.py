"""Requests about documents as such, and who is in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from aiohttp import web

from collab.doors.http.answers import Call, answer_json
from collab.doors.http.api_schemas import (
    AccessSchema,
    DocumentSchema,
    DocumentsSchema,
    HistorySchema,
    ParticipantsSchema,
)
from collab.doors.http.lookup import Lookup, no_document
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.stores.base import DocumentInfo, HistoryEntry
from collab.types import Identity, Role, author_of

T = TypeVar("T")

#: names that a listing reads from the store in one go, and at most; a page may have few documents, and still a next
SCAN = 1000
SCANNED = 20_000


class DocumentRoutes:
    """Serves what is asked about documents as such.

    Args:
        hub: where they are.
        documents: finds them.
    """

    def __init__(self, hub: Hub, documents: Lookup) -> None:
        self._hub = hub
        self._documents = documents

    async def list_documents(self, call: Call) -> web.Response:
        """A page of the documents that the caller may know of."""
        if call.query["deleted"]:
            return await self._list_deleted(call)
        limit = call.query["limit"]
        names, following = await self._visible(call, self._hub.store.names, lambda name: name, Role.VIEWER)
        infos = await self._hub.store.infos(names[:limit])
        return answer_json(DocumentsSchema, {"documents": await self.described(infos), "next": following})

    async def _list_deleted(self, call: Call) -> web.Response:
        """A page of what the caller may bring back."""
        page, following = await self._visible(call, self._hub.trash, lambda each: each.name, Role.ADMIN)
        documents = [
            {**asdict(each), "participants": 0, "expires_at": each.deleted_at + self._hub.trash_keep} for each in page
        ]
        answer = {"documents": documents, "next": following, "keep": self._hub.trash_keep}
        return answer_json(DocumentsSchema, answer)

    async def _visible(
        self,
        call: Call,
        read: Callable[[str, int, str | None], Awaitable[list[T]]],
        name_of: Callable[[T], str],
        least: Role,
    ) -> tuple[list[T], str | None]:
        """A page of what the caller has a role on, and behind which name the next one begins.

        Args:
            read: takes a prefix, a limit and a name; gives what is stored below the prefix and behind the name.
        """
        identity, limit = call.identity, call.query["limit"]
        prefix, after = call.query["prefix"], call.query.get("after")
        everything = _sees_everything(identity)
        found: list[T] = []
        scanned = 0
        for head in _heads(identity):
            if not (head.startswith(prefix) or prefix.startswith(head)):
                continue
            begins, last = max(head, prefix, key=len), after
            while True:
                rows = await read(begins, min(SCAN, limit + 1) if everything else SCAN, last)
                for row in rows:
                    if everything or _granted(identity, name_of(row), least):
                        found.append(row)
                    if len(found) > limit:
                        return found[:limit], name_of(found[limit - 1])
                scanned += len(rows)
                if len(rows) < SCAN:
                    break
                last = name_of(rows[-1])
                if scanned >= SCANNED:
                    return found, last
        return found, None

    async def described(self, infos: Sequence[DocumentInfo]) -> list[dict[str, Any]]:
        people = await self._hub.people([info.name for info in infos])
        return [{**asdict(info), "participants": count} for info, count in zip(infos, people, strict=True)]

    async def get_document(self, call: Call) -> web.Response:
        """What the store knows of a document."""
        info = await self._documents.stored(call.document)
        if info is None:
            raise no_document()
        return answer_json(DocumentSchema, (await self.described([info]))[0])

    async def get_access(self, call: Call) -> web.Response:
        """Who asks, and which role they have on the document, whether or not it exists."""
        assert call.role is not None, "the route asks for a role"
        identity = call.identity
        answer = {"role": call.role.word, "user": identity.as_user(call.document), "expires_at": identity.expires_at}
        return answer_json(AccessSchema, answer)

    async def create_document(self, call: Call) -> web.Response:
        """Create a document, if it does not exist."""
        created = await self._hub.keeping.create(call.document, call.payer)
        info = await self._documents.stored(call.document)
        if info is None:  # deleted in between
            raise CollabError("document_deleted")
        headers = {"Location": call.request.rel_url.raw_path} if created else None
        described = (await self.described([info]))[0]
        return answer_json(DocumentSchema, described, status=201 if created else 200, headers=headers)

    async def delete_document(self, call: Call) -> web.Response:
        """Delete a document: into the trash, or for good."""
        forever = call.query["forever"]
        known = self._documents.opened(call.document) is not None or await self._documents.stored(call.document)
        if not (known or forever) or not await self._hub.delete(call.document, forever=forever):
            raise no_document()
        return web.Response(status=204)

    async def undelete_document(self, call: Call) -> web.Response:
        """Bring a document back from the trash."""
        if not await self._hub.undelete(call.document):
            raise CollabError("not_found", "The trash has no document with this name.")
        info = await self._documents.stored(call.document)
        if info is None:  # deleted again
            raise CollabError("document_deleted")
        return answer_json(DocumentSchema, (await self.described([info]))[0])

    async def get_history(self, call: Call) -> web.Response:
        """Who changed how much, when."""
        await self._documents.require(call.document)
        limit, after = call.query["limit"], call.query["after"]
        entries = await self._hub.store.history(call.document, after, limit + 1)
        page = entries[:limit]
        following = page[-1].last if len(entries) > limit else None
        return answer_json(HistorySchema, {"history": [_entry(entry) for entry in page], "next": following})

    # -- participants ---------------------------------------------------------------------------

    async def list_participants(self, call: Call) -> web.Response:
        """Who is here, on every node."""
        live = await self._hub.gathering(call.document)
        if live is None or not live.people.presence.sessions:
            await self._documents.require(call.document)
        people = []
        if live is not None:
            for entry in live.people.presence.everybody():
                role = live.people.role_of(entry["session"])
                if role is not None:
                    people.append({**entry, "role": role})
        return answer_json(ParticipantsSchema, {"participants": people})

    async def disconnect_participant(self, call: Call) -> web.Response:
        """Send somebody away, whatever node they are on."""
        live = await self._hub.gathering(call.document)
        name = call.request.match_info["session"]
        session = live.sessions.get(name) if live is not None else None
        if session is not None:
            session.dismiss(CollabError("forbidden", "You were disconnected."))
        elif live is not None and live.people.neighbours is not None and name in live.people.presence.sessions:
            live.people.neighbours.dismiss(name)
        else:
            raise CollabError("not_found", "This session is not here.")
        return web.Response(status=204)


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    participant, agent = author_of(entry.participant)
    return {**asdict(entry), "participant": participant, "agent": agent}


def _sees_everything(identity: Identity) -> bool:
    return identity.default_role is Role.ADMIN


def _granted(identity: Identity, name: str, least: Role) -> bool:
    return any(grant.role >= least and grant.covers(name) for grant in identity.grants)


def _heads(identity: Identity) -> list[str]:
    """What the names of all documents that a listing may show begin with; none begins with another."""
    if _sees_everything(identity):
        return [""]
    heads: list[str] = []
    for head in sorted({grant.head for grant in identity.grants}):
        if not heads or not head.startswith(heads[-1]):
            heads.append(head)
    return heads
