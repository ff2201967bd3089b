"""What is tried at the start: every command that scripts and stores use, on names that are nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from collab.errors import CollabError
from collab.stores import redis_probe
from collab.stores.redis_link import RedisLink
from collab.stores.redis_probe import missing_permissions
from collab.stores.redis_scripts import SCRIPTS
from collab.types import check_document_name
from tests.support.repository import ROOT

LINK = RedisLink("redis://127.0.0.1:9/0")
LINK.nodes.met = True  # and one node
COMMANDS = redis_probe._commands(LINK, "node")
#: words that Redis calls commands, as the sources write them
_CALLED = re.compile(r"redis\.p?call\(\s*'([A-Z]+)'")
_PIPED = re.compile(r"""\[b?["']([A-Z]{3,})["'],""")


def tried() -> set[str]:
    return {str(command[0]) for command in COMMANDS}


def test_whatever_a_script_calls_is_tried() -> None:
    called = {name for script in SCRIPTS for name in _CALLED.findall(script.source)}
    assert len(called) > 10
    assert called <= tried() | {"DEL"}


def test_whatever_stores_and_nodes_send_is_tried() -> None:
    sent = set()
    for name in ("stores/redis_writer.py", "cluster/redis.py", "stores/redis_trash.py", "stores/redis_streams.py"):
        sent |= set(_PIPED.findall((ROOT / "collab" / name).read_text()))
    assert "PUBLISH" in sent
    assert sent <= tried()


def test_what_is_tried_is_on_names_that_no_document_has_and_is_taken_away() -> None:
    with pytest.raises(CollabError):
        check_document_name(f"{redis_probe._NAME} node")
    deleted = {command[1] for command in COMMANDS if command[0] == "DEL"}
    written = {command[1] for command in COMMANDS if command[0] in ("HSET", "XADD", "RPUSH", "SET", "ZADD")}
    assert written and written <= deleted
    assert not written & {LINK.shared_key("names"), LINK.shared_key("nodes")}
    first = max(at for at, command in enumerate(COMMANDS) if command[0] != "DEL")
    assert all(command[0] == "DEL" for command in COMMANDS[first + 1 :]), "at the end"


def test_two_nodes_that_start_together_are_not_in_each_others_way() -> None:
    own = [{command[1] for command in redis_probe._commands(LINK, node) if command[0] == "SET"} for node in ("a", "b")]
    assert not own[0] & own[1]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Any]]]:
    """What a Redis says: to commands, and to channels."""
    said: dict[str, list[Any]] = {"commands": [], "channels": []}

    class Pipe:
        async def run(self, commands: list[Any]) -> list[Any]:
            return said["commands"]

        async def drop(self) -> None:
            said["dropped"] = []

    async def channels(_link: RedisLink) -> list[Any]:
        return said["channels"]

    monkeypatch.setattr(LINK, "pipe", Pipe)
    monkeypatch.setattr(redis_probe, "_try_channels", channels)
    yield said
    assert "dropped" in said


NO_COMMAND = NoPermissionError("User app has no permissions to run the 'xtrim' command")
NO_SUBCOMMAND = NoPermissionError("User app has no permissions to run the 'script|load' command")
NO_KEY = NoPermissionError("No permissions to access a key")
NO_CHANNEL = NoPermissionError("No permissions to access a channel")


@pytest.mark.parametrize(
    ("commands", "channels", "words"),
    [
        ([1, b"OK", None], [], ""), ([ResponseError("WRONGTYPE")], [], ""), ([NO_COMMAND, NO_COMMAND], [], "+xtrim"),
        ([NO_SUBCOMMAND, NO_KEY, NO_COMMAND], [], "~collab:* +script|load +xtrim"), ([NO_CHANNEL], [NO_CHANNEL], "&collab:0:*"),
        ([NO_COMMAND, NO_CHANNEL, NO_KEY], [], "~collab:* &collab:0:* +xtrim"),
    ],
)  # fmt: skip
async def test_what_is_missing_is_in_words_of_an_access_list(
    answers: dict[str, list[Any]], commands: list[Any], channels: list[Any], words: str
) -> None:
    answers["commands"], answers["channels"] = commands, channels
    assert await missing_permissions(LINK, "node") == words
