"""What comes of looking at a token is counted, by the code of the refusal."""

from __future__ import annotations

import pytest

from collab.doors.door import counted_sign_in
from collab.errors import CollabError
from collab.metrics import AUTHENTICATED


def counted() -> dict[tuple[str, ...], int]:
    return dict(AUTHENTICATED.values)


def test_each_look_is_counted_once_as_what_came_of_it() -> None:
    before = counted()
    with counted_sign_in():
        pass
    for code in ("unauthorized", "token_expired", "unauthorized"):
        with pytest.raises(CollabError, match=code), counted_sign_in():
            raise CollabError(code)
    with pytest.raises(ZeroDivisionError), counted_sign_in():
        raise ZeroDivisionError
    more = {labels: count - before.get(labels, 0) for labels, count in counted().items()}
    assert {labels: count for labels, count in more.items() if count} == {
        ("ok",): 1, ("unauthorized",): 2, ("token_expired",): 1,
    }  # fmt: skip
