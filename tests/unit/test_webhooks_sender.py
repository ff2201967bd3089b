"""One attempt, against a real receiver that misbehaves in every way."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks import Webhook

from collab.webhooks.endpoints import Endpoint
from collab.webhooks.sender import Sender
from tests.support.receiver import SECRET, Receiver

OTHER = "whsec_" + "b3RoZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
BODY = b'{"type": "test", "data": "h\xc3\xa9"}'


async def send(receiver: Receiver, secrets: tuple[str, ...] = (SECRET,), timeout: float = 20.0) -> Any:
    sender = Sender(Endpoint(receiver.url, secrets), timeout)
    try:
        return await sender.send("msg_1", BODY)
    finally:
        await sender.close()


@pytest.mark.parametrize(
    ("trouble", "result", "status", "reason"),
    [
        (None, "ok", 204, ""),
        (500, "failed", 500, "HTTP 500"),
        (404, "failed", 404, "HTTP 404"),
        (410, "gone", 410, "HTTP 410: it wants nothing any more"),
        ("redirect", "failed", 307, "HTTP 307: redirects are not followed"),
        ("close", "failed", None, "it cannot be reached (ServerDisconnectedError)"),
    ],
)
async def test_what_an_answer_means(trouble: Any, result: str, status: int | None, reason: str) -> None:
    async with Receiver() as receiver:
        receiver.trouble = trouble
        attempt = await send(receiver)
    assert (attempt.result, attempt.status, attempt.reason) == (result, status, reason)
    assert len(receiver.came) == 1


async def test_who_does_not_answer_is_given_up() -> None:
    async with Receiver() as receiver:
        receiver.trouble = "stall"
        attempt = await send(receiver, timeout=0.2)
        assert (attempt.result, attempt.reason) == ("failed", "no answer within 0.2 seconds")
        url = receiver.url
    sender = Sender(Endpoint(url.replace("//", "//ann:secret@"), (SECRET,)))
    attempt = await sender.send("msg_1", BODY)
    await sender.close()
    assert attempt.result == "failed" and "reached" in attempt.reason and "secret" not in attempt.reason


async def test_it_is_signed_with_every_secret_so_that_one_can_be_replaced() -> None:
    for known in (SECRET, OTHER):
        async with Receiver(known) as receiver:
            assert (await send(receiver, (SECRET, OTHER))).result == "ok"
            assert receiver.bodies == [BODY]
            assert Webhook(known).verify(BODY, receiver.headers[0])["type"] == "test"
