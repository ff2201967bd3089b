"""Requests about webhooks: which there are, what waits, what failed, and sending it again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web
from marshmallow import Schema, fields, validate

from collab.doors.http.answers import Call, answer_json
from collab.doors.http.api_schemas import MAX_PAGE, Time
from collab.doors.http.route import Answer, Route
from collab.errors import CollabError
from collab.stores.outbox import Delivery
from collab.webhooks.deliveries import Deliveries

#: ids of deliveries that one request names
_MOST_IDS = 1000


def _id(words: str, **more: Any) -> fields.Str:
    return fields.Str(validate=validate.Regexp(r"^[0-9a-f]{12}\Z"), metadata={"description": words}, **more)


class EndpointSchema(Schema):
    id = fields.Str(required=True, metadata={"description": "Names the URL."})
    url = fields.Str(required=True, metadata={"description": "Without password and query."})
    events = fields.List(fields.Str(), required=True)
    documents = fields.List(fields.Str(), required=True, metadata={"description": "Patterns of names."})
    waiting = fields.Int(required=True, metadata={"description": "Deliveries that wait."})
    oldest_seconds = fields.Float(required=True, metadata={"description": "Age of the oldest of them; 0: none."})
    failed = fields.Int(required=True, metadata={"description": "Deliveries that have failed for good."})
    disabled_at = Time(required=True, allow_none=True, metadata={"description": "Since its answer was 410."})


class EndpointsSchema(Schema):
    webhooks = fields.List(fields.Nested(EndpointSchema), required=True)


class DeliverySchema(Schema):
    id = fields.Str(required=True, metadata={"description": "Of the message: `webhook-id`."})
    endpoint = fields.Str(required=True)
    type = fields.Str(required=True)
    document = fields.Str(required=True)
    at = Time(required=True, metadata={"description": "When it happened."})
    attempts = fields.Int(required=True, metadata={"description": "That have failed."})
    next_at = Time(
        required=True, allow_none=True, metadata={"description": "When it is tried; null: behind another, or never."}
    )
    failed_at = Time(required=True, allow_none=True, metadata={"description": "When it failed for good."})
    reason = fields.Str(required=True, allow_none=True, metadata={"description": "Why the last attempt failed."})


class DeliveriesSchema(Schema):
    deliveries = fields.List(fields.Nested(DeliverySchema), required=True)


class DeliveriesQuery(Schema):
    endpoint = _id("Only of this one.")
    failed = fields.Bool(
        load_default=False, metadata={"description": "Those that have failed for good, the latest first."}
    )
    limit = fields.Int(load_default=100, validate=validate.Range(1, MAX_PAGE))


class EndpointBody(Schema):
    endpoint = _id("Which one; without it: all.", load_default=None, allow_none=True)


class RetryBody(EndpointBody):
    ids = fields.List(
        fields.Str(validate=validate.Length(1, 100)), load_default=None, allow_none=True,
        validate=validate.Length(1, _MOST_IDS), metadata={"description": "Only these; without them: all."},
    )  # fmt: skip


class TestedSchema(Schema):
    endpoint = fields.Str(required=True)
    url = fields.Str(required=True)
    ok = fields.Bool(required=True)
    status = fields.Int(required=True, allow_none=True, metadata={"description": "Of HTTP; null: no answer."})
    reason = fields.Str(required=True, metadata={"description": "Why it did not arrive."})
    seconds = fields.Float(required=True)


class TestsSchema(Schema):
    results = fields.List(fields.Nested(TestedSchema), required=True)


class RetriedSchema(Schema):
    retried = fields.Int(required=True, metadata={"description": "How many had failed for good."})


_ERRORS = ("not_found", "storage_unavailable")
WEBHOOK_ROUTES = (
    Route(
        "GET", "/webhooks", "list_webhooks", "Webhooks", "Look at the webhooks",
        {200: Answer("Those of the settings, and how they stand.", EndpointsSchema)},
        role=None, errors=_ERRORS, words="For the role `admin` on `*`.",
    ),
    Route(
        "GET", "/webhooks/deliveries", "list_deliveries", "Webhooks", "What waits, or has failed for good",
        {200: Answer("The oldest that wait, or the latest that failed.", DeliveriesSchema)},
        role=None, query=DeliveriesQuery, errors=_ERRORS, words="For the role `admin` on `*`.",
    ),
    Route(
        "POST", "/webhooks/test", "test_webhooks", "Webhooks", "Send a message of type `test`",
        {200: Answer("What came of it.", TestsSchema)},
        role=None, body=EndpointBody, errors=_ERRORS, words="For the role `admin` on `*`. Sent now and once.",
    ),
    Route(
        "POST", "/webhooks/retry", "retry_webhooks", "Webhooks", "Send again what has failed for good",
        {200: Answer("It waits again, and is sent at once.", RetriedSchema)},
        role=None, body=RetryBody, errors=_ERRORS,
        words="For the role `admin` on `*`. Enables what a 410 has disabled, and tries at once what waits.",
    ),
)  # fmt: skip


class WebhookRoutes:
    """Serves what is asked about webhooks.

    Args:
        deliveries: of the server.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def list_webhooks(self, call: Call) -> web.Response:
        """Every endpoint, and how it stands."""
        _check(call)
        states, now = await self._deliveries.states(), time.time()
        shown = []
        for id, state in states.items():
            endpoint = self._deliveries.find(id).endpoint
            shown.append(
                {
                    "id": id,
                    "url": endpoint.shown,
                    "events": sorted(endpoint.events),
                    "documents": list(endpoint.documents),
                    "waiting": state.waiting,
                    "oldest_seconds": 0.0 if state.oldest is None else max(0.0, now - state.oldest),
                    "failed": state.failed,
                    "disabled_at": state.disabled_at,
                }
            )
        return answer_json(EndpointsSchema, {"webhooks": shown})

    async def list_deliveries(self, call: Call) -> web.Response:
        """What waits, or has failed for good."""
        _check(call)
        failed, limit = call.query["failed"], call.query["limit"]
        found: list[Delivery] = []
        for id in self._chosen(call.query.get("endpoint")):
            found += await self._deliveries.deliveries(id, failed=failed, limit=limit)
        found.sort(key=lambda each: -(each.failed_at or 0.0) if failed else each.event.at)
        return answer_json(DeliveriesSchema, {"deliveries": [_shown(each) for each in found[:limit]]})

    async def test_webhooks(self, call: Call) -> web.Response:
        """Send a test to one endpoint, or to all."""
        _check(call)
        ids = self._chosen(call.body["endpoint"])
        attempts = await asyncio.gather(*(self._deliveries.test(id) for id in ids))
        results = [
            {
                "endpoint": id,
                "url": self._deliveries.find(id).endpoint.shown,
                "ok": attempt.result == "ok",
                "status": attempt.status,
                "reason": attempt.reason,
                "seconds": round(attempt.seconds, 3),
            }
            for id, attempt in zip(ids, attempts, strict=True)
        ]
        return answer_json(TestsSchema, {"results": results})

    async def retry_webhooks(self, call: Call) -> web.Response:
        """Let what has failed for good wait again."""
        _check(call)
        ids = self._chosen(call.body["endpoint"])
        counts = [await self._deliveries.retry(id, call.body["ids"]) for id in ids]
        return answer_json(RetriedSchema, {"retried": sum(counts)})

    def _chosen(self, id: str | None) -> list[str]:
        if id is None:
            return list(self._deliveries.lanes)
        self._deliveries.find(id)
        return [id]


def _check(call: Call) -> None:
    if not call.identity.administers_everything:
        raise CollabError("unauthorized" if call.identity.id is None else "forbidden")


def _shown(delivery: Delivery) -> dict[str, Any]:
    event = delivery.event
    return {
        "id": delivery.id,
        "endpoint": delivery.endpoint,
        "type": event.type,
        "document": event.document,
        "at": event.at,
        "attempts": delivery.attempts,
        "next_at": delivery.due,
        "failed_at": delivery.failed_at,
        "reason": delivery.reason,
    }
