"""What an operator should look at although the server serves, each by its word and with a code of the table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.observe.concerns import Concerns
from collab.observe.headroom import Headroom
from collab.observe.promise import PromiseWatch
from collab.observe.space import SpaceWatch


def said(full: bool = False, low: bool = False, short: bool = False, kept: bool | None = None, bad: int = 0) -> Any:
    quotas = SimpleNamespace(full=full, store_full=lambda: CollabError("store_full"))
    concerns = Concerns(
        cast("Hub", SimpleNamespace(quotas=quotas, quarantine=["d"] * bad)),
        cast("SpaceWatch", SimpleNamespace(low=low, free=7)),
        cast("Headroom", SimpleNamespace(short=short, used=9, limit=10)),
        None if kept is None else cast("PromiseWatch", SimpleNamespace(kept=kept)),
    )
    return [each.as_dict() for each in concerns.all()]


@pytest.mark.parametrize(
    ("state", "reason", "code", "more"),
    [
        ({"full": True, "low": True}, "store-full", "store_full", {}), ({"low": True}, "space", "store_full", {"free": 7}),
        ({"short": True}, "memory", "too_many_documents", {"used": 9, "limit": 10, "retryable": True}),
        ({"kept": False}, "promise", "storage_unavailable", {}), ({"bad": 2}, "quarantine", "storage_unavailable", {}),
    ],
)  # fmt: skip
def test_each_has_a_word_and_a_code(state: dict[str, Any], reason: str, code: str, more: dict[str, Any]) -> None:
    (concern,) = said(**state)
    assert (concern["reason"], concern["code"]) == (reason, code)
    assert more.items() <= concern.items()
    assert concern["message"].endswith(".")


def test_all_at_once_and_none() -> None:
    assert len(said(low=True, short=True, kept=False, bad=1)) == 4
    assert said(kept=True) == []
