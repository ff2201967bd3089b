"""The file in front of the tables: what is written is read, and nothing else is taken for a record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.stores import segment as module
from collab.stores.segment import MAX_ROWS, Segment, read, record, seed
from collab.stores.sqlite_rows import Row

SALT = b"salt of database"


def row(position: int, update: bytes = b"update", document: int = 1, participant: str | None = "ann") -> Row:
    return document, position, participant, 1_700_000_000.5, update


ROWS = st.lists(
    st.builds(
        row,
        st.integers(1, 2**63 - 1),
        # A record within an update; nobody outside knows the salt.
        st.binary(max_size=200) | st.just(record(seed(b"guessed", 1), [row(1)])),
        st.integers(1, 2**63 - 1),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    ),
    max_size=8,
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.db-segment")


@pytest.fixture
def segment(path: str) -> Iterator[Segment]:
    segment = Segment(path, SALT, 1)
    yield segment
    segment.close()


@given(rows=ROWS, older=ROWS)
def test_what_was_written_is_read_whatever_stood_there_before(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], older: list[Row]
) -> None:
    path = str(tmp_path_factory.mktemp("segment") / "s")
    segment = Segment(path, SALT, 1)
    segment.append(older, [])
    assert read(path, SALT, 1).rows == older
    segment.begin(2)
    for each in rows:
        segment.append([each], [])
    found = read(path, SALT, 2)
    assert (found.rows, found.trouble) == (rows, "")
    assert read(path, SALT, 3).rows == read(path, b"another" * 2, 2).rows == []
    segment.close()


@given(rows=ROWS.filter(lambda rows: len(rows) > 1), data=st.data())
def test_a_byte_that_changed_costs_one_record_and_is_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], data: st.DataObject
) -> None:
    begin = seed(SALT, 1)
    records = [record(begin, [each]) for each in rows]
    which = data.draw(st.integers(0, len(rows) - 1))
    byte = data.draw(st.integers(0, len(records[which]) - 1))
    records[which] = bytes(
        value ^ data.draw(st.integers(1, 255)) if at == byte else value for at, value in enumerate(records[which])
    )
    path = tmp_path_factory.mktemp("segment") / "s"
    path.write_bytes(module._BEGIN.pack(b"collabsg", SALT, 1) + b"".join(records))
    found = read(str(path), SALT, 1)
    assert found.rows == rows[:which] + rows[which + 1 :]
    assert bool(found.trouble) == (which < len(rows) - 1), "what is torn off at the end was never acknowledged"


@pytest.mark.parametrize("cut", range(1, 94, 7))
def test_a_commit_that_was_cut_off_is_none(path: str, segment: Segment, cut: int) -> None:
    segment.append([row(1)], ["a"])
    segment.append([row(2), row(3)], ["a"])
    os.truncate(path, os.path.getsize(path) - cut)
    found = read(path, SALT, 1)
    assert (found.rows, found.trouble) == ([row(1)], "")


def test_a_file_that_is_not_there_holds_nothing(path: str) -> None:
    assert read(path, SALT, 1).rows == []


def test_after_a_failed_write_the_tables_have_to_take_over(
    path: str, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment.append([row(1)], ["a"])

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, "_flush", full)
        with pytest.raises(OSError, match="No space"):
            segment.append([row(2)], ["b"])
    assert segment.waits and not segment.takes_more
    assert segment.rows == [row(1)] and segment.documents == {"a"}, "what is there is there"
    segment.begin(2)
    assert not segment.waits and segment.takes_more
    segment.append([row(2)], ["b"])
    assert read(path, SALT, 2).rows == [row(2)]


def test_what_a_full_file_system_takes_in_part_is_written_to_its_end(
    path: str, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: write(file, data[: max(1, len(data) // 2)], at))
    segment.append([row(1), row(2)], ["a"])
    assert read(path, SALT, 1).rows == [row(1), row(2)]


def test_it_is_bounded(segment: Segment) -> None:
    assert segment.takes_more
    segment.append([row(position) for position in range(MAX_ROWS)], ["a"])
    assert not segment.takes_more
    segment.begin(2)
    segment.append([row(1, bytes(module.MAX_BYTES))], ["a"])
    assert not segment.takes_more


def test_what_is_wiped_is_in_no_file(path: str, segment: Segment) -> None:
    segment.append([row(1, b"x" * 50 + b"a secret")], ["a"])
    segment.begin(2)
    segment.append([row(2, b"x")], ["a"])
    segment.begin(3)
    assert b"secret" in Path(path).read_bytes(), "a test that cannot fail otherwise"
    segment.wipe()
    assert Path(path).read_bytes() == b""
    segment.append([row(3)], ["a"])
    assert read(path, SALT, 3).rows == [row(3)]


def test_it_goes_with_its_last_row_and_stays_with_one(path: str) -> None:
    for waits in (True, False):
        segment = Segment(path, SALT, 1)
        segment.append([row(1)], ["a"])
        if not waits:
            segment.begin(2)
        segment.close()
        segment.close()
        assert os.path.exists(path) is waits


def test_a_file_of_somebody_else_at_its_name_is_left_alone(path: str) -> None:
    segment = Segment(path, SALT, 1)
    os.rename(path, path + ".old")
    Path(path).write_bytes(b"theirs")
    segment.close()
    assert Path(path).read_bytes() == b"theirs"
    os.unlink(path)
    Segment(path, SALT, 1).close()


def test_only_its_owner_may_read_it(path: str, segment: Segment) -> None:
    assert os.stat(path).st_mode & 0o777 == 0o600
