"""What is sent of an event: ``{type, timestamp, data}``, the same however often."""

from __future__ import annotations

import time
from typing import Any

import orjson

from collab.stores.outbox import Event
from collab.types import author_of, timestamp


def body_of(event: Event) -> bytes:
    """The JSON text of an event; its bytes are signed."""
    data = {"document": event.document, **_DATA.get(event.type, dict)(event.data)}
    return orjson.dumps({"type": event.type, "timestamp": timestamp(event.at), "data": data})


def body_of_test() -> bytes:
    """What ``collab webhooks test`` sends."""
    data = {"message": "This is a test of collab: nothing has happened."}
    return orjson.dumps({"type": "test", "timestamp": timestamp(time.time()), "data": data})


def _author(logged: str | None) -> dict[str, Any]:
    participant, agent = author_of(logged)
    return {"participant": participant, "agent": agent}


def _created(data: dict[str, Any]) -> dict[str, Any]:
    return {"undeleted": bool(data.get("undeleted"))}


def _changed(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "position": data["position"],
        "updates": data["updates"],
        "bytes": data["bytes"],
        "participants": [{**_author(author), "updates": updates} for author, updates in data["authors"]],
        "since": timestamp(data["first_at"]),
    }


def _deleted(data: dict[str, Any]) -> dict[str, Any]:
    return {"forever": bool(data.get("forever"))}


def _version(data: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {key: data[key] for key in ("version", "name", "position", "bytes") if key in data}
    return {**known, **_author(data.get("author")), "automatic": data.get("name") is None}


def _restored(data: dict[str, Any]) -> dict[str, Any]:
    return {key: data[key] for key in ("version", "name")} | _author(data.get("author"))


def _published(data: dict[str, Any]) -> dict[str, Any]:
    said = orjson.loads(data["body"])
    return {"stream": data["stream"], "offset": data["offset"], **said}


_DATA: dict[str, Any] = {
    "document.created": _created,
    "document.changed": _changed,
    "document.deleted": _deleted,
    "version.created": _version,
    "version.restored": _restored,
    "stream.published": _published,
}
