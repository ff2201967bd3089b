"""What is signed is what the library of Standard Webhooks verifies."""

from __future__ import annotations

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from collab.protocol.webhooks import Signer, is_secret
from tests.support.callback import SECRET


def test_the_library_verifies_what_was_signed() -> None:
    body = '{"type": "test", "text": "grüße 😀"}'.encode()
    headers = Signer(SECRET).headers("msg_1", body)
    assert Webhook(SECRET).verify(body, headers) == {"type": "test", "text": "grüße 😀"}
    for change in ({"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, {**headers, **change})
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)


@pytest.mark.parametrize(
    ("text", "good"),
    [(SECRET, True), (SECRET.removeprefix("whsec_"), True), (SECRET.rstrip("="), True), ("", False), ("whsec_", False),
     ("my secret", False), ("whsec_ümlaut", False), ("whsec_!!!!", False)],
)  # fmt: skip
def test_what_is_no_secret_is_told_from_one(text: str, good: bool) -> None:
    assert is_secret(text) is good
