"""Where a reader of a stream begins, as far as the request says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from collab.doors.http.stream_routes import begin_of


def begins(header: str | None = None, **query: Any) -> int | None:
    headers = {} if header is None else {"Last-Event-ID": header}
    return begin_of(SimpleNamespace(request=SimpleNamespace(headers=headers), query=query))  # type: ignore[arg-type]


def test_what_came_last_counts_before_where_it_began() -> None:
    assert begins() is None
    assert begins(after=3) == 3
    assert begins(last_event_id="4", after=3) == 4
    assert begins("5", last_event_id="4", after=3) == 5
    assert begins("0", after=3) == 0


@pytest.mark.parametrize("header", ["", "x", "-1", "1.5", "99999999999999999", "\u0665"])
def test_an_id_that_is_none_of_ours_is_left_alone(header: str) -> None:
    assert begins(header) is None
    assert begins(header, after=3) == 3
