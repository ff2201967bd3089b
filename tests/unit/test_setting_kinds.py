"""Kinds of values: what they take, and that they say what is allowed."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from marshmallow import ValidationError

from collab.setting_kinds import Duration, Networks, Origins, RedisUrl, Size, StoreUrl, choice, number_from


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (Size(), "256KiB", 2**18), (Size(), 1000, 1000), (Duration(), "250ms", 0.25), (Duration(), "30d", 2592000.0),
        (Networks(), "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        (Origins(), ["https://a.example"], ("https://a.example",)), (StoreUrl(), "memory://", "memory://"),
        (RedisUrl(), "redis://h/1", "redis://h/1"), (number_from(1, 9), "9", 9), (choice("a", "b"), "b", "b"),
    ],
)  # fmt: skip
def test_what_is_allowed_becomes_a_value(kind: Any, given: Any, value: Any) -> None:
    assert kind.deserialize(given) == value


@pytest.mark.parametrize(
    ("kind", "given", "allowed"),
    [
        (Size(), "many", "a size such as"), (Size(), True, "a size such as"), (Duration(), "3 weeks", "a duration such as"),
        (Networks(), "nowhere", "addresses or networks"), (Origins(), "a.example", "origins behind commas"),
        (StoreUrl(), "mysql://h", "memory://"), (RedisUrl(), "http://h", "rediss://"),
        (number_from(1, 9), 10, "a whole number from 1 to 9"), (number_from(1, 9), 8.5, "a whole number from 1 to 9"),
        (choice("a", "b"), "c", "one of a, b"),
    ],
)  # fmt: skip
def test_what_is_not_is_told_what_is(kind: Any, given: Any, allowed: str) -> None:
    with pytest.raises(ValidationError, match=allowed):
        kind.deserialize(given)
