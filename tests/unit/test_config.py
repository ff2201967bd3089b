"""Settings: which source wins, what a fault looks like, and which starts are refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.app import authenticator_for
from collab.auth.jwt import JwtAuthenticator
from collab.commands.main import main
from collab.config import ConfigError, Settings, load_settings, setting_name, variable_name, weaknesses
from collab.stores.redis_link import same_database
from collab.types import is_loopback
from tests.support.callback import SECRET as CALLBACK_SECRET
from tests.support.examples import examples

ROOT = Path(__file__).parents[2]
SECRET = "a secret of more than thirty-two bytes"


def fault(flags: dict[str, Any] | None = None, environ: dict[str, str] | None = None, file: str | None = None) -> str:
    """The one line that settings are refused with."""
    with pytest.raises(ConfigError) as caught:
        load_settings(flags or {}, environ or {}, file)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    assert line.isprintable()
    return line


@pytest.fixture
def toml(tmp_path: Path) -> Any:
    """``toml(text)`` writes a settings file; returns its path."""

    def write(text: str) -> str:
        (tmp_path / "collab.toml").write_text(text, "utf-8")
        return str(tmp_path / "collab.toml")

    return write


# -- sources ----------------------------------------------------------------------------------------


def test_nothing_given_means_the_defaults() -> None:
    loaded = load_settings({}, {"PATH": "/bin", "HOME": "/"})
    assert loaded == Settings()
    assert (loaded.host, loaded.port, loaded.store, loaded.auth) == ("127.0.0.1", 8080, "sqlite:///collab.db", "none")


def test_a_flag_beats_the_environment_which_beats_the_file(toml: Any) -> None:
    file = toml('port = 1\nrate-updates = 1\nlog-level = "error"\n')
    environ = {"COLLAB_PORT": "2", "COLLAB_RATE_UPDATES": "2"}
    loaded = load_settings({"port": "3", "rate_updates": None, "host": None}, environ, file)
    assert (loaded.port, loaded.rate_updates, loaded.log_level) == (3, 2, "error")


def test_the_environment_names_a_file_and_a_flag_another(toml: Any, tmp_path: Path) -> None:
    file = toml("port = 1")
    assert load_settings({}, {"COLLAB_CONFIG": file}).port == 1
    (tmp_path / "other.toml").write_text("port = 2")
    assert load_settings({}, {"COLLAB_CONFIG": file}, str(tmp_path / "other.toml")).port == 2


#: field -> a value that is not the default, as text, and what becomes of it
EXAMPLES: dict[str, tuple[str, Any]] = {
    "host": ("::1", "::1"), "port": ("0", 0), "store": ("memory://", "memory://"), "auth": ("none", "none"),
    "jwt_secret": (SECRET, SECRET), "jwt_public_key": ("key.pem", "key.pem"), "default_role": ("viewer", "viewer"),
    "jwt_jwks_url": ("https://id.example/keys", "https://id.example/keys"), "jwt_issuer": ("i", "i"), "jwt_audience": ("a", "a"),
    "insecure": ("true", True), "cors_origins": ("https://a.example, http://localhost:3000", ("https://a.example", "http://localhost:3000")),
    "trusted_proxies": ("10.0.0.0/8,::1", (ip_network("10.0.0.0/8"), ip_network("::1"))), "max_update_bytes": ("1MiB", 2**20), "node_name": ("n-1", "n-1"),
    "max_document_bytes": ("8 mb", 8 * 10**6), "max_participants": ("7", 7), "max_documents_per_connection": ("7", 7),
    "max_connections": ("7", 7), "head_timeout": ("7s", 7.0), "body_timeout": ("7s", 7.0), "keepalive_timeout": ("7s", 7.0),
    "max_connections_per_ip": ("7", 7), "rate_updates": ("7", 7), "rate_bytes": ("64KiB", 65536), "rate_awareness": ("7", 7), "compact_every": ("70", 70),
    "trash_keep": ("7d", 604800.0), "stream_keep": ("7", 7), "stream_keep_for": ("7d", 604800.0), "max_documents": ("7", 7), "max_store_bytes": ("7GiB", 7 * 2**30), "max_memory": ("7GiB", 7 * 2**30), "low_space": ("7GiB", 7 * 2**30), "max_versions": ("7", 7),
    "max_version_bytes": ("7MiB", 7 * 2**20), "participant_documents": ("7", 7), "participant_bytes": ("7MiB", 7 * 2**20),
    "send_buffer_bytes": ("65536", 65536), "checkpoint_interval": ("30m", 1800.0), "checkpoint_keep": ("0", 0),
    "idle_timeout": ("250ms", 0.25), "ping_interval": ("5", 5.0), "ping_timeout": ("5s", 5.0), "connect_timeout": ("1m", 60.0),
    "drain_timeout": ("1h", 3600.0), "log_format": ("json", "json"), "log_level": ("debug", "debug"),
    "redis": ("redis://127.0.0.1:6379/3", "redis://127.0.0.1:6379/3"), "redis_grace": ("2m", 120.0),
    "metrics_token": ("m" * 32, "m" * 32), "auth_callback_url": ("http://app:3000/who", "http://app:3000/who"),
    "webhooks": ("[]", ()), "auth_callback_secret": (CALLBACK_SECRET, CALLBACK_SECRET), "auth_callback_ttl": ("5m", 300.0),
}  # fmt: skip


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_can_be_given_in_three_ways(field: Any, toml: Any) -> None:
    name = field.name
    text, value = EXAMPLES.get(name, (str(field.default), field.default))
    assert getattr(load_settings({name: text}, {}), name) == value
    assert getattr(load_settings({}, {variable_name(name): text}), name) == value
    assert getattr(load_settings({}, {}, toml(f'{setting_name(name)} = "{text}"')), name) == value


def test_files_hold_numbers_lists_and_booleans_too(toml: Any) -> None:
    file = toml(
        'port = 9\ninsecure = true\nrate-bytes = 4096\ndrain-timeout = 2.5\ncors-origins = ["https://a.example"]\n'
    )
    loaded = load_settings({}, {}, file)
    assert (loaded.port, loaded.insecure, loaded.rate_bytes, loaded.drain_timeout) == (9, True, 4096, 2.5)
    assert loaded.cors_origins == ("https://a.example",)


def test_variables_that_are_no_settings_are_left_alone() -> None:
    load_settings({}, {
        "COLLAB_URL": "http://x", "COLLAB_TOKEN": "t", "COLLAB_FAILPOINT": "f", "COLLAB_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "COLLAB_SERVICE_HOST": "10.0.0.1", "COLLABORATORS": "5", "collab_port": "x",
    })  # fmt: skip


# -- units ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("262144", 262144), (262144, 262144), ("256KiB", 2**18), ("256kib", 2**18), ("1.5 MiB", 3 * 2**19), ("4MB", 4 * 10**6),
        ("1gib", 2**30), (" 2 GB ", 2 * 10**9), ("2048b", 2048), ("4096.0", 4096),
    ],
)  # fmt: skip
def test_sizes(text: Any, size: int) -> None:
    assert load_settings({"max_document_bytes": "10GiB", "rate_bytes": text}, {}).rate_bytes == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15.0),
        (15, 15.0),
        (0.5, 0.5),
        ("15s", 15.0),
        ("250ms", 0.25),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("30d", 2_592_000.0),
        ("1.5 H", 5400.0),
    ],
)
def test_durations(text: Any, seconds: float) -> None:
    assert load_settings({"idle_timeout": text}, {}).idle_timeout == seconds


@settings(max_examples=examples(60))
@given(st.integers(0, 10**9), st.sampled_from(["", "ms", "s", "m", "h", "d"]))
def test_durations_grow_with_their_number(number: int, unit: str) -> None:
    one, more = (load_settings({"idle_timeout": f"{n}{unit}"}, {}).idle_timeout for n in (number, number + 1))
    assert 0 <= one < more


# -- faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("port", "http", "from 0 to 65535"), ("port", "65536", "from 0 to 65535"), ("port", "-1", "from 0 to 65535"),
        ("port", "", "from 0 to 65535"), ("port", "80.5", "from 0 to 65535"), ("port", True, "from 0 to 65535"),
        ("max_participants", "0", "from 1"), ("max_participants", "many", "from 1"), ("checkpoint_keep", "-1", "from 0"),
        ("auth", "oauth", "none, jwt"), ("auth", "JWT", "none, jwt"), ("auth", "", "none, jwt"),
        ("default_role", "owner", "none, viewer, commenter, editor, admin"), ("log_format", "xml", "text, json"), ("log_level", "trace", "debug, info"),
        ("store", "mysql://x", "memory://, sqlite:///PATH or redis://"), ("store", "collab.db", "memory://, sqlite:///PATH or redis://"),
        ("store", "sqlite://", "memory://, sqlite:///PATH or redis://"), ("rate_bytes", "4 parsecs", "256KiB"), ("rate_bytes", "-5", "256KiB"),
        ("rate_bytes", "", "256KiB"), ("rate_bytes", "1e6", "256KiB"), ("rate_bytes", True, "256KiB"), ("rate_bytes", "10", "1KiB"),
        ("send_buffer_bytes", "0", "1KiB"), ("max_update_bytes", "1000", "1KiB"), ("drain_timeout", "soon", "15s"),
        ("drain_timeout", "-1s", "15s"), ("drain_timeout", "5 y", "15s"), ("ping_interval", "0", "more than 0s"),
        ("ping_timeout", "0ms", "more than 0s"), ("connect_timeout", "0", "more than 0s"), ("cors_origins", "example.com", "https://"),
        ("cors_origins", "https://a.example/path", "https://"), ("cors_origins", "null", "https://"),
        ("cors_origins", 5, "words behind commas"), ("trusted_proxies", "localhost", "10.0.0.0/8"),
        ("trusted_proxies", "10.0.0.0/33", "10.0.0.0/8"),
        ("insecure", "maybe", "true"),
        ("host", 5, "an address"),
        ("jwt_jwks_url", "keys.json", "http"),
        ("jwt_jwks_url", "ftp://id.example/keys", "http"), ("jwt_jwks_url", "file:///etc/passwd", "http"),
        ("port", 80.5, "from 0 to 65535"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_allowed(name: str, value: Any, allowed: str) -> None:
    line = fault({name: value})
    assert line.startswith(setting_name(name) + ": ")
    assert "allowed" in line
    assert allowed in line.partition("allowed: ")[2]
    # What was understood, and is only too small, is shown as it was understood.
    assert repr(value) in line or "is not allowed; allowed: 1KiB or more" in line or "more than 0s" in line


@pytest.mark.parametrize("value", ["0", "5", "", "-5"])
@pytest.mark.parametrize("name", ["max_update_bytes", "rate_bytes", "send_buffer_bytes"])
def test_sizes_that_would_stop_everything(name: str, value: str) -> None:
    assert fault({name: value}).startswith(setting_name(name))


def test_memory_is_enough_to_start_or_without_bound() -> None:
    assert (
        fault({"max_memory": "63MiB"})
        == "max-memory: 66060288 is not allowed; allowed: 64MiB or more, or 0 for no bound"
    )
    assert load_settings({"max_memory": "0"}, {}).max_memory == 0


def test_a_secret_is_never_shown(toml: Any) -> None:
    assert "hunter2" not in fault({}, {}, toml('jwt-secret = ["hunter2"]'))
    assert "hunter2" not in fault({}, {"COLLAB_JWT_SECRET": "hunter2", "COLLAB_PORT": "x"})
    assert "hunter2" not in fault({"jwt_jwks_url": "ftp://ann:hunter2@id.example/keys"})


def test_values_from_every_source_are_named_alike(toml: Any) -> None:
    lines = {fault({"port": "x"}), fault({}, {"COLLAB_PORT": "x"}), fault({}, {}, toml('port = "x"'))}
    assert lines == {"port: 'x' is not allowed; allowed: a whole number from 0 to 65535"}


def test_a_value_of_several_lines_is_shown_on_one(toml: Any) -> None:
    assert "\\n" in fault({}, {"COLLAB_AUTH": "none\nroot"})
    fault({}, {}, toml('auth = """\nnone\nroot\u2028"""'))


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([field.name for field in fields(Settings)]), st.text(max_size=40))
def test_any_text_is_a_value_or_is_refused_in_one_line(name: str, text: str) -> None:
    try:
        load_settings({}, {variable_name(name): text})
    except ConfigError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("prot", "did you mean port?"),
        ("rate-update", "did you mean rate-updates?"),
        ("zzz", "collab serve --help"),
        ("", ""),
    ],
)
def test_an_unknown_key_in_the_file(toml: Any, key: str, near: str) -> None:
    line = fault({}, {}, toml(f'"{key}" = 17'))
    assert line.startswith(f"{key}: unknown setting in ")
    assert ", with the value 17; " in line
    assert line.endswith("allowed: what collab serve --help lists")
    assert near in line


def test_tables_in_the_file_are_unknown_keys(toml: Any) -> None:
    assert "limits: unknown setting" in fault({}, {}, toml("[limits]\nport = 1"))


@pytest.mark.parametrize(
    ("variable", "near"),
    [("COLLAB_PROT", "COLLAB_PORT?"), ("COLLAB_SECRET", ""), ("COLLAB_", ""), ("COLLAB_PORTS", "COLLAB_PORT?")],
)
def test_an_unknown_variable(variable: str, near: str) -> None:
    line = fault({}, {variable: "1"})
    assert line.startswith(f"{variable}: unknown setting in the environment")
    assert near in line
    assert line.endswith("allowed: what collab serve --help lists")


@pytest.mark.parametrize(
    "text",
    [
        'jwt-secrt = "hunter2"', 'password = "hunter2"', 'stor = "redis://:hunter2@r/1"', '[limits]\nport = "hunter2"',
        f'note = "{"hunter2 " * 20}"', 'jwt = "hunter2"',
    ],
)  # fmt: skip
def test_an_unknown_key_that_may_hold_a_secret_hides_its_value(toml: Any, text: str) -> None:
    assert "with the value (hidden); " in fault({}, {}, toml(text))
    key, _, value = text.partition(" = ")
    if "[" not in key:
        environ = {f"COLLAB_{key.upper().replace('-', '_')}": value.strip('"')}
        assert "with the value (hidden); " in fault({}, environ)


def test_an_unknown_key_of_several_lines(toml: Any) -> None:
    fault({}, {}, toml('"a\\nb" = 1'))


def test_files_that_cannot_be_read(toml: Any, tmp_path: Path) -> None:
    assert "cannot be read" in fault({}, {}, str(tmp_path / "none.toml"))
    assert "cannot be read" in fault({}, {}, str(tmp_path))
    assert "cannot be read" in fault({}, {"COLLAB_CONFIG": str(tmp_path / "none.toml")})
    assert "cannot be read" in fault({}, {}, toml("port = = 5"))
    (tmp_path / "latin.toml").write_bytes(b"host = '\xff'")
    assert "cannot be read" in fault({}, {}, str(tmp_path / "latin.toml"))


# -- settings that do not go together ---------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.evil.com", "0", "8.8.8.8"]
)
def test_an_open_house_needs_to_be_wanted(host: str) -> None:
    line = fault({"host": host})
    assert line.startswith(f"host: {host!r}")
    assert "--insecure" in line
    assert "--auth jwt" in line
    assert load_settings({"host": host, "insecure": True}, {}).host == host
    assert load_settings({"host": host, "auth": "jwt", "jwt_secret": SECRET}, {}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_no_open_house(host: str) -> None:
    assert is_loopback(host)
    assert load_settings({"host": host}, {}).host == host


def test_tokens_need_exactly_one_key() -> None:
    keys = {"jwt_secret": SECRET, "jwt_public_key": "key.pem", "jwt_jwks_url": "https://id.example/keys"}
    assert "jwt-secret, jwt-public-key, jwt-jwks-url" in fault({"auth": "jwt"})
    for one in keys:
        load_settings({"auth": "jwt", one: keys[one]}, {})
        for other in keys.keys() - {one}:
            fault({"auth": "jwt", one: keys[one], other: keys[other]})
    assert fault({"auth": "jwt", "jwt_secret": ""}).startswith("jwt-secret")


def test_no_role_is_a_default_too() -> None:
    jwt = {"auth": "jwt", "jwt_secret": SECRET}
    for role in ({}, {"default_role": "none"}):
        authenticator = authenticator_for(load_settings({**jwt, **role}, {}))
        assert isinstance(authenticator, JwtAuthenticator)
        assert authenticator._default_role is None
    assert fault({"default_role": "none"}).startswith("default-role: 'none'"), "nobody could do anything"


def test_an_update_fits_into_a_document() -> None:
    line = fault({"max_update_bytes": "2MiB", "max_document_bytes": "1MiB"})
    assert line.startswith("max-update-bytes: 2097152")
    assert "1048576" in line


# -- the command ------------------------------------------------------------------------------------


def collab(*args: str, **environ: str) -> Result:
    without = dict.fromkeys(name for name in os.environ if name.startswith("COLLAB_"))
    return CliRunner(env={**without, **environ}).invoke(main, args, catch_exceptions=False)


def test_a_refused_start_is_one_line_and_exit_code_1() -> None:
    for ended in (
        collab("serve", "--host", "0.0.0.0"),
        collab("serve", COLLAB_HOST="::"),
        collab("check", "--host", "::"),
    ):
        assert ended.exit_code == 1
        assert ended.stdout == ""
        assert ended.stderr.count("\n") == 1
        assert ended.stderr.startswith("collab: host: ")


@pytest.mark.slow
def test_a_process_that_is_refused_ends_before_it_listens() -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLLAB_RATE_UPDATES": "fast"}
    command = [sys.executable, "-m", "collab", "serve", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "collab: rate-updates: 'fast' is not allowed; allowed: a whole number from 1 to 1000000\n"


def test_the_help_lists_every_setting_with_its_variable_and_default() -> None:
    words = collab("serve", "--help").stdout
    for field in fields(Settings):
        assert f"--{setting_name(field.name)}" in words
        assert variable_name(field.name) in words
    words = " ".join(words.split())
    for default in (
        "127.0.0.1",
        "8080",
        "sqlite:///collab.db",
        "4MiB",
        "15s",
        "admin without auth, none with",
        "same origin",
    ):
        assert f"default {default}]" in words
    for none in (
        "REDIS",
        "JWT_SECRET",
        "JWT_PUBLIC_KEY",
        "JWT_JWKS_URL",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "TRUSTED_PROXIES",
    ):
        assert f"[env COLLAB_{none}, default none]" in words
    assert words.count(", default ") == len(fields(Settings))


@pytest.mark.parametrize("value", ["a[/]b", "[bold]x", "x:smile:y", "two  spaces"])
def test_a_bad_value_is_shown_as_it_is(value: str) -> None:
    ended = collab("serve", "--store", value)
    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"collab: store: {value!r} is not allowed; allowed: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("serve", "--prot", "5"), ("--prot: no such option; did you mean --port",)),
        (("serve", "--zzzz"), ("--zzzz: no such option; allowed: what ", "serve --help lists")),
        (("docs", "list", "--jsn"), ("--jsn: no such option; did you mean --json", "docs list --help lists")),
        (("--zzzz",), ("--zzzz: no such option",)),
        (("serv",), ("No such command 'serv'",)),
        (("serve", "--port"), ("'--port' requires an argument",)),
        (("serve", "more"), ("more",)),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line_and_exit_code_2(
    args: tuple[str, ...], words: tuple[str, ...]
) -> None:
    ended = collab(*args)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("collab: ")
    assert all(word in ended.stderr for word in words), ended.stderr


def test_help_is_still_help() -> None:
    assert collab("--help").exit_code == 0
    assert "Commands:" in collab().output
    assert "Commands:" in collab("docs").output


# -- tokens -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--sub", "", "--grant", "*=editor"), "'--sub': '' is nobody's name"),
        (("--sub", " \u200b", "--grant", "*=editor"), "'--sub': "),
        (("--sub", "ann", "--grant", "*=editor", "--ttl", "0"), "'--ttl': '0' is not a duration from 1s"),
        (("--sub", "ann", "--grant", "*=editor", "--ttl", "500ms"), "'--ttl': '500ms' is not a duration from 1s"),
        (("--sub", "ann", "--grant", "*=editor", "--ttl", "-5"), "'--ttl': '-5' is not "),
        (("--sub", "ann", "--grant", "*=editor", "--ttl", "9" * 400), "'--ttl': '999"),
        (("--sub", "ann", "--grant", "team"), "'--grant': 'team' is not PATTERN=ROLE"),
        (("--sub", "ann", "--grant", "=editor"), "'--grant': '=editor' is not PATTERN=ROLE"),
        (("--sub", "ann", "--grant", "team=king"), "allowed are viewer, commenter, editor, admin"),
    ],
)  # fmt: skip
def test_tokens_that_would_be_of_no_use_are_not_minted(args: tuple[str, ...], words: str) -> None:
    ended = collab("token", "create", *args, COLLAB_JWT_SECRET=SECRET)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr


def test_a_token_is_minted() -> None:
    ended = collab(
        "token", "create", "--sub", "ann", "--grant", "team/a=b=editor", "--ttl", "1s", COLLAB_JWT_SECRET=SECRET
    )
    minted = jwt.decode(ended.stdout.strip(), SECRET, algorithms=["HS256"])
    assert minted["grants"] == [{"documents": "team/a=b", "role": "editor"}]
    assert minted["exp"] == minted["iat"] + 1


# -- redis ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"redis": "redis://r:7/1"}, {"store": "redis://r:7/1"},
        {"store": "redis://r:7/1", "redis": "redis://r:7/1"}, {"store": "redis://r:7?db=1", "redis": "redis://r:7/1"},
    ],
)  # fmt: skip
def test_a_node_keeps_its_documents_where_it_hears_of_them(given: dict[str, str]) -> None:
    loaded = load_settings(given, {})
    assert loaded.redis is not None
    assert loaded.store.startswith("redis://r:7")
    assert same_database(loaded.store, loaded.redis)


def test_two_redis_databases_are_refused_without_showing_passwords() -> None:
    line = fault({"store": "redis://:secret@r/1", "redis": "redis://:secret@r/2"})
    assert line.startswith("store: ")
    assert "secret" not in line
    assert "redis://:***@r/2" in line
    assert "secret" not in fault({"redis": "http://:secret@r/1"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"auth": "jwt", "jwt_secret": "x" * 31}, "jwt-secret: 31 bytes"),
        ({"auth": "jwt", "jwt_secret": "x" * 32}, None),
        ({"jwt_secret": "short"}, "jwt-secret: without auth jwt"),
        ({"jwt_issuer": "i", "jwt_audience": "a"}, "jwt-issuer, jwt-audience: without auth jwt"),
        ({"host": "0.0.0.0", "insecure": True}, "everybody may"),
        ({"cors_origins": "*"}, "every page"),
        ({"cors_origins": "*", "auth": "jwt", "jwt_secret": "x" * 32}, None),
        ({}, None),
    ],
)
def test_what_is_allowed_and_unwise_is_said(given: dict[str, Any], words: str | None) -> None:
    found = weaknesses(load_settings(given, {}))
    assert (words is None) == (not found)
    assert words is None or words in found[0]
    assert not any("xxx" in line or "short" in line for line in found)


def test_check_says_it_too(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["check", "--store", f"sqlite:///{tmp_path}/a.db", "--auth", "jwt", "--jwt-secret", "sesame"]
    )
    assert result.exit_code == 0
    assert "6 bytes" in " ".join(result.output.split())
    assert "sesame" not in result.output


# -- check and keys ---------------------------------------------------------------------------------


def public_pem(curve: Any) -> str:
    key = ec.generate_private_key(curve).public_key()
    return str(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def test_check_refuses_a_key_that_verifies_nothing(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public_pem(ec.SECP384R1()))
    for key in (str(file), file.read_text()):
        ended = collab("check", "--store", "memory://", "--auth", "jwt", "--jwt-public-key", key)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert ended.stderr.startswith("collab: jwt-public-key: ")
        assert ended.stderr.count("\n") == 1
        assert "secp384r1" in ended.stderr
        assert "P-256 (ES256)" in ended.stderr.partition("allowed: ")[2]


@pytest.fixture
def published(tmp_path: Path) -> Iterator[str]:
    """The URL of a directory, as HTTP."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def jwks(*curves: Any) -> str:
    algorithm = jwt.algorithms.ECAlgorithm
    keys = [algorithm.to_jwk(ec.generate_private_key(curve).public_key(), as_dict=True) for curve in curves]
    return json.dumps({"keys": [{**key, "kid": str(number)} for number, key in enumerate(keys)]})


def test_check_fetches_the_published_keys(tmp_path: Path, published: str) -> None:
    (tmp_path / "good.json").write_text(jwks(ec.SECP256R1(), ec.SECP384R1()))
    (tmp_path / "useless.json").write_text(jwks(ec.SECP384R1()))
    (tmp_path / "none.json").write_text('{"keys": []}')
    (tmp_path / "page.json").write_text("<html>")

    def check(url: str) -> Result:
        return collab("check", "--store", "memory://", "--auth", "jwt", "--jwt-jwks-url", url)

    found = check(f"{published}/good.json")
    assert found.exit_code == 0, found.output
    assert "jwt, 1 key(s) at" in " ".join(found.stdout.split())
    urls = [f"{published}/{name}.json" for name in ("useless", "none", "page", "missing")]
    for url in (*urls, "http://127.0.0.1:9/keys.json", "http://ann:hunter2@127.0.0.1:9/keys.json"):
        ended = check(url)
        assert (ended.exit_code, ended.stdout) == (1, ""), url
        assert ended.stderr.count("\n") == 1
        assert ended.stderr.startswith("collab: jwt-jwks-url: 'http://")
        assert "allowed: the URL of a JWKS" in ended.stderr
        assert "hunter2" not in ended.stderr


# -- sign-in by callback ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "auth-callback-url"),
        ({"auth_callback_url": "http://app/who"}, "auth-callback-secret"),
        ({"auth_callback_url": "http://app/who", "auth_callback_secret": "no base64"}, "auth-callback-secret"),
        ({"auth_callback_url": "app/who", "auth_callback_secret": CALLBACK_SECRET}, "auth-callback-url"),
        ({"auth_callback_url": "http://u:pass@", "auth_callback_secret": CALLBACK_SECRET}, "auth-callback-url"),
        ({"auth_callback_ttl": "a while"}, "auth-callback-ttl"),
    ],
)
def test_a_callback_needs_what_it_needs(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        load_settings({"auth": "callback", **given}, {})
    assert "no base64" not in str(refused.value) and "pass" not in str(refused.value)
    assert "\n" not in str(refused.value)


class _Application(SimpleHTTPRequestHandler):
    status = 401

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        return


@pytest.mark.parametrize(("status", "words"), [(401, "answers"), (403, "answers"), (500, "HTTP 500"), (200, "lets in")])
def test_check_asks_the_callback(status: int, words: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Application,), {"status": status})) as application:
        Thread(target=application.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{application.server_port}/who"
        ran = CliRunner().invoke(
            main,
            ["check", "--store", "memory://", "--auth", "callback", "--auth-callback-url", url,
             "--auth-callback-secret", CALLBACK_SECRET],
        )  # fmt: skip
        application.shutdown()
    assert (ran.exit_code, words in ran.output) == (0 if status in (401, 403) else 1, True), ran.output
