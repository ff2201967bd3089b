"""Archives: many documents in one file."""

from __future__ import annotations

import gc
import io
import tarfile
from collections.abc import Iterator

import pytest

from collab.content.formats.archive import ArchiveError, ArchiveWriter, read_archive


def archive(documents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with ArchiveWriter(file, "http://example.com") as writer:
        for name, content in documents.items():
            writer.add(name, io.BytesIO(content), len(content))
    return file.getvalue()


DOCUMENTS = {"a": b"\0\0", "team/Grüße": b"x" * 20_000, "x" * 200: b"", "a.yjs": b"y"}


def contents(whole: bytes) -> Iterator[tuple[str, bytes]]:
    for name, content in read_archive(io.BytesIO(whole)):
        yield name, content.read()


def test_archives_read_back() -> None:
    whole = archive(DOCUMENTS)
    assert dict(contents(whole)) == DOCUMENTS
    assert dict(contents(archive({}))) == {}
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert tar.getnames() == [
            "collab-export.json", *(f"documents/{name}.yjs" for name in DOCUMENTS), "collab-export-end.json",
        ]  # fmt: skip


def test_an_archive_that_ends_early_is_refused_wherever_it_ends() -> None:
    whole = archive(DOCUMENTS)
    end = whole.index(b"collab-export-end.json")
    for length in range(0, end, 333):
        read: dict[str, bytes] = {}
        with pytest.raises(ArchiveError):
            read.update(contents(whole[:length]))
        assert read.items() <= DOCUMENTS.items(), "what came before is good"


def test_nothing_is_written_behind_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by the garbage collector: by then the file is closed, or another program's."""
    complaints: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", complaints.append)
    file = io.BytesIO()

    def fail() -> None:
        with ArchiveWriter(file, "x") as writer:
            writer.add("a", io.BytesIO(b"x" * 30_000), 30_000)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    written = file.getvalue()
    file.close()
    gc.collect()
    assert complaints == []
    assert 0 < len(written) <= 32 * 1024
    with pytest.raises(ArchiveError, match=r"too early|damaged"):
        dict(contents(written))


def test_a_writer_that_failed_leaves_no_whole_archive() -> None:
    file = io.BytesIO()
    closed = io.BytesIO()
    closed.close()

    def fail() -> None:
        with ArchiveWriter(file, "x") as writer:
            writer.add("a", closed, 2)

    with pytest.raises(ValueError, match="closed"):
        fail()
    file.seek(0)
    with pytest.raises(ArchiveError):
        list(read_archive(file))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/absolute", "a//b", "", "a\nb"])
def test_names_in_archives_are_checked(name: str) -> None:
    with pytest.raises(ArchiveError):
        list(contents(archive({name: b"\0\0"})))
