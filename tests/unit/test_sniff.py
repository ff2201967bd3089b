"""What a file is: by its content, and by its name only where that leaves a choice."""

from __future__ import annotations

import gzip
import io

import pytest
from pycrdt import Doc, Text

from collab.content.formats.archive import ArchiveWriter
from collab.content.formats.sniff import what_is
from collab.errors import CollabError


def _archive() -> bytes:
    file = io.BytesIO()
    with ArchiveWriter(file, "http://x") as writer:
        writer.add("a", io.BytesIO(b"\0\0"), 2)
    return file.getvalue()


def _update() -> bytes:
    doc: Doc[Text] = Doc(client_id=1)
    doc["body"] = Text("hello")
    return doc.get_update()


NAMES = ["-", "file", "a.json", "a.txt", "a.md", "a.yjs", "a.dat"]
MARKDOWN = b"# Title\n\n- a\n- b\n"
FILES: list[tuple[bytes, dict[str, str | None], str | None]] = [
    (_archive(), {}, "archive"),
    (gzip.compress(_archive()), {}, "archive"),
    (_update(), {}, "update"),
    (b"\0\0", {}, "update"),
    (b'{\n  "body": "x"\n}\n', {"a.txt": None, "a.md": None, "a.yjs": None}, "json"),
    (b'{"a": 1}', {"a.json": "json"}, None),
    (b"Hello", {"a.json": None, "a.yjs": None, "a.md": "markdown"}, "text"),
    (b"", {"a.json": None, "a.yjs": None, "a.md": "markdown"}, "text"),
    ("Grüße\n".encode(), {"a.json": None, "a.yjs": None, "a.md": "markdown"}, "text"),
    (MARKDOWN, {"a.txt": "text", "a.md": "markdown"}, None),
    (b"<p>a</p>\n", {"a.txt": "text", "a.md": "markdown"}, None),
    (b'<svg xmlns="x"></svg>', {"a.txt": "text", "a.md": "markdown"}, None),
    (b"if a < b:\n    # comment\n    c = d*e*f\n", {"a.json": None, "a.yjs": None, "a.md": "markdown"}, "text"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("data", "exceptions", "usual"), FILES)
def test_what_a_file_is(data: bytes, exceptions: dict[str, str | None], usual: str | None, name: str) -> None:
    expected = exceptions.get(name, usual)
    if expected is None:
        with pytest.raises(CollabError, match="--format") as refused:
            what_is(data, name)
        assert refused.value.code == "invalid_payload"
    else:
        assert what_is(data, name) == expected
