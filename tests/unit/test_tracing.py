"""One edit is one trace: its spans, where they end, what commits and bells know of it, and that off is off."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from collab.cluster.local import LocalCluster
from collab.config import ConfigError
from collab.errors import CollabError
from collab.hub.follower import Follower
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.slow_lane import PIECE_BYTES
from collab.observe.tracing import MOST_CARRIED, Tracing, exporters
from collab.protocol.bells import Bell
from collab.stores.sqlite import SqliteStore
from tests.support.documents import typed
from tests.support.repository import ROOT
from tests.support.traces import Kept
from tests.unit.test_follower import THEIRS, Copy, Log

HERE: dict[str, Any] = {"session": None, "participant": "ann"}


class House:
    """A hub whose edits are traced."""

    def __init__(self, path: Path) -> None:
        self.kept = Kept()
        self.hub = Hub(SqliteStore(str(path)), DocumentLimits())
        self.kept.tracing.attach(self.hub)

    async def edit(self, update: bytes) -> int | CollabError:
        live = await self.hub.live("notes")
        told: asyncio.Future[int | CollabError] = asyncio.get_running_loop().create_future()
        live.apply(update, told.set_result, **HERE)
        async with asyncio.timeout(30):
            return await told


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "a.db")
    await house.hub.start()
    yield house
    await house.hub.close()


async def test_an_edit_is_one_trace_that_ends_with_its_ack(house: House) -> None:
    (first,) = typed("a")
    position = await house.edit(first)
    (edit,) = house.kept.seen("collab.edit")
    assert edit.parent == ""
    assert edit.attributes == {
        "collab.event": "update", "collab.bytes": len(first), "collab.document": "notes",
        "collab.participant": "ann", "collab.position": position,
    }  # fmt: skip
    below = {span.name: span for span in house.kept.seen() if span.parent == edit.id}
    assert below.keys() == {"collab.apply", "collab.save", "collab.commit"}
    assert {span.trace for span in below.values()} == {edit.trace}
    assert edit.began <= below["collab.apply"].began <= below["collab.save"].began
    assert below["collab.commit"].ended <= below["collab.save"].ended <= edit.ended
    assert not edit.failed


async def test_a_commit_links_all_edits_in_it(house: House) -> None:
    live = await house.hub.live("notes")
    told: list[int | CollabError] = []
    for update in typed("a", "b", "c", "d"):
        live.apply(update, told.append, **HERE)
    async with asyncio.timeout(30):
        while len(told) < 4:
            await asyncio.sleep(0.005)
    edits, commits = house.kept.seen("collab.edit"), house.kept.seen("collab.commit")
    assert len({edit.trace for edit in edits}) == 4
    assert sorted(link for commit in commits for link in commit.links) == sorted(edit.id for edit in edits)
    assert sum(commit.attributes["collab.rows"] for commit in commits) == 4
    assert len(commits) < 4, "they waited for each other"


async def test_what_is_refused_ends_with_its_code(house: House) -> None:
    live = await house.hub.live("notes")
    with pytest.raises(CollabError):
        live.apply(b"nonsense", nobody_waits, **HERE)
    (edit,) = house.kept.seen("collab.edit")
    assert (edit.failed, edit.attributes["collab.code"]) == (True, "invalid_update")
    assert {span.name for span in house.kept.seen()} == {"collab.edit", "collab.apply"}


async def test_what_cannot_be_saved_ends_with_that(house: House, tmp_path: Path) -> None:
    first, second = typed("a", "b")
    await house.edit(first)
    log = house.hub.store._log  # type: ignore[attr-defined]
    healthy = log.commit

    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    log.commit = full
    assert isinstance(await house.edit(second), CollabError)
    log.commit = healthy
    edit = house.kept.seen("collab.edit")[1]
    assert (edit.failed, edit.attributes["collab.code"]) == (True, "storage_unavailable")
    assert any(commit.failed and commit.trace == edit.trace for commit in house.kept.seen("collab.commit"))


async def test_what_takes_many_turns_is_one_edit_all_the_same(house: House) -> None:
    whole = typed("x" * (3 * PIECE_BYTES))[0]
    live = await house.hub.live("notes")
    live.limits = DocumentLimits(max_document_bytes=4 * PIECE_BYTES)
    live.document.size = 2 * PIECE_BYTES  # an upper estimate, so that it is looked at closely
    assert not isinstance(await house.edit(whole), CollabError)
    (edit,) = house.kept.seen("collab.edit")
    assert len(house.kept.seen("collab.apply")) == 1
    commits = house.kept.seen("collab.commit")
    assert commits
    assert {link for commit in commits for link in commit.links} == {edit.id}


async def test_an_edit_that_answers_another_is_an_edit_of_its_own(house: House) -> None:
    """A program's answer to an edit runs in the midst of it; other documents are other edits."""
    (first,) = typed("a")
    notes, log = await house.hub.live("notes"), await house.hub.live("log")
    told: list[object] = []

    def answer(result: int | CollabError) -> None:
        told.append(result)
        log.apply(first, told.append, **HERE)

    with house.kept.tracing.inside(house.kept.tracing.begin("sync-update", 1, {}, frame=True)):
        notes.apply(first, nobody_waits, **HERE)
        answer(0)
    async with asyncio.timeout(30):
        while len(house.kept.seen("collab.edit")) < 2:
            await asyncio.sleep(0.005)
    assert len({edit.trace for edit in house.kept.seen("collab.edit")}) == 2


async def test_an_edit_belongs_to_what_is_traced_around_it_but_a_frame_does_not(house: House) -> None:
    tracer = house.kept.tracing._tracer
    with tracer.start_as_current_span("request"):
        await house.edit(typed("a")[0])
        house.kept.tracing.begin("sync-update", 1, {}, frame=True).end()
    (request,) = house.kept.seen("request")
    inside, frame = house.kept.seen("collab.edit")
    assert (inside.parent, inside.trace) == (request.id, request.trace)
    assert (frame.parent, frame.trace != request.trace) == ("", True)


async def test_of_edits_that_are_not_sampled_nothing_is_told() -> None:
    tracing = Tracing(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    edit = tracing.begin("update", 1, {}, frame=True)
    assert tracing.carried([edit, None]) == ""
    tracing.committed([edit, None], 0.1, None)
    edit.end(1)


def test_a_bell_carries_so_many_and_what_it_carries_is_gone_on_with() -> None:
    kept = Kept()
    edits = [kept.tracing.begin("update", 1, {}, frame=True) for _ in range(MOST_CARRIED + 5)]
    carried = kept.tracing.carried([None, edits[0], *edits])
    assert carried.split(",") == [edit.carried for edit in edits[:MOST_CARRIED]]
    assert " " not in carried
    spans = kept.tracing.follow("notes", Bell("there", "e1", 1, 2, (), f"nonsense,{edits[0].carried}"))
    assert len(spans) == 1
    spans[0].end()
    edits[0].end(1)
    (followed,), (edit,) = kept.seen("collab.follow"), kept.seen("collab.edit")
    assert (followed.trace, followed.parent) == (edit.trace, edit.id)
    assert followed.attributes == {"collab.document": "notes", "collab.from": "there", "collab.entries": 2}


class Elsewhere(LocalCluster):
    node = "our-node"


async def test_a_follower_traces_what_it_hears_and_says_what_it_has_to_read() -> None:
    kept, hub = Kept(), Hub(SqliteStore("unused.db"), DocumentLimits())
    kept.tracing.attach(hub)
    log, copy = Log(), Copy()
    follower: Follower = hub.follower_type("notes", log, Elsewhere(), lambda _name: None)  # type: ignore[arg-type]
    follower.start(copy, None)  # type: ignore[arg-type]
    edit = kept.tracing.begin("update", 1, {}, frame=True)
    first, second, third = typed("a", "b", "c")
    log.entries = [first, second, third]
    follower.hear(Bell(THEIRS, "one", 1, 1, (first,), edit.carried))
    copy.document.apply(second)
    follower.hear(Bell("our-node", "one", 2, 2, (second,), edit.carried))
    follower.hear(Bell(THEIRS, "one", 3, 3, (), edit.carried))
    async with asyncio.timeout(30):
        while not follower.in_line:
            await asyncio.sleep(0.005)
    followed = kept.seen("collab.follow")
    assert [span.attributes.get("collab.read", False) for span in followed] == [False, True], "our own are none"
    assert {span.trace for span in followed} == {f"{edit.span.get_span_context().trace_id:032x}"}
    assert follower.ledger.position == 3


def test_exporters_are_those_of_the_environment() -> None:
    def named(**environ: str) -> list[str]:
        return [f"{type(each).__module__}" for each in exporters(environ)]

    assert named(OTEL_TRACES_EXPORTER="none") == []
    assert ["proto.http" in each for each in named()] == [True]
    assert ["proto.grpc" in each for each in named(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")] == [True]
    assert ["proto.http" in each for each in named(
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf"
    )] == [True]  # fmt: skip
    assert len(named(OTEL_TRACES_EXPORTER="otlp, console")) == 2
    for wrong in ({"OTEL_TRACES_EXPORTER": "abacus"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}):
        with pytest.raises(ValueError, match="allowed: otlp"):
            exporters(wrong)


def test_names_are_ours_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    said = Tracing.of_environment("n-1")._provider.resource.attributes  # type: ignore[attr-defined]
    assert (said["service.name"], said["service.instance.id"]) == ("collab", "n-1")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "notes")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    said = Tracing.of_environment(None)._provider.resource.attributes  # type: ignore[attr-defined]
    assert (said["service.name"], said["deployment.environment.name"]) == ("notes", "test")


def test_a_program_that_traces_already_gets_our_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    around = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: around)
    tracing = Tracing.of_environment(None)
    assert (tracing._provider, tracing._own) == (around, False)


async def test_a_receiver_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    release = threading.Event()
    monkeypatch.setattr(provider, "shutdown", lambda: release.wait(60))
    monkeypatch.setattr("collab.observe.tracing.PATIENCE", 0.05)
    async with asyncio.timeout(30):
        await Tracing(provider, own=True).close()
    release.set()


def test_off_nothing_of_it_is_there() -> None:
    """Neither what makes spans, nor any part of a document."""
    words = (
        "import sys, collab; app = collab.create_app(store='memory://'); hub = app['hub'];"
        "from collab.hub.live_document import LiveDocument; from collab.hub.follower import Follower;"
        "assert (hub.document_type, hub.follower_type, hub.store.commits) == (LiveDocument, Follower, None);"
        "assert not {'collab.observe.tracing', 'collab.doors.traced'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=True)
    assert Hub.document_type is LiveDocument


def test_without_the_extra_it_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import collab

    monkeypatch.delitem(sys.modules, "collab.doors.traced", raising=False)
    monkeypatch.setitem(sys.modules, "collab.observe.tracing", None)
    with pytest.raises(ConfigError, match=r"tracing: this needs pip install 'collab-server\[otel\]'"):
        collab.create_app(store="memory://", tracing=True)
