"""Kinds of values that settings take, each with words for what is allowed: sizes, durations, words behind commas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from marshmallow import ValidationError, validate
from marshmallow import fields as m

from collab.stores.urls import is_redis_url, store_from_url

KIB = 2**10
MIB = 2**20
GIB = 2**30
_SIZE_UNITS = {"": 1, "b": 1, "kb": 1000, "kib": KIB, "mb": 10**6, "mib": MIB, "gb": 10**9, "gib": GIB}
_TIME_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WITH_UNIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


class Size(m.Field[int]):
    """A number of bytes: ``262144``, ``256KiB``, ``4 MB``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return int(_with_unit(value, _SIZE_UNITS, "a size such as 262144, 256KiB or 4MB"))


class Duration(m.Field[float]):
    """A number of seconds: ``15``, ``15s``, ``250ms``, ``2m``, ``1h``, ``30d``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        return _with_unit(value, _TIME_UNITS, "a duration such as 15s, 250ms, 2m, 1h or 30d")


def _with_unit(value: Any, units: Mapping[str, float], allowed: str) -> float:
    found = _WITH_UNIT.fullmatch(str(value))
    unit = units.get(found[2].lower()) if found else None
    if found is None or unit is None or isinstance(value, bool):
        raise ValidationError(allowed)
    return float(found[1]) * unit


class Words(m.Field[tuple[str, ...]]):
    """Words behind commas, or a list."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        words = value.split(",") if isinstance(value, str) else value
        if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
            raise ValidationError("words behind commas")
        return tuple(word.strip() for word in words if word.strip())


class Networks(Words):
    """Addresses or networks (``10.0.0.0/8``) behind commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        words = super()._deserialize(value, attr, data, **kwargs)
        try:
            return tuple(ip_network(word, strict=False) for word in words)
        except ValueError:
            raise ValidationError("addresses or networks behind commas, such as 10.0.0.0/8,::1") from None


class Origins(Words):
    """Browser origins behind commas, or ``*``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        words = super()._deserialize(value, attr, data, **kwargs)
        for word in words:
            if word != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+/?", word, re.IGNORECASE):
                raise ValidationError("origins behind commas, such as https://app.example.com, or *")
        return words


class StoreUrl(m.Str):
    """The URL of a store."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        url = str(super()._deserialize(value, attr, data, **kwargs))
        try:
            store_from_url(url)
        except ValueError:
            raise ValidationError("memory://, sqlite:///PATH or redis://HOST:PORT/DATABASE") from None
        return url


class RedisUrl(m.Str):
    """The URL of a Redis."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        url = str(super()._deserialize(value, attr, data, **kwargs))
        if not is_redis_url(url):
            raise ValidationError("redis://HOST:PORT/DATABASE, rediss://... or unix://PATH")
        return url


class Whole(m.Int):
    """A whole number; a file may hold it as one, a flag as text, and 80.5 is none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        number: int = super()._deserialize(value, attr, data, **kwargs)
        return number


def number_from(least: int, most: int) -> m.Int:
    return Whole(
        strict=False,
        validate=validate.Range(least, most, error=f"a whole number from {least} to {most}"),
        error_messages={"invalid": f"a whole number from {least} to {most}"},
    )


HOST = m.Str(error_messages={"invalid": "an address or a host name"})
NODE_NAME = m.Str(
    validate=validate.Regexp(r"[A-Za-z0-9_-]{1,32}\Z", error="up to 32 letters, digits, - and _"),
)
URL = m.Url(require_tld=False, schemes={"http", "https"}, error_messages={"invalid": "an http or https URL"})
SWITCH = m.Bool(error_messages={"invalid": "true or false"})


def choice(*words: str) -> m.Str:
    return m.Str(validate=validate.OneOf(words, error=f"one of {', '.join(words)}"))
