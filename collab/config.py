"""Settings: one table of fields, three sources. A flag beats the environment, which beats the file.

Flag ``--rate-updates``, variable ``COLLAB_RATE_UPDATES`` and TOML key ``rate-updates`` are the same
setting. An unknown key or a bad value is a :class:`ConfigError`, whose message is one line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError
from marshmallow import fields as m

from collab.protocol import webhooks
from collab.setting_kinds import (
    GIB,
    HOST,
    KIB,
    MIB,
    NODE_NAME,
    SWITCH,
    URL,
    Duration,
    Networks,
    Origins,
    RedisUrl,
    Size,
    StoreUrl,
    choice,
    number_from,
)
from collab.stores.redis_link import same_database, shown_url
from collab.stores.urls import is_redis_url
from collab.types import Role, is_loopback
from collab.webhooks.endpoints import Endpoint, Webhooks

ENV_PREFIX = "COLLAB_"
#: variables with our prefix that are not settings of the server
_OTHER_VARIABLES = frozenset({"COLLAB_URL", "COLLAB_TOKEN", "COLLAB_FAILPOINT", "COLLAB_CONFIG"})
#: settings without effect unless tokens are looked at
_OF_TOKENS = (
    "jwt_secret", "jwt_public_key", "jwt_jwks_url", "jwt_issuer", "jwt_audience", "auth_callback_url",
    "auth_callback_secret",
)  # fmt: skip
#: times without which nothing would ever be done
_POSITIVE = (
    "ping_interval",
    "ping_timeout",
    "connect_timeout",
    "head_timeout",
    "body_timeout",
    "keepalive_timeout",
    "stream_keep_for",
)
#: what Kubernetes sets for a service that is called "collab"
_KUBERNETES = re.compile(r"COLLAB_(SERVICE_|PORT_)")

#: RFC 7518, 3.2: a key of HS256 is at least as long as its hash
MIN_SECRET_BYTES = 32
#: with less the server does not even start
LEAST_MEMORY = 64 * MIB
#: an unknown key may be a known one with a slip of the pen: its value is shown only where it looks harmless
_MAY_BE_SECRET = re.compile(r"secret|token|pass|pwd|key|jwt|auth|cred", re.IGNORECASE)
_LONGEST_SHOWN = 60


class ConfigError(Exception):
    """The settings cannot be used; the message is one line for a person."""


def _setting(kind: m.Field[Any], default: Any, words: str, *, shown: str | None = None) -> Any:
    """A field of :class:`Settings`; ``shown`` is what ``--help`` calls its default where that is no value."""
    return dataclass_field(default=default, metadata={"kind": kind, "help": words, "shown": shown})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the server; sizes in bytes, times in seconds. See ``collab serve --help``."""

    host: str = _setting(HOST, "127.0.0.1", "address to listen on")
    port: int = _setting(number_from(0, 65535), 8080, "port to listen on; 0 picks one and prints it")
    store: str = _setting(
        StoreUrl(), "sqlite:///collab.db", "where documents live: memory://, sqlite:///PATH or redis://..."
    )
    redis: str | None = _setting(
        RedisUrl(), None, "redis://...: makes this process one node of a cluster, with its documents in that Redis"
    )
    redis_grace: float = _setting(
        Duration(), 60.0, "how long edits are taken while Redis is out of reach; nothing taken is lost"
    )
    auth: str = _setting(
        choice("none", "jwt", "callback"), "none", "who may connect: none (loopback only), jwt or callback"
    )
    auth_callback_url: str | None = _setting(
        URL, None, "which application is asked who somebody is, with --auth callback"
    )
    auth_callback_secret: str | None = _setting(
        m.Str(), None, "signs what it is asked, as Standard Webhooks: whsec_ and base64"
    )
    auth_callback_ttl: float = _setting(
        Duration(), 60.0, "how long its answer counts; after that people who are in are asked about again"
    )
    jwt_secret: str | None = _setting(m.Str(), None, "secret of HS256 tokens")
    jwt_public_key: str | None = _setting(
        m.Str(), None, "public key of RS256, ES256, EdDSA tokens: PEM, or a file of it"
    )
    jwt_jwks_url: str | None = _setting(URL, None, "where the public keys are published (JWKS)")
    jwt_issuer: str | None = _setting(m.Str(), None, "required `iss` of tokens")
    jwt_audience: str | None = _setting(m.Str(), None, "required `aud` of tokens")
    default_role: str | None = _setting(
        choice("none", *(role.word for role in Role)), None, "role without a grant",
        shown="admin without auth, none with",
    )  # fmt: skip
    insecure: bool = _setting(SWITCH, False, "listen beyond loopback without auth, knowing what that means")
    cors_origins: tuple[str, ...] = _setting(
        Origins(), (), "browser origins allowed besides our own, or *", shown="same origin"
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        Networks(), (), "networks whose X-Forwarded-* headers count"
    )
    node_name: str | None = _setting(
        NODE_NAME, None, "name of this node: ends its Engine.IO session ids, by which a balancer finds it again"
    )
    max_update_bytes: int = _setting(Size(), 4 * MIB, "size of one update")
    max_document_bytes: int = _setting(Size(), 64 * MIB, "encoded size of one document")
    max_participants: int = _setting(number_from(1, 10**6), 500, "sessions in one document")
    max_documents_per_connection: int = _setting(number_from(1, 10**6), 100, "documents open on one connection")
    max_connections_per_ip: int = _setting(number_from(1, 10**6), 1000, "connections of one address")
    max_documents: int | None = _setting(number_from(1, 10**9), None, "documents in the store, without the trash")
    max_store_bytes: int | None = _setting(
        Size(), None, "bytes that the store may hold (of Redis: memory that it uses); beyond, deleting only"
    )
    low_space: int | None = _setting(
        Size(), None, "room for the store below which /readyz, /admin and the log warn; 0: never",
        shown="1GiB, or a tenth where that is less",
    )  # fmt: skip
    max_versions: int = _setting(number_from(1, 10**6), 1000, "versions of one document")
    max_version_bytes: int = _setting(
        Size(), 256 * MIB, "all versions of one document together, equal states counted once"
    )
    participant_documents: int = _setting(
        number_from(1, 10**9),
        1000,
        "documents that one participant, or address without one, makes in an hour; not admins",
    )
    participant_bytes: int = _setting(
        Size(), 2 * GIB, "bytes that one participant, or address without one, may add in an hour; not admins"
    )
    max_connections: int | None = _setting(
        number_from(1, 10**6), None, "connections in all", shown="what open files allow, but 128"
    )
    max_memory: int | None = _setting(
        Size(), None, "bytes of memory; near it idle documents leave, then new ones are refused; 0: no bound",
        shown="what the cgroup allows",
    )  # fmt: skip
    head_timeout: float = _setting(Duration(), 10.0, "time for the head of a request, from its first byte or, at first,"
        " from the connection on")  # fmt: skip
    body_timeout: float = _setting(Duration(), 120.0, "time for the body of a request")
    keepalive_timeout: float = _setting(
        Duration(), 75.0, "how long a connection may be idle between two requests; not that of a trusted proxy"
    )
    rate_updates: int = _setting(number_from(1, 10**6), 200, "updates a second of one connection")
    rate_bytes: int = _setting(Size(), 2 * MIB, "bytes a second of one connection")
    rate_awareness: int = _setting(number_from(1, 10**6), 60, "presence and cursor events a second of one connection")
    rate_participant: int = _setting(
        number_from(1, 10**6), 10, "all connections of one participant together, in times the rates of one"
    )
    rate_address: int = _setting(
        number_from(1, 10**6), 20, "all connections of one address (IPv6: /64) together, in times the rates of one"
    )
    rate_document: int = _setting(
        number_from(1, 10**6), 25, "edits of everybody in one document together, in times the rates of one connection"
    )
    send_buffer_bytes: int = _setting(Size(), 256 * KIB, "unsent bytes after which a reader counts as slow")
    compact_every: int = _setting(
        number_from(10, 10**6), 5000, "logged updates of a document after which they become a snapshot"
    )
    checkpoint_interval: float = _setting(
        Duration(), 3600.0, "time between automatic versions of a document in use; 0: none"
    )
    checkpoint_keep: int = _setting(number_from(0, 10**6), 50, "automatic versions kept per document")
    trash_keep: float = _setting(
        Duration(), 30 * 86400.0, "how long a deleted document can be brought back; 0 deletes for good at once"
    )
    stream_keep: int = _setting(number_from(1, 10**6), 10_000, "newest events of a stream that are kept")
    stream_keep_for: float = _setting(Duration(), 90 * 86400.0, "how long an event of a stream is kept at most")
    webhooks: tuple[Endpoint, ...] = _setting(
        Webhooks(), (), "who is told what happens: in a file [[webhooks]] with url, secret, events and documents;"
        " elsewhere these as JSON",
    )  # fmt: skip
    idle_timeout: float = _setting(Duration(), 20.0, "how long a document without people stays in memory")
    ping_interval: float = _setting(Duration(), 25.0, "heartbeat: time between pings")
    ping_timeout: float = _setting(Duration(), 20.0, "heartbeat: time for the answer")
    connect_timeout: float = _setting(Duration(), 10.0, "time for a connection to open its first document")
    drain_timeout: float = _setting(Duration(), 15.0, "on SIGTERM: time to flush and to move people away")
    watchdog: float = _setting(
        Duration(), 10.0, "how long the event loop may be silent before the process ends, for its supervisor; 0: never"
    )
    metrics_token: str | None = _setting(
        m.Str(), None, "what others than this machine present as bearer to read /metrics"
    )
    tracing: bool = _setting(
        SWITCH, False, "trace every edit by OpenTelemetry, as the OTEL_* variables say; needs collab-server[otel]"
    )
    admin: bool = _setting(SWITCH, True, "serve /admin, to administrators of all documents")
    log_format: str | None = _setting(
        choice("text", "json"), None, "text or json", shown="text on a terminal, else json"
    )
    log_level: str = _setting(choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error")


def setting_name(field_name: str) -> str:
    """``rate_updates`` -> ``rate-updates``, as it stands in flags and files."""
    return field_name.replace("_", "-")


def variable_name(field_name: str) -> str:
    """``rate_updates`` -> ``COLLAB_RATE_UPDATES``."""
    return ENV_PREFIX + field_name.upper()


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str], file: str | None = None) -> Settings:
    """Read the settings from all sources and check them together.

    Args:
        flags: field name -> value from the command line (None: not given).
        environ: the environment.
        file: a TOML file, or None; ``COLLAB_CONFIG`` names it where no flag does.

    Raises:
        ConfigError: an unknown key, a bad value, or settings that do not go together.
    """
    known = {field.name: field for field in fields(Settings)}
    file = file or environ.get("COLLAB_CONFIG")
    given: dict[str, Any] = _read_file(file, known) if file else {}
    given |= _read_environment(environ, known)
    given |= {name: value for name, value in flags.items() if value is not None}
    schema = Schema.from_dict({name: field.metadata["kind"] for name, field in known.items()})()
    try:
        values = schema.load(given)
    except ValidationError as error:
        name, faults = next(iter(error.messages_dict.items()))
        allowed = faults[0] if isinstance(faults, list) else str(faults)
        if name == "webhooks":  # which of them, and what of it, is in the words
            raise ConfigError(f"webhooks: {allowed}") from None
        shown = "(hidden)" if name in ("jwt_secret", "auth_callback_secret", "metrics_token") else repr(given[name])
        if name in ("store", "redis", "jwt_jwks_url", "auth_callback_url") and "@" in shown:
            shown = repr(shown_url(str(given[name])))
        raise ConfigError(f"{setting_name(name)}: {shown} is not allowed; allowed: {allowed}") from None
    settings = Settings(**_with_redis(values))
    _check_together(settings)
    return settings


def settings_from(keywords: Mapping[str, Any]) -> Settings:
    """The settings of ``create_app(**keywords)``, and of nothing else.

    Raises:
        ConfigError: as :func:`load_settings`.
        TypeError: a keyword is no setting.
    """
    known = {field.name for field in fields(Settings)}
    for name in keywords:
        if name not in known:
            raise TypeError(f"create_app() got an unexpected keyword argument {name!r}")
    return load_settings(keywords, {})


def _read_file(file: str, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        content = tomllib.loads(Path(file).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"config: {file!r} cannot be read: {error}") from None
    values = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        if name not in known:
            raise ConfigError(_unknown(key, f"in {file!r}", value, _nearest(name, known, setting_name)))
        values[name] = value
    return values


def _read_environment(environ: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for variable, value in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable in _OTHER_VARIABLES:
            continue
        name = variable.removeprefix(ENV_PREFIX).lower()
        if name in known:
            values[name] = value
        elif not _KUBERNETES.match(variable):
            raise ConfigError(_unknown(variable, "in the environment", value, _nearest(name, known, variable_name)))
    return values


def _unknown(key: str, where: str, value: Any, near: str) -> str:
    shown = repr(value)
    if isinstance(value, dict | list) or _MAY_BE_SECRET.search(key) or len(shown) > _LONGEST_SHOWN or "@" in shown:
        shown = "(hidden)"
    named = key if key.isprintable() else repr(key)
    return f"{named}: unknown setting {where}, with the value {shown}; {near}"


def _nearest(name: str, known: Mapping[str, Any], shown: Callable[[str], str]) -> str:
    near = get_close_matches(name, known, 1)
    allowed = "allowed: what collab serve --help lists"
    return f"did you mean {shown(near[0])}? {allowed}" if near else allowed


def _with_redis(values: dict[str, Any]) -> dict[str, Any]:
    """A node of a cluster keeps its documents where the other nodes find them, and hears of their edits."""
    store, redis = values.get("store"), values.get("redis")
    if store is not None and is_redis_url(store):
        if redis is None:
            return {**values, "redis": store}
        if not same_database(store, redis):
            raise ConfigError(
                f"store: {shown_url(store)!r} is not allowed; allowed: {shown_url(redis)!r}, the Redis of the setting"
                " redis, because an edit is logged and announced in one step"
            )
    return {**values, "store": redis} if store is None and redis is not None else values


def _check_together(settings: Settings) -> None:
    keys = (settings.jwt_secret, settings.jwt_public_key, settings.jwt_jwks_url)
    if settings.auth == "none" and not is_loopback(settings.host) and not settings.insecure:
        raise ConfigError(
            f"host: {settings.host!r} is open to other machines and auth is none; allowed: --auth jwt,"
            " --auth callback, a loopback host such as 127.0.0.1, or --insecure if everybody may edit everything"
        )
    if settings.auth == "none" and settings.default_role == "none":
        raise ConfigError(
            "default-role: 'none' is not allowed without auth, where nobody could do anything;"
            " allowed: viewer, commenter, editor, admin, or none with --auth jwt"
        )
    if settings.auth == "jwt" and sum(key is not None for key in keys) != 1:
        raise ConfigError("auth: 'jwt' needs a key; allowed: exactly one of jwt-secret, jwt-public-key, jwt-jwks-url")
    if settings.auth == "callback":
        if settings.auth_callback_url is None:
            raise ConfigError("auth: 'callback' needs auth-callback-url; allowed: the http or https URL that is asked")
        if settings.auth_callback_secret is None:
            raise ConfigError(f"auth: 'callback' needs auth-callback-secret; allowed: {webhooks.ALLOWED}")
    if settings.auth_callback_secret is not None and not webhooks.is_secret(settings.auth_callback_secret):
        raise ConfigError(f"auth-callback-secret: (hidden) is not allowed; allowed: {webhooks.ALLOWED}")
    if settings.metrics_token is not None and not settings.metrics_token.strip():
        raise ConfigError("metrics-token: '' is not allowed; allowed: a secret, best 32 random characters or more")
    if settings.jwt_secret is not None and not settings.jwt_secret:
        raise ConfigError("jwt-secret: '' is not allowed; allowed: a secret, best 32 random characters or more")
    if settings.max_update_bytes > settings.max_document_bytes:
        raise ConfigError(
            f"max-update-bytes: {settings.max_update_bytes} is not allowed; allowed: at most"
            f" max-document-bytes, {settings.max_document_bytes}"
        )
    for name in ("max_update_bytes", "rate_bytes", "send_buffer_bytes"):
        if getattr(settings, name) < KIB:
            raise ConfigError(f"{setting_name(name)}: {getattr(settings, name)} is not allowed; allowed: 1KiB or more")
    if settings.max_memory and settings.max_memory < LEAST_MEMORY:
        raise ConfigError(
            f"max-memory: {settings.max_memory} is not allowed; allowed: 64MiB or more, or 0 for no bound"
        )
    for name in _POSITIVE:
        if getattr(settings, name) <= 0:
            raise ConfigError(f"{setting_name(name)}: {getattr(settings, name)} is not allowed; allowed: more than 0s")


def weaknesses(settings: Settings) -> list[str]:
    """What is allowed and unwise in the settings, one line each, for a person."""
    found = []
    secret = settings.jwt_secret
    if settings.auth == "jwt" and secret is not None and len(secret.encode()) < MIN_SECRET_BYTES:
        size = len(secret.encode())
        found.append(
            f"jwt-secret: {size} bytes can be guessed from a single token; use {MIN_SECRET_BYTES} random ones or more"
        )
    idle = [name for name in _OF_TOKENS if getattr(settings, name) is not None]
    if settings.auth == "none" and idle:
        found.append(
            f"{', '.join(map(setting_name, idle))}: without auth jwt or callback no token is looked at, and everybody"
            " may read and edit everything"
        )
    if settings.auth == "none" and not is_loopback(settings.host):
        found.append("auth: none, and other machines can reach the host: everybody may read and edit everything")
    if settings.auth == "none" and "*" in settings.cors_origins:
        found.append("cors-origins: * without auth lets every page in a browser on this machine edit everything")
    return found
