"""With which code a WebSocket is closed: 4400 to 4499 stop a client, anything else lets it come back."""

from __future__ import annotations

import pytest

from collab.doors.websocket.close_codes import TRY_AGAIN_LATER, close_code
from collab.errors import CODES, CollabError


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("unauthorized", 4401), ("forbidden", 4403), ("invalid_document", 4404), ("token_expired", 4408), ("document_deleted", 4410),
        ("rate_limited", 4429), ("read_only", 4403), ("not_found", 4404), ("document_too_large", 4413),
        ("draining", 1013), ("storage_unavailable", 1013), ("cluster_degraded", 1013), ("internal", 1013), ("lagging", 1013),
        ("document_full", 1013), ("too_many_connections", 1013),
    ],
)  # fmt: skip
def test_the_number_of_a_code(code: str, number: int) -> None:
    assert close_code(CollabError(code)) == number


@pytest.mark.parametrize("code", CODES)
def test_what_passes_by_itself_never_stops_a_client(code: str) -> None:
    number = close_code(CollabError(code))
    assert number == TRY_AGAIN_LATER or 4400 <= number <= 4499
    if CODES[code].family == "Unavailable":
        assert number == TRY_AGAIN_LATER


def test_who_could_not_be_asked_about_comes_back() -> None:
    assert close_code(CollabError("unauthorized", retryable=True)) == TRY_AGAIN_LATER
