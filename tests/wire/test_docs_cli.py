"""``collab docs`` against a real server: what people read, what pipes and programs get, and how it fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from collab.commands.api_client import ApiClient, ApiError
from collab.documents.document import Document
from collab.errors import CollabError
from tests.support.api import JWT, Api, mint, where
from tests.wire.conftest import Serve

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning"),
]

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = [sys.executable, "-m", "collab", "docs"]


class Ended:
    """What a command has left behind."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode("utf-8", "replace")
        self.raw = out
        self.err = err.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)

    @property
    def fault(self) -> str:
        """The one line with which it failed."""
        assert self.code == 1, (self.code, self.out, self.err)
        assert self.out == ""
        assert self.err.startswith("collab: "), self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        return self.err.removeprefix("collab: ").strip()


def environment(api: Api | None, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COLLAB_")}
    own = {"PYTHONPATH": str(_ROOT), "COLUMNS": "100", "TERM": "xterm", "TZ": "UTC"}
    if api is not None:
        own["COLLAB_URL"] = api.server.url
        if api.token:
            own["COLLAB_TOKEN"] = api.token
    return {**kept, **own, **more}


async def begun(api: Api | None, *arguments: str, **more: Any) -> asyncio.subprocess.Process:
    """A command under way."""
    env = environment(api, **more.pop("env", {}))
    pipes = {"stdin": asyncio.subprocess.DEVNULL, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    return await asyncio.create_subprocess_exec(*_PROGRAM, *arguments, env=env, **{**pipes, **more})


async def docs(api: Api | None, *arguments: str, stdin: bytes | None = None, timeout: float = 60, **env: str) -> Ended:
    """Run ``collab docs`` to its end."""
    how = {"stdin": asyncio.subprocess.PIPE} if stdin is not None else {}
    process = await begun(api, *arguments, env=env, **how)
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Ended(process.returncode, out, err)


async def on_terminal(api: Api, *arguments: str, typed: bytes = b"", timeout: float = 60) -> tuple[int, str]:
    """Run it where a person looks; returns the exit code and all that was shown."""
    leader, follower = pty.openpty()
    process = await begun(api, *arguments, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, typed)
    shown = bytearray()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            piece = b""
        shown.extend(piece)
        if not piece and not ended.done():
            ended.set_result(None)

    loop.add_reader(leader, read)
    try:
        async with asyncio.timeout(timeout):
            code = await process.wait()
            await ended
    finally:
        loop.remove_reader(leader)
        os.close(leader)
    return code, shown.decode("utf-8", "replace")


async def eventually(condition: Callable[[], Any], timeout: float = 20.0) -> None:
    """Wait until ``condition()`` is true."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


async def hash_of(api: Api, document: str) -> str:
    """The hash of a document's content, as the server has it."""
    live = await api.server.hub.live(document)
    return live.document.content_hash()


# -- which server, as whom --------------------------------------------------------------------------------


async def test_options_stand_before_or_behind_the_command(serve: Serve) -> None:
    api = await serve(JWT)
    admin = api.as_(mint("*=admin"))
    await admin("PUT", where("notes"))
    url, token = api.server.url, str(admin.token)
    nowhere = {"COLLAB_URL": "http://127.0.0.1:1", "COLLAB_TOKEN": "nonsense"}
    for arguments, env in [
        (["--url", url, "--token", token, "--json", "list"], {}),
        (["list", "--url", url, "--token", token, "--json"], {}),
        (["--url", url, "list", "--json", "--token", token], nowhere),
        (["--json", "list"], {"COLLAB_URL": url + "/", "COLLAB_TOKEN": token}),
    ]:
        ended = await docs(None, *arguments, **env)
        assert ended.code == 0, ended.err
        assert [each["name"] for each in ended.json["documents"]] == ["notes"]
    assert "sign in" in (await docs(api, "list")).fault
    assert "not valid" in (await docs(api, "list", "--token", "nonsense")).fault


async def test_a_server_that_is_not_there(api: Api) -> None:
    url = "http://127.0.0.1:1"
    for command in (["list"], ["show", "x"], ["watch", "x"], ["export", "--all"], ["apply", "x", "--op", '{"op": 1}']):
        fault = (await docs(api, *command, "--url", url)).fault
        assert fault == f"{url} cannot be reached: Connection refused"
    for wrong in ("nonsense", "ftp://x", "http://"):
        assert (await docs(api, "list", "--url", wrong)).code == 2


async def test_a_server_that_is_something_else(api: Api) -> None:
    assert (await docs(api, "list", "--url", api.server.url + "/elsewhere")).fault.startswith(
        "This is not a collab server"
    )


async def test_wrong_usage(api: Api) -> None:
    for command in [
        ["list", "--nonsense"], ["show"], ["show", "a//b"], ["restore", "x", "one"], ["restore", "x", "0"],
        ["export"], ["export", "a", "--all"], ["export", "a", "b", "--format", "json"], ["import", "--format", "json"],
        ["export", "a", "--format", "pdf"], ["nonsense"],
    ]:  # fmt: skip
        ended = await docs(api, *command)
        assert ended.code == 2, command
        assert ended.out == ""


# -- completion -------------------------------------------------------------------------------------------


async def test_shells_complete_commands_options_and_names(serve: Serve) -> None:
    api = (await serve(JWT)).as_(mint("team/*=editor"))
    for name in ("team/notes", "team/nightly", "team/plan"):
        await api("PUT", where(name))

    async def offered(line: str, **env: str) -> list[str]:
        words = line.split(" ")
        asked = {"_COLLAB_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from collab.commands.main import main; main(prog_name='collab')",
            env=environment(api, **asked, **env), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert err == b""
        return [item.partition(",")[2] for item in out.decode().split("\n") if item]

    assert await offered("collab docs exp") == ["export"]
    assert await offered("collab docs export --form") == ["--format"]
    assert await offered("collab docs export --format m") == ["markdown"]
    assert await offered("collab docs show team/n") == ["team/nightly", "team/notes"]
    assert await offered("collab docs delete team/plan team/no") == ["team/notes"]
    assert await offered("collab docs show team/n", COLLAB_URL="http://127.0.0.1:1") == []
    assert await offered("collab docs show team/n", COLLAB_TOKEN="wrong") == []
    sourced = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from collab.commands.main import main; main(prog_name='collab')",
        env=environment(api, _COLLAB_COMPLETE="zsh_source"), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert b"compdef" in (await sourced.communicate())[0]


# -- looking ----------------------------------------------------------------------------------------------


async def test_list(api: Api) -> None:
    await api.write("team/notes", "hello")
    for name in ("a", "team/Grüße", "z"):
        await api("PUT", where(name))
    ended = await docs(api, "list")
    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert [row[0] for row in rows] == ["a", "team/Grüße", "team/notes", "z"]
    assert all(len(row) == 4 for row in rows)
    assert int(rows[2][1]) > 0
    assert rows[2][2].endswith("Z")
    assert [each["name"] for each in (await docs(api, "list", "--json", "--prefix", "team/")).json["documents"]] == [
        "team/Grüße", "team/notes",
    ]  # fmt: skip
    assert len((await docs(api, "list", "--limit", "3", "--json")).json["documents"]) == 3
    async with api.events("team/notes") as stream:
        await stream.until("presence")
        code, shown = await on_terminal(api, "list")
    assert code == 0
    lines = shown.splitlines()
    assert "name" in lines[0]
    assert "people" in lines[0]
    assert "\x1b[1m" in lines[0], "heads are bold"
    assert [line.split()[-1] for line in lines if "team/notes" in line] == ["1"]


async def test_show(api: Api) -> None:
    await api.edit(
        "notes",
        {"op": "text.insert", "path": "/body", "index": 0, "text": "Hi [you]"},
        {"op": "map.set", "path": "/meta/title", "value": "T"},
    )
    ended = await docs(api, "show", "notes", "--json")
    assert ended.json["content"] == {"body": "Hi [you]", "meta": {"title": "T"}}
    assert ended.json["participants"] == []
    assert ended.json["name"] == "notes"
    assert (await docs(api, "show", "notes")).json == ended.json["content"]
    assert (await docs(api, "show", "notes", "--path", "/body")).out == "Hi [you]\n"
    async with api.events("notes", query="?name=Ann") as stream:
        await stream.until("presence")
        code, shown = await on_terminal(api, "show", "notes")
    assert code == 0
    assert "Ann" in shown
    assert "(admin)" in shown
    assert "Hi [you]" in shown
    assert (await docs(api, "show", "none")).fault == "This document does not exist."
    assert "nothing at this path" in (await docs(api, "show", "notes", "--path", "/x")).fault


# -- changing ---------------------------------------------------------------------------------------------


async def test_apply(api: Api, tmp_path: Path) -> None:
    insert = {"op": "text.insert", "path": "/body", "index": 0, "text": "one "}
    first = await docs(api, "apply", "notes", "--op", json.dumps(insert), "--json")
    assert first.code == 0
    assert first.json["name"] == "notes"
    assert first.json["position"] > 0
    for whole in ([insert, insert], {"operations": [insert]}):
        ended = await docs(api, "apply", "notes", stdin=json.dumps(whole).encode())
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    file = tmp_path / "operations.json"
    file.write_text(json.dumps([{"op": "map.set", "path": "/meta/x", "value": [1]}]))
    assert (await docs(api, "apply", "notes", str(file))).code == 0
    content = (await api("GET", where("notes") + "/content")).json
    assert content == {"body": "one one one one ", "meta": {"x": [1]}}


async def test_apply_refuses_all_of_a_bad_batch(api: Api) -> None:
    await api.write("notes", "hello")
    good = {"op": "text.insert", "path": "/body", "index": 0, "text": "no"}
    for bad, words in [
        ({"op": "text.cut", "path": "/body"}, "Operation 1: unknown op"),
        ({"op": "text.delete", "path": "/body", "index": 3, "length": 9}, "Operation 1:"),
        ([], "Operation 1:"),
    ]:
        ended = await docs(api, "apply", "notes", stdin=json.dumps([good, bad]).encode())
        assert words in ended.fault
    assert "this cannot be read" in (await docs(api, "apply", "notes", stdin=b"{nonsense")).fault
    assert "has to be a list" in (await docs(api, "apply", "notes", stdin=b"7")).fault
    assert "No such file" in (await docs(api, "apply", "notes", "/nowhere")).fault
    assert await api.read("notes") == "hello"


async def test_roles(serve: Serve) -> None:
    api = await serve(JWT)
    await api.as_(mint("*=admin")).write("notes", "hello")
    viewer = api.as_(mint("*=viewer"))
    assert (await docs(viewer, "export", "notes", "--format", "text")).out == "hello"
    update = {"op": "text.insert", "path": "/body", "index": 0, "text": "x"}
    for command in (
        ["apply", "notes", "--op", json.dumps(update)],
        ["versions", "notes", "--save", "x"],
        ["restore", "notes", "1"],
    ):
        assert (await docs(viewer, *command)).fault == "You can view this document but not change it."
    assert (await docs(viewer, "delete", "notes", "--yes")).fault == "notes: You do not have access to this."
    assert await api.as_(mint("*=admin")).read("notes") == "hello"


async def test_delete_asks(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api("PUT", where(name))
    ended = await docs(api, "delete", "a")
    assert ended.code == 2
    assert "--yes" in ended.err
    code, shown = await on_terminal(api, "delete", "a", typed=b"n\n")
    assert code == 1
    assert "Delete a?" in shown
    assert (await api("GET", where("a"))).status == 200
    code, _ = await on_terminal(api, "delete", "a", typed=b"y\n")
    assert code == 0
    assert (await docs(api, "delete", "b", "c", "--yes", "--json")).json == {"deleted": ["b", "c"]}
    assert (await docs(api, "list")).out == ""
    assert (await docs(api, "delete", "b", "-y")).fault == "b: This document does not exist."


async def test_the_trash(api: Api) -> None:
    for name in ("a", "b"):
        await api.write(name, f"text of {name}")
    assert (await docs(api, "delete", "a", "b", "-y")).code == 0
    listed = (await docs(api, "list", "--deleted")).out.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["a", "b"]
    assert len(listed[0].split("\t")) == 4
    assert [each["name"] for each in (await docs(api, "list", "--deleted", "--json")).json["documents"]] == ["a", "b"]
    assert (await docs(api, "undelete", "a", "--json")).json == {"undeleted": ["a"]}
    assert await api.read("a") == "text of a"
    assert (await docs(api, "undelete", "a")).fault == "a: The trash has no document with this name."
    await api.write("b", "anew")
    assert (await docs(api, "undelete", "b")).fault == "b: There is a document with this name."
    assert (await docs(api, "delete", "b", "--forever", "-y")).code == 0
    assert (await docs(api, "list", "--deleted")).out == ""


async def test_a_version_is_deleted(api: Api) -> None:
    await api.write("notes", "one")
    await docs(api, "versions", "notes", "--save", "First")
    assert (await docs(api, "versions", "notes", "--delete", "1", "--json")).json == {"deleted": 1}
    assert (await docs(api, "versions", "notes")).out == ""
    assert (await docs(api, "versions", "notes", "--delete", "1")).fault == "This document has no such version."
    assert (await docs(api, "versions", "notes", "--delete", "1", "--save", "x")).code == 2


async def test_versions(api: Api) -> None:
    await api.write("notes", "one")
    assert (await docs(api, "versions", "notes", "--save", "First", "--json")).json["name"] == "First"
    await api.write("notes", "two")
    assert (await docs(api, "versions", "notes", "--save", "Second")).code == 0
    rows = [line.split("\t") for line in (await docs(api, "versions", "notes")).out.splitlines()]
    assert [row[1] for row in rows] == ["Second", "First"]
    listed = (await docs(api, "versions", "notes", "--json")).json["versions"]
    assert [each["name"] for each in listed] == ["Second", "First"]
    ended = await docs(api, "restore", "notes", rows[1][0], "--json")
    assert ended.json["position"] > 0
    assert await api.read("notes") == "one"
    assert (await docs(api, "restore", "notes", "99")).fault == "This document has no such version."


# -- files ------------------------------------------------------------------------------------------------


async def test_export_in_every_format(api: Api, tmp_path: Path) -> None:
    await api.edit(
        "notes",
        {"op": "text.insert", "path": "/body", "index": 0, "text": "Title\nplain and bold\n"},
        {"op": "text.format", "path": "/body", "index": 5, "length": 1, "attributes": {"header": 1}},
        {"op": "text.format", "path": "/body", "index": 16, "length": 4, "attributes": {"bold": True}},
        {"op": "map.set", "path": "/board/shapes/s1", "value": {"type": "rectangle", "x": 5, "y": 5, "w": 50, "h": 30}},
    )
    expected = {
        "json": lambda body: json.loads(body)["body"] == "Title\nplain and bold\n",
        "markdown": lambda body: body == b"# Title\n\nplain and **bold**\n",
        "update": lambda body: Document.load(body, []).content_hash() != Document().content_hash(),
        "svg": lambda body: body.startswith(b"<svg ") and b"<rect " in body,
    }
    for kind, good in expected.items():
        assert good((await docs(api, "export", "notes", "--format", kind)).raw), kind
    assert (await docs(api, "export", "notes", "--format", "text", "--path", "/body")).out == "Title\nplain and bold\n"
    for suffix, kind in [("md", "markdown"), ("json", "json"), ("yjs", "update"), ("svg", "svg"), ("txt", "text")]:
        file = tmp_path / f"notes.{suffix}"
        assert (await docs(api, "export", "notes", "-o", str(file))).code == 0
        assert file.read_bytes() == (await docs(api, "export", "notes", "--format", kind)).raw
    assert len(list(tmp_path.iterdir())) == 5
    kept = (tmp_path / "notes.json").read_bytes()
    assert (await docs(api, "export", "none", "-o", str(tmp_path / "notes.json"))).code == 1
    assert (tmp_path / "notes.json").read_bytes() == kept, "a failure leaves the file that was there"
    assert len(list(tmp_path.iterdir())) == 5
    for command in (["export", "notes", "--format", "update"], ["export", "--all"]):
        code, shown = await on_terminal(api, *command)
        assert code == 2
        assert "binary" in shown
    assert (await docs(api, "export", "notes", "-o", "/dev/null")).code == 0


@pytest.mark.parametrize("kind", ["text", "markdown", "json", "update"])
async def test_what_was_exported_is_imported(api: Api, tmp_path: Path, kind: str) -> None:
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    body += "Title\n"
    if kind != "text":
        body.insert(6, "bold", {"bold": True})
        body.insert(10, " and 😀 plain\n")
        body.format(5, 6, {"header": 2})
    if kind in ("json", "update"):
        doc.get("list", type=Array).extend([1, "two", None])
        doc.get("map", type=Map).update({"a/b": {"x": 1.5}})
    await api("POST", where("old") + "/update", data=doc.get_update())
    exported = (
        await docs(api, "export", "old", "--format", kind, *(["--path", "/body"] if kind == "text" else []))
    ).raw
    assert (await docs(api, "import", "new", "--format", kind, stdin=exported)).code == 0
    old, new = [(await api("GET", where(name) + "/content")).json for name in ("old", "new")]
    if kind == "text":
        old = {"body": old["body"]}
    if kind != "markdown":  # which makes rich text, as the demo keeps it
        assert new == old
    if kind in ("markdown", "update"):
        assert (await docs(api, "export", "new", "--format", kind)).raw == exported
    before = (await docs(api, "import", "new", "--format", kind, "--json", stdin=exported)).json["position"]
    after = (await docs(api, "import", "new", "--format", kind, "--json", stdin=exported)).json["position"]
    assert before == after, "nothing differs, so nothing is written"


async def test_importing_makes_the_smallest_edit(api: Api, tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(2000))
    file = tmp_path / "notes.txt"
    file.write_text(text)
    assert (await docs(api, "import", "notes", "-i", str(file))).code == 0
    async with api.events("notes") as stream:
        await stream.until("update")
        file.write_text(text.replace("line 1000\n", "line one thousand\n"))
        assert (await docs(api, "import", "notes", "-i", str(file))).code == 0
        assert len((await stream.until("update")).data) < 200
        assert stream.text == file.read_text()
    board = {"title": "x", "shapes": {"a": 1, "b": 2}, "log": [1, 2]}
    assert (await docs(api, "import", "board", "--format", "json", stdin=json.dumps(board).encode())).code == 0
    board["shapes"] = {"b": 3, "c/~": {"d": []}}
    board["log"] = [2]
    assert (await docs(api, "import", "board", "--format", "json", stdin=json.dumps(board).encode())).code == 0
    assert (await api("GET", where("board") + "/content")).json == board
    for wrong in (b"[1]", b'{"a": 1}', b"{", b"\xff"):
        assert (await docs(api, "import", "wrong", "--format", "json", stdin=wrong)).fault
    assert (await docs(api, "import", "wrong", "--format", "update", stdin=b"nonsense")).fault
    assert (await api("GET", where("wrong"))).status == 404


async def fill(api: Api, seed: int = 1) -> list[str]:
    """Documents of all kinds; returns their names."""
    chance = random.Random(seed)
    names = ["a", "team/notes", "team/Grüße 你好", "x" * 200, "😀/{b}/c.yjs", "a.yjs"]
    for name in names:
        doc: Doc[Any] = Doc()
        body = doc.get("body", type=Text)
        for _ in range(60):
            body.insert(
                chance.randint(0, len(str(body).encode())) if str(body).isascii() else 0,
                "words 😀 "[: chance.randint(1, 8)],
            )
            if len(str(body)) > 20 and str(body).isascii() and chance.random() < 0.3:
                del body[0:3]
        doc.get("map", type=Map)["key"] = chance.random()
        await api("POST", where(name) + "/update", data=doc.get_update())
    await api("PUT", where("empty"))
    return sorted([*names, "empty"])


async def test_a_whole_server_moves_through_a_pipe(serve: Serve, tmp_path: Path) -> None:
    old, new = await serve(), await serve({"store": f"sqlite:///{tmp_path}/new.db"})
    names = await fill(old)
    read_end, write_end = os.pipe()
    exporting = await begun(old, "export", "--all", stdout=write_end)
    importing = await begun(new, "import", "--json", stdin=read_end)
    os.close(write_end)
    os.close(read_end)
    async with asyncio.timeout(60):
        _, err = await exporting.communicate()
        assert (exporting.returncode, err) == (0, b"")
        out, err = await importing.communicate()
        assert (importing.returncode, err) == (0, b"")
    assert [each["name"] for each in json.loads(out)["documents"]] == names
    listed = (await new("GET", "/documents")).json["documents"]
    assert [each["name"] for each in listed] == names
    for name in names:
        assert await hash_of(new, name) == await hash_of(old, name), name
    again = await docs(old, "export", "team/notes", "a", "-o", str(tmp_path / "two.tar"))
    assert again.code == 0
    assert [each["name"] for each in (await docs(new, "import", "-i", str(tmp_path / "two.tar"), "--json")).json["documents"]] == [
        "team/notes", "a",
    ]  # fmt: skip


async def test_archives_that_are_not_whole(serve: Serve, tmp_path: Path) -> None:
    old, new = await serve(), await serve()
    await fill(old)
    whole = (await docs(old, "export", "--all")).raw
    for part in (len(whole) // 2, len(whole) // 2 + 300, len(whole) - 10240 - 1024):
        assert "export" in (await docs(new, "import", stdin=whole[:part])).fault
    for wrong in (b"", b"nonsense", b"\0" * 10240):
        assert (await docs(new, "import", stdin=wrong)).fault.startswith("this is no collab export")
    import gzip

    assert (await docs(new, "import", stdin=gzip.compress(whole))).code == 0


async def test_a_document_larger_than_any_update_may_be(serve: Serve, tmp_path: Path) -> None:
    old = await serve({"store": f"sqlite:///{tmp_path}/old.db"})
    limits = {"max_update_bytes": 300_000, "rate_bytes": 10**9, "rate_updates": 10**6}
    new = await serve({"store": f"sqlite:///{tmp_path}/new.db", **limits})
    live = await old.server.hub.live("big")
    doc: Doc[Any] = Doc()
    body, values = doc.get("body", type=Text), doc.get("list", type=Array)
    for number in range(8):
        before = doc.get_state()
        body.insert(0, f"{number} " + "Ein langer Satz 😀. " * 20_000)
        values.extend([{"n": number, "words": "x" * 100}] * 1000)
        live.apply(doc.get_update(before), lambda _result: None, session=None, participant=None)
    assert live.document.measure() > 4_000_000
    file = tmp_path / "all.tar"
    assert (await docs(old, "export", "--all", "-o", str(file))).code == 0
    code, shown = await on_terminal(new, "import", "-i", str(file))
    assert code == 0, shown
    assert "importing" in shown, "long work shows that it goes on"
    assert await hash_of(new, "big") == await hash_of(old, "big")


# -- watching ---------------------------------------------------------------------------------------------


class Watch:
    """``collab docs watch``, read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until(self, words: str, timeout: float = 20) -> str:
        """The next line that holds ``words``."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout):
            while True:
                line = (await self.process.stdout.readline()).decode()
                assert line, f"ended before {words!r}: {self.lines}"
                self.lines.append(line)
                if words in line:
                    return line

    async def end(self, number: int | None = signal.SIGINT) -> tuple[int, str]:
        """Press Ctrl-C (None: wait until it ends by itself); returns the exit code and stderr."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(20):
            _, err = await self.process.communicate()
        assert self.process.returncode is not None
        assert b"Traceback" not in err, err
        return self.process.returncode, err.decode()


async def test_watch_tells_edits_and_people(api: Api) -> None:
    await api.write("notes", "hello")
    watch = Watch(await begun(api, "watch", "notes", "--as", "Nobody", env={"PYTHONUNBUFFERED": "1"}))
    await watch.until("opened body (5 characters)")
    await watch.until("Nobody is here")
    await api.write("notes", "hello, [bold]world[/bold]")
    assert '+20 ", [bold]world[/bold]"' in await watch.until("body at 5")
    await api.edit("notes", {"op": "text.delete", "path": "/body", "index": 0, "length": 5})
    assert '−5 "hello"' in await watch.until("body at 0")
    await api.edit("notes", {"op": "map.set", "path": "/meta/title", "value": "\x1b]0;evil\x07"})
    assert "title" in await watch.until("meta")
    async with api.events("notes", query="?name=Eve%1B[31m") as stream:
        await stream.until("presence")
        assert "\x1b" not in await watch.until("Eve")
    await watch.until("left")
    assert await watch.end() == (0, "")


async def test_watch_for_programs_goes_on_after_a_restart(serve: Serve, tmp_path: Path) -> None:
    api = await serve({"store": f"sqlite:///{tmp_path}/a.db"})
    await api.write("notes", "one")
    watch = Watch(await begun(api, "watch", "notes", "--json"))
    first = json.loads(await watch.until('"update"'))
    assert first["changes"] == [{"root": "body", "content": "one"}]
    assert json.loads(await watch.until('"presence"'))["joined"]
    await api.server.stop()
    await api.server.start()
    await api.write("notes", "one two")
    seen = []
    while not seen or seen[-1] != {"root": "body", "index": 3, "removed": "", "inserted": " two"}:
        seen += json.loads(await watch.until('"update"'))["changes"]
    assert len(seen) == 1, "nothing twice"
    await api("DELETE", where("notes"))
    assert json.loads(await watch.until('"notice"'))["code"] == "document_deleted"
    code, err = await watch.end(None)
    assert code == 1
    assert err.splitlines()[-1] == "collab: This document was deleted."


# -- trouble on the way -----------------------------------------------------------------------------------


async def test_a_restart_in_the_middle_of_an_import(serve: Serve, tmp_path: Path) -> None:
    api = await serve({"store": f"sqlite:///{tmp_path}/a.db"})
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, "a long text " * 150_000)
    importing = await begun(api, "import", "big", "--format", "update", "--json", stdin=asyncio.subprocess.PIPE)
    assert importing.stdin is not None
    importing.stdin.write(doc.get_update())
    importing.stdin.close()
    await eventually(lambda: "big" in api.server.hub.documents and api.server.hub.documents["big"].journal.position)
    await api.server.stop()
    await asyncio.sleep(0.3)
    await api.server.start()
    async with asyncio.timeout(60):
        out, err = await importing.communicate()
    assert (importing.returncode, err) == (0, b"")
    assert json.loads(out)["name"] == "big"
    assert await hash_of(api, "big") == Document.load(doc.get_update(), []).content_hash()


async def test_an_edit_is_made_once_though_its_answer_was_lost(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.write("notes", "x")
    append = api.server.hub.store.append
    lost = 0

    def losing(*arguments: Any) -> asyncio.Future[int]:
        nonlocal lost
        future: asyncio.Future[int] = append(*arguments)
        if lost == 0:
            lost = 1
            for connection in list(api.server.connections):
                connection.transport.abort()
        return future

    monkeypatch.setattr(api.server.hub.store, "append", losing)
    insert = {"op": "text.insert", "path": "/body", "index": 0, "text": "once "}
    assert (await docs(api, "apply", "notes", "--op", json.dumps(insert))).code == 0
    assert lost == 1
    monkeypatch.undo()
    assert await api.read("notes") == "once x"


async def test_the_client_gives_up_in_the_end(serve: Serve) -> None:
    api = await serve()
    async with ApiClient(api.server.url, patience=0.5) as client:
        assert [each async for each in client.documents()] == []
        await api.server.stop()
        with pytest.raises(ApiError, match="cannot be reached") as caught:
            await client.call("GET", "/documents")
        assert caught.value.code == "unreachable"
        events = client.events("notes")
        assert isinstance(await anext(events), ApiError), "it says that the connection is lost, and goes on"
        with pytest.raises(ApiError, match="cannot be reached"):
            await anext(events)
    await api.server.start()


async def test_the_client_waits_where_it_is_told_to(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    names = api.server.hub.store.names
    refusals = 2

    async def busy(*arguments: Any) -> Any:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise CollabError("storage_unavailable", retry_after=0.2)
        return await names(*arguments)

    monkeypatch.setattr(api.server.hub.store, "names", busy)
    async with ApiClient(api.server.url) as client:
        began = asyncio.get_running_loop().time()
        assert [each async for each in client.documents()] == []
        assert asyncio.get_running_loop().time() - began >= 0.4
    refusals = 1000
    async with ApiClient(api.server.url, patience=0.3) as client:
        with pytest.raises(ApiError) as caught:
            await client.call("GET", "/documents")
        assert caught.value.code == "storage_unavailable"


async def test_nobody_reads_the_output_any_more(api: Api) -> None:
    for number in range(3):
        await api("PUT", where(f"{number}"))
    read_end, write_end = os.pipe()
    process = await begun(api, "list", stdout=write_end)
    os.close(read_end)
    os.close(write_end)
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert err == b""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
