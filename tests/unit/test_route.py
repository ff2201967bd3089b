"""What a row of the API says of itself."""

from __future__ import annotations

from collab.doors.http.route import EVENTS, Answer, Route


def test_codes_are_those_of_its_place() -> None:
    listing = Route("GET", "/documents", "a", "A", "a", {200: Answer("")})
    one = Route("GET", "/documents/{document}", "a", "A", "a", {200: Answer("")}, errors=("not_found",))
    other = Route("GET", "/inbox", "a", "A", "a", {200: Answer("", media=(EVENTS,))})
    assert "storage_unavailable" in listing.codes and "invalid_document" not in listing.codes
    assert {"storage_unavailable", "invalid_document", "not_found", "internal"} <= set(one.codes)
    assert "storage_unavailable" not in other.codes
    assert [route.lasting for route in (listing, one, other)] == [False, False, True]
