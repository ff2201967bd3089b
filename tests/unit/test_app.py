"""The composition: which part is made for which setting, what is no setting, and that starting and ending go both ways."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from pycrdt import Text

from collab.app import authenticator_for, backend_for, create_app
from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import Authenticator, ShownUser
from collab.auth.callback import CallbackAuthenticator
from collab.auth.jwt import JwtAuthenticator
from collab.cluster.local import LocalCluster
from collab.cluster.redis import RedisCluster
from collab.config import ConfigError, Settings
from collab.hub.hub import Hub
from collab.stores.memory import MemoryStore
from collab.stores.redis import RedisStore
from collab.stores.sqlite import SqliteStore
from collab.types import Identity, Role

SECRET = "a secret of more than thirty-two bytes"
CALLBACK = {
    "auth_callback_url": "http://127.0.0.1:9/who",
    "auth_callback_secret": "d2hhdGV2ZXIgaXQgaXMgdGhhdCB3ZSBzaGFyZQ==",
}
MEMORY = Settings(store="memory://")


class Own(Authenticator):
    """Notes when it is opened and closed."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def open(self) -> None:
        self.told.append("open")

    async def close(self) -> None:
        self.told.append("close")

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        return Identity("ann", "Ann", "#000000")


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"auth": "none"}, AnonymousAuthenticator), ({"auth": "jwt", "jwt_secret": SECRET}, JwtAuthenticator),
        ({"auth": "callback", **CALLBACK}, CallbackAuthenticator),
    ],
)  # fmt: skip
def test_the_authenticator_is_that_of_the_setting(settings: dict[str, Any], kind: type[Authenticator]) -> None:
    assert type(authenticator_for(replace(MEMORY, **settings))) is kind


@pytest.mark.parametrize(
    ("word", "role"),
    [(None, Role.ADMIN), ("viewer", Role.VIEWER), ("commenter", Role.COMMENTER), ("admin", Role.ADMIN)],
)
async def test_without_auth_everybody_has_the_default_role(word: str | None, role: Role) -> None:
    identity = await authenticator_for(replace(MEMORY, default_role=word)).authenticate(None, None)
    assert identity.role_for("notes") is role


def test_with_tokens_nobody_has_a_role_by_default() -> None:
    made = [
        authenticator_for(replace(MEMORY, auth="jwt", jwt_secret=SECRET, default_role=word))
        for word in (None, "none", "viewer")
    ]
    assert [each._default_role for each in made] == [None, None, Role.VIEWER]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("store", "redis", "kinds"),
    [
        ("memory://", None, (MemoryStore, LocalCluster)), ("sqlite:///x.db", None, (SqliteStore, LocalCluster)),
        ("sqlite:///x.db", "redis://127.0.0.1:9/0", (RedisStore, RedisCluster)), ("redis://127.0.0.1:9/0", None, (RedisStore, LocalCluster)),
    ],
)  # fmt: skip
def test_where_documents_live(store: str, redis: str | None, kinds: tuple[type, type]) -> None:
    made = backend_for(replace(MEMORY, store=store, redis=redis))
    assert tuple(map(type, made)) == kinds
    if redis is not None:
        again = backend_for(replace(MEMORY, store=store, redis=redis))
        assert made[1].node != again[1].node, "each start is another node"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"stroe": "memory://"}, TypeError), ({"store": "paper://"}, ConfigError), ({"port": "high"}, ConfigError),
        ({"settings": MEMORY, "store": "memory://"}, TypeError), ({"settings": MEMORY, "auth": "none"}, TypeError),
        ({"auth": "jwt", "store": "memory://"}, ConfigError), ({"auth": "magic"}, ConfigError),
    ],
)  # fmt: skip
def test_what_is_no_setting_is_told(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        create_app(**given)
    assert any(word in str(refused.value) for word in ("stroe", "store", "port", "settings", "jwt", "auth"))


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLAB_STORE", "paper://")
    monkeypatch.setenv("COLLAB_MAX_PARTICIPANTS", "7")
    hub: Hub = create_app(store="memory://")["hub"]
    assert type(hub.store) is MemoryStore
    assert hub.limits.max_participants != 7


def test_settings_reach_whom_they_are_for() -> None:
    app = create_app(
        store="memory://", max_participants=3, max_document_bytes=2**23, rate_document=17, idle_timeout="7s", trash_keep="1h",
        stream_keep=11, stream_keep_for="2h", max_versions=4, redis_grace="9s",
    )  # fmt: skip
    hub: Hub = app["hub"]
    assert (hub.limits.max_participants, hub.limits.max_document_bytes, hub.limits.rate) == (3, 2**23, 17)
    assert (hub.idle_timeout, hub.trash_keep) == (7.0, 3600.0)
    assert (hub.store.streams.bounds.keep, hub.store.streams.bounds.keep_for) == (11, 7200.0)
    assert hub.quotas.limits.max_versions == 4


def paths(app: web.Application) -> set[str]:
    return {resource.canonical for resource in app.router.resources()}


def test_every_door_has_its_routes_and_admin_only_if_it_is_wanted() -> None:
    wanted = create_app(store="memory://")
    assert {"/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/hocuspocus"} <= paths(wanted)
    assert any(path.startswith("/socket.io") for path in paths(wanted))
    assert any(path.startswith("/ws/") for path in paths(wanted))
    assert any(path.startswith("/admin") for path in paths(wanted))
    without = create_app(store="memory://", admin=False)
    assert paths(wanted) - paths(without) == {path for path in paths(wanted) if path.startswith("/admin")}
    assert len(wanted["doors"]) == len(without["doors"]) + 1


async def test_two_applications_share_nothing() -> None:
    first, second = create_app(store="memory://"), create_app(store="memory://")
    assert first["hub"] is not second["hub"]
    assert not {id(door) for door in first["doors"]} & {id(door) for door in second["doors"]}


async def test_it_starts_and_ends_and_what_was_written_is_there_again(tmp_path: Any) -> None:
    for words in ("once ", "twice "):
        own = Own()
        app = create_app(store=f"sqlite:///{tmp_path}/a.db", auth=own)
        runner = web.AppRunner(app)
        await runner.setup()
        assert own.told == ["open"]
        async with app["hub"].open("notes") as session:
            session.doc.get("body", type=Text).insert(0, words)
        await runner.cleanup()
        assert own.told == ["open", "close"]
        assert app["hub"].draining
        assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing goes on"
    app = create_app(store=f"sqlite:///{tmp_path}/a.db")
    runner = web.AppRunner(app)
    await runner.setup()
    async with app["hub"].open("notes") as session:
        assert str(session.doc.get("body", type=Text)) == "twice once "
    await runner.cleanup()


async def test_a_store_that_cannot_be_opened_ends_the_start(tmp_path: Any) -> None:
    app = create_app(store=f"sqlite:///{tmp_path}/nowhere/a.db")
    runner = web.AppRunner(app)
    with pytest.raises(Exception, match="Cannot open"):
        await runner.setup()
    await runner.cleanup()
