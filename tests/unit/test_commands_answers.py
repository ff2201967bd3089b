"""What answers of a server have to look like, and when asking again makes sense."""

from __future__ import annotations

from typing import Any

import pytest

from collab.commands.answers import (
    DOCUMENTS,
    LONGEST_WAIT,
    NOTICE,
    POSITION,
    PRESENCE,
    VERSIONS,
    ApiError,
    checked,
    checked_name,
)

DOCUMENT = {"name": "a", "size": 1, "updated_at": "2026", "participants": 0}
PERSON = {"session": "s", "user": {"name": "Ann"}}


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({"position": 3}, POSITION), ({"position": 0, "more": [1]}, POSITION), ({"code": "x", "message": "y"}, NOTICE),
        ({"documents": [DOCUMENT, DOCUMENT | {"other": 1}], "next": None}, DOCUMENTS), ({"documents": [], "next": "a"}, DOCUMENTS),
        ({"joined": [PERSON], "updated": [], "left": []}, PRESENCE),
        (3, int), (None, None), ("x", (int, str)), ([1, 2], [int]),
    ],
)  # fmt: skip
def test_what_has_the_shape_is_let_through_as_it_is(value: Any, shape: Any) -> None:
    assert checked(value, shape) is value


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({}, POSITION), ({"position": "3"}, POSITION), ({"position": True}, POSITION), ({"position": None}, POSITION), ([], POSITION),
        ({"documents": {}, "next": None}, DOCUMENTS), ({"documents": [DOCUMENT, 1], "next": None}, DOCUMENTS),
        ({"documents": [DOCUMENT]}, DOCUMENTS), ({"documents": [], "next": 5}, DOCUMENTS),
        ({"versions": [{"id": 1}], "next": None}, VERSIONS), ({"joined": [{"session": "s", "user": "Ann"}], "updated": [], "left": []}, PRESENCE),
        (0, None), ("x", (int, None)), (True, int), ("html", POSITION),
    ],
)  # fmt: skip
def test_what_has_not_is_no_answer_of_a_server_of_ours(value: Any, shape: Any) -> None:
    with pytest.raises(ApiError, match="not a collab server") as refused:
        checked(value, shape)
    assert refused.value.code == "unreachable"
    assert "\n" not in str(refused.value)


def test_a_name_that_no_document_can_have_is_not_repeated() -> None:
    assert checked_name("team/notes") == "team/notes"
    with pytest.raises(ApiError) as refused:
        checked_name("../\x1b[2J")
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "fields", "seconds"),
    [
        (503, {"retryable": True}, 1.0), (429, {"retryable": True, "retry_after": 2.5}, 2.5),
        (429, {"retryable": True, "retry_after": 10**6}, LONGEST_WAIT), (503, {"retryable": True, "retry_after": -5}, 0.0),
        (503, {"retryable": True, "retry_after": "soon"}, None), (503, {"retryable": False}, None), (503, {}, None),
        (500, {"retryable": True, "retry_after": 1}, None), (404, {"retryable": True}, None),
    ],
)  # fmt: skip
def test_when_the_same_request_makes_sense_again(status: int, fields: dict[str, Any], seconds: float | None) -> None:
    assert ApiError("x", "y", status=status, fields=fields).retry_after == seconds
    assert ApiError("x", "y").retry_after is None
