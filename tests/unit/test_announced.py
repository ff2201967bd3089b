"""What presence is made of: whether two states say the same, and whose name stands in one."""

from __future__ import annotations

import json

import pytest

from collab.documents.announced import equal, stamp

ANONYMOUS = {"name": "Ann", "color": "#000000"}
ANN = {**ANONYMOUS, "id": "ann"}


@pytest.mark.parametrize("state", ['{"user": {"name": "Eve", "id": "admin"}, "cursor": 3}', '{"cursor":3}', "{}"])
def test_whoever_has_a_token_is_called_what_it_says(state: str) -> None:
    stamped = json.loads(stamp(state, ANN))
    assert stamped == {**json.loads(state), "user": ANN}


@pytest.mark.parametrize("state", ['{"user": {"name": "Eve"}}', "{}", "3", "null"])
def test_anybody_else_may_call_themselves_anything(state: str) -> None:
    assert stamp(state, ANONYMOUS) == state


@pytest.mark.parametrize("state", ["3", "null", '"user"', "[1]", "true"])
def test_what_is_no_object_has_no_user(state: str) -> None:
    assert stamp(state, ANN) == state


@pytest.mark.parametrize(
    ("announced", "shown", "user", "same"),
    [
        ('{"a":1,"b":2}', '{"b": 2, "a": 1}', ANONYMOUS, True),
        ('{"a":1}', '{"a":2}', ANONYMOUS, False),
        ('{"a":1.0}', '{"a":1}', ANONYMOUS, True),
        (None, None, ANN, True),
        (None, "{}", ANN, False),
        ("null", None, ANN, False),
        ('{"user":{"name":"Eve"}}', json.dumps({"user": ANN}), ANN, True),
        ('{"user":{"name":"Eve"}}', json.dumps({"user": ANN}), ANONYMOUS, False),
        ("3", "3", ANN, True),
    ],
)
def test_whether_what_is_announced_is_what_is_shown(
    announced: str | None, shown: str | None, user: dict[str, str], same: bool
) -> None:
    assert equal(announced, shown, user) is same
