"""Who is told of a chat message, whatever is in it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.mentions import MAX_EXCERPT, MAX_MENTIONS, MAX_SUBJECT, Mail, excerpt_of, mail_in
from collab.protocol.stream_events import body_of

ANN = {"participant": "ann", "name": "Ann", "agent": False}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)  # fmt: skip


def mail(data: Any, *, event: str = "message", stream: str = "chat", sender: dict[str, Any] = ANN) -> Mail | None:
    return mail_in(stream, body_of(event, data, sender))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@[bob]", ("bob",)), ("hi @[bob], @[cat d]! @[bob]", ("bob", "cat d")), ("@[ann] @[ä@x.org]", ("ä@x.org",)),
        ("(@[a:b/c])", ("a:b/c",)), ("@[[bob]]", None), ("@[]", None), ("@bob [bob] @ [bob]", None), ("@[a\nb]", None),
        (f"@[{'x' * MAX_SUBJECT}]", ("x" * MAX_SUBJECT,)), (f"@[{'x' * (MAX_SUBJECT + 1)}]", None), ("@[ann]", None),
    ],
)  # fmt: skip
def test_who_is_named(text: str, named: tuple[str, ...] | None) -> None:
    found = mail({"body": text})
    assert (found and found.mentioned) == named


def test_who_is_answered_is_told_unless_named_or_oneself() -> None:
    found = mail({"body": "@[bob] yes", "reply_to": 3})
    assert found is not None and found.reply_to == 3
    by = {
        who: body_of("message", 1, {"participant": who, "name": "x", "agent": False})
        for who in ("bob", "cat", "ann", None)
    }
    assert found.recipients(None) == [("bob", "mention")]
    assert found.recipients(by["cat"]) == [("bob", "mention"), ("cat", "reply")]
    assert (
        found.recipients(by["bob"]) == found.recipients(by["ann"]) == found.recipients(by[None]) == [("bob", "mention")]
    )


def test_other_streams_and_events_tell_nobody() -> None:
    assert mail({"body": "@[bob]"}, stream="news") is None
    assert mail({"body": "@[bob]"}, event="typing") is None
    for data in (None, "@[bob]", ["@[bob]"], {"text": "@[bob]"}, {"body": ["@[bob]"]}, {"body": "x", "reply_to": True}):
        assert mail(data) is None
    for reply_to in (0, -1, "1", 1.0, None, True):
        assert mail({"body": "x", "reply_to": reply_to}) is None


def test_bounds() -> None:
    found = mail({"body": " ".join(f"@[p{number}]" for number in range(100))})
    assert found is not None
    assert found.mentioned == tuple(f"p{number}" for number in range(MAX_MENTIONS))
    kept = orjson.loads(found.data)
    assert (len(kept["excerpt"]), kept["from"]) == (MAX_EXCERPT, ANN)
    assert excerpt_of("a\n\t b") == "a b"
    assert excerpt_of("x" * MAX_EXCERPT) == "x" * MAX_EXCERPT
    assert excerpt_of("x" * (MAX_EXCERPT + 1)) == "x" * (MAX_EXCERPT - 1) + "…"


@given(_JSON, st.sampled_from(["@[bob]", "reply_to"]))
def test_whatever_is_published_is_read(data: Any, more: str) -> None:
    found = mail({"body": more, "reply_to": data, "more": data})
    assert found is None or found.mentioned == ("bob",) or found.reply_to is not None
    mail([data, more])


def test_who_takes_back_what() -> None:
    taken = mail({"offset": 3}, event="taken-back")
    assert taken is not None and (taken.takes_back, taken.mentioned, taken.size) == (3, (), 0)
    kept = mail({"body": "@[bob]"})
    renamed = mail({"body": "@[bob]"}, sender={**ANN, "name": "Anna"})
    other = mail({"body": "@[bob]"}, sender={**ANN, "participant": "eve"})
    assert kept is not None and renamed is not None and other is not None
    assert (taken.takes(kept.data), taken.takes(renamed.data), taken.takes(other.data)) == (True, True, False)
    assert not kept.takes(kept.data), "it takes back nothing"
    for data in ({"offset": 0}, {"offset": True}, {"offset": "3"}, {}, [3], None):
        assert mail(data, event="taken-back") is None
    assert mail({"offset": 3}, event="taken-back", stream="log") is None
