"""Requests about webhooks: for administrators of everything, and nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from collab.doors.http.webhook_routes import WEBHOOK_ROUTES, WebhookRoutes
from collab.errors import CollabError
from collab.stores.memory import MemoryStore
from collab.types import Grant, Identity, Role
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.endpoints import Endpoint
from tests.support.receiver import SECRET, Receiver

ADMIN = Identity("root", "Root", "red", (Grant("*", Role.ADMIN),))


def call(identity: Identity = ADMIN, *, query: Any = None, body: Any = None) -> Any:
    return SimpleNamespace(identity=identity, query=query or {}, body=body or {"endpoint": None, "ids": None})


def said(response: Any) -> Any:
    return orjson.loads(response.body)


def test_each_row_is_served() -> None:
    routes = WebhookRoutes(Deliveries(MemoryStore().outbox, []))
    assert all(callable(getattr(routes, row.name)) for row in WEBHOOK_ROUTES)


@pytest.mark.parametrize("row", [row.name for row in WEBHOOK_ROUTES])
async def test_others_are_refused(row: str) -> None:
    routes = WebhookRoutes(Deliveries(MemoryStore().outbox, []))
    some = Identity("ann", "Ann", "red", (Grant("team/*", Role.ADMIN),))
    for identity, code in ((some, "forbidden"), (Identity(None, "Anonymous", "red"), "unauthorized")):
        with pytest.raises(CollabError) as caught:
            await getattr(routes, row)(call(identity))
        assert caught.value.code == code


async def test_what_waits_and_what_a_test_says() -> None:
    async with Receiver() as receiver:
        receiver.trouble = 503
        store = MemoryStore()
        endpoint = Endpoint(receiver.url, (SECRET,))
        deliveries = Deliveries(store.outbox, [endpoint])
        routes = WebhookRoutes(deliveries)
        await deliveries.open()
        await store.create("notes")
        await receiver.until(lambda: receiver.came)
        tested = said(await routes.test_webhooks(call()))
        assert [(each["ok"], each["status"], each["reason"]) for each in tested["results"]] == [
            (False, 503, "HTTP 503")
        ]
        (shown,) = said(await routes.list_webhooks(call()))["webhooks"]
        assert (shown["id"], shown["waiting"], shown["failed"], shown["disabled_at"]) == (endpoint.id, 1, 0, None)
        query = {"failed": False, "limit": 10}
        (waiting,) = said(await routes.list_deliveries(call(query=query)))["deliveries"]
        assert (waiting["type"], waiting["document"], waiting["failed_at"]) == ("document.created", "notes", None)
        receiver.trouble = None
        body = {"endpoint": endpoint.id, "ids": None}
        assert said(await routes.retry_webhooks(call(body=body))) == {"retried": 0}
        await receiver.until(lambda: receiver.of("document.created"))
        with pytest.raises(CollabError, match="no such endpoint"):
            await routes.retry_webhooks(call(body={"endpoint": "0" * 12, "ids": None}))
        await deliveries.close()
