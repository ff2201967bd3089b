"""What ended the process is blamed on the document that was being worked on, and on nobody where it was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collab.config import load_settings
from collab.harm import Harm
from collab.hub.at_work import mark

Life = Callable[..., Harm]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """``life(document, fault)``: a process that ends so."""
    harms: list[Harm] = []

    def life(document: str | None = None, fault: str = "") -> Harm:
        harm = Harm(str(tmp_path / "store.db"))
        harms.append(harm)
        harm.open()
        if document is not None:
            harm.at_work[: len(mark(document))] = mark(document)
        if fault:
            harm.note(fault)
        return harm

    yield life
    for harm in harms:
        harm.close()


def test_who_ends_it_twice_is_in_quarantine_until_it_is_released(life: Life) -> None:
    life("a", "Fatal Python error: Segmentation fault")
    with capture_logs() as log:
        assert "a" not in life("a", "loop silent")
    (told,) = log
    assert (told["event"], told["document"], told["times"]) == ("a document ended the process before this one", "a", 1)
    assert told["where"] == ["Fatal Python error: Segmentation fault"]
    harm = life()
    assert ("a" in harm, list(harm), len(harm), harm.known("a").times) == (True, ["a"], 1, 2)
    with capture_logs() as log:
        assert "a" in life(), "it stays so"
    assert [line["event"] for line in log] == ["a document is in quarantine"]
    harm = life()
    assert harm.release("a") and not harm.release("a")
    assert "a" not in life()


def test_who_is_killed_for_want_of_memory_is_blamed(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    kills = 3
    monkeypatch.setattr("collab.harm.oom_kills", lambda: kills)
    life("a")
    kills += 1
    with capture_logs() as log:
        life("a")
    assert [(line["document"], line["where"]) for line in log] == [("a", ["ended by the kernel: out of memory"])]
    kills += 1
    assert "a" in life()
    kills += 1
    with capture_logs() as log:
        life()  # nothing was being worked on: it was somebody else who was killed
    assert "a document ended the process before this one" not in [line["event"] for line in log]
    kills = 0  # a new cgroup
    life("b")
    assert list(life()) == ["a"]


def test_nobody_is_blamed_for_a_kill_or_for_what_no_document_did(life: Life) -> None:
    for _ in range(3):
        life("a")
    with capture_logs() as log:
        assert list(life()) == []
    assert log == []
    life(None, "Fatal Python error: Aborted")
    with capture_logs() as log:
        assert list(life()) == []
    assert [line["event"] for line in log] == ["a fault ended the process before this one"]


def test_notes_that_cannot_be_read_or_written_keep_nobody_from_starting(tmp_path: Path, life: Life) -> None:
    (tmp_path / "store.db-harm").write_bytes(b"{")
    with capture_logs() as log:
        assert list(life("a")) == []
    assert [line["event"] for line in log] == ["what ends the process cannot be noted"]
    harm = Harm(str(tmp_path / "no" / "store.db"))
    harm.open()
    harm.note("x")
    assert "a" not in harm


def test_a_folder_of_state_is_made_for_our_eyes_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for times in range(2):
        harm = Harm.of(load_settings({"redis": "redis://127.0.0.1:1/0"}, {}))
        harm.open()
        assert len(harm._known) == times
        harm.at_work[: len(mark("a"))] = mark("a")
        harm.note("loop silent")
        harm.close()
    assert (tmp_path / "state" / "collab").stat().st_mode & 0o777 == 0o700


def test_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)

    def base(**settings: object) -> str | None:
        return Harm.of(load_settings(settings, {}))._base

    assert base(store="sqlite:///data/collab.db") == "data/collab.db"
    assert base(store="memory://") is None
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert base(redis="redis://127.0.0.1:1/0", port=0) is None, "who it was cannot be told"
    there = base(redis="redis://:secret@127.0.0.1:1/0", port=8081)
    assert there is not None
    assert there.startswith("/state/collab/node-8081-")
    assert there == base(redis="redis://:changed@127.0.0.1:1/0", port=8081)
    assert there != base(redis="redis://127.0.0.1:2/0", port=8081), "another cluster"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/ann")
    assert str(base(store="redis://127.0.0.1:1/0", node_name="a")).startswith("/home/ann/.local/state/collab/node-a-")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/collab:/other")
    assert base(redis="redis://127.0.0.1:1/0", node_name="a") == "/var/lib/collab/node-a"
    assert base(store="redis://127.0.0.1:1/0", port=8081) == "/var/lib/collab/node-8081"
