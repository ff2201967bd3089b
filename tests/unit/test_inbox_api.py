"""What may be asked of an inbox."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from collab.doors.http.inbox_api import INBOX_ROUTES, InboxQuery, MarkReadSchema


def test_defaults() -> None:
    assert InboxQuery().load({}) == {"unread": False, "limit": 100}
    assert MarkReadSchema().load({"ids": [1], "up_to": 2}) == {"ids": [1], "up_to": 2}


@pytest.mark.parametrize(
    "body", [{}, {"ids": [0]}, {"ids": [True]}, {"ids": "1"}, {"up_to": 0}, {"up_to": 1.5}, {"up_to": None}]
)
def test_what_is_none(body: Any) -> None:
    with pytest.raises(ValidationError):
        MarkReadSchema().load(body)


def test_no_route_asks_for_a_role_on_a_document() -> None:
    assert [(route.role, "storage_unavailable" in route.codes) for route in INBOX_ROUTES] == [(None, True)] * 3
