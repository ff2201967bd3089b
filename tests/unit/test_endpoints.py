"""The setting ``webhooks``: what it takes, and the one line that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collab.config import ConfigError, load_settings
from collab.stores.outbox import TYPES
from collab.webhooks.endpoints import Endpoint
from tests.support.receiver import SECRET, write_config

URL = "https://user:pass@app.example:8443/hooks/collab?key=secret"


def load(*tables: dict[str, Any]) -> tuple[Endpoint, ...]:
    return load_settings({"webhooks": json.dumps(tables)}, {}).webhooks


def test_a_file_has_tables_and_elsewhere_it_is_json(tmp_path: Path) -> None:
    table = {"url": URL, "secret": SECRET, "events": ["document.changed"], "documents": ["team/*", "notes"]}
    (endpoint,) = load_settings({}, {}, str(write_config(tmp_path, table))).webhooks
    assert load_settings({}, {"COLLAB_WEBHOOKS": json.dumps([table])}).webhooks == (endpoint,)
    assert load(table) == (endpoint,)
    assert (endpoint.secrets, endpoint.events) == ((SECRET,), frozenset({"document.changed"}))
    assert endpoint.wants("document.changed", "team/a/b") and endpoint.wants("document.changed", "notes")
    assert not endpoint.wants("document.changed", "other") and not endpoint.wants("document.created", "notes")


def test_without_events_and_documents_it_is_everything_and_secrets_may_be_several() -> None:
    (endpoint,) = load({"url": "http://127.0.0.1:1/", "secret": [SECRET, SECRET.rstrip("=")]})
    assert len(endpoint.secrets) == 2
    assert all(endpoint.wants(type, "any/thing") for type in TYPES)


def test_neither_its_words_nor_its_name_tell_secrets() -> None:
    (endpoint,) = load({"url": URL, "secret": SECRET})
    assert endpoint.shown == "https://app.example:8443/hooks/collab?..."
    for words in (repr(endpoint), endpoint.id, endpoint.shown):
        assert "pass" not in words and SECRET not in words and "key=" not in words
    assert endpoint.id != load({"url": URL + "2", "secret": SECRET})[0].id
    assert endpoint.id == load({"url": URL, "secret": SECRET[:20] + SECRET[24:]})[0].id, (
        "a new secret is no new address"
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "entry 1: url is missing; allowed: an http or https URL"),
        ({"url": "ftp://x/"}, "entry 1: url: this is none"),
        ({"url": 5}, "entry 1: url: this is none"),
        ({"url": "http://x y/"}, "entry 1: url: this is none"),
        ({"url": "http://x:99999/"}, "entry 1: url: this is none"),
        ({"url": URL}, "entry 1: secret is missing; allowed: whsec_"),
        ({"url": URL, "secret": "guess me"}, "entry 1: secret: (hidden) is not allowed; allowed: whsec_"),
        ({"url": URL, "secret": []}, "entry 1: secret (hidden) is not allowed"),
        ({"url": URL, "secret": SECRET, "events": ["document.chnaged"]}, "'document.chnaged' is not known; allowed: doc"),
        ({"url": URL, "secret": SECRET, "events": ["comment.created"]}, "'comment.created' is not known"),
        ({"url": URL, "secret": SECRET, "events": []}, "events: this is no list of types"),
        ({"url": URL, "secret": SECRET, "documents": [""]}, "documents: this is no list"),
        ({"url": URL, "secret": SECRET, "event": []}, "entry 1: event: no such key; did you mean events? allowed: url,"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_that_tells_no_secret(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(table)
    message = str(caught.value)
    assert message.startswith("webhooks: ") and words in message and "\n" not in message
    assert "pass" not in message and SECRET not in message and "guess me" not in message


def test_an_address_has_one_entry_and_what_is_no_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="entry 2: url: this one has an entry already"):
        load({"url": URL, "secret": SECRET}, {"url": URL, "secret": SECRET})
    for value in ("{", "[1]", "5", '"x"'):
        with pytest.raises(ConfigError, match=r"^webhooks: .*allowed"):
            load_settings({"webhooks": value}, {})
    with pytest.raises(ConfigError, match="51 are too many"):
        load(*({"url": f"{URL}{n}", "secret": SECRET} for n in range(51)))
