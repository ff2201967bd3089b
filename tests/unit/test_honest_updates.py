"""What Yjs writes is taken, whatever it looks like, and only what the CRDT library can take reaches it."""

from __future__ import annotations

import pytest

from collab.content.reading import read
from collab.documents.document import Document
from collab.protocol.scan import scan
from tests.support.honest_updates import HonestCase, as_yjs_shows, honest_cases


@pytest.mark.parametrize("case", honest_cases(), ids=lambda case: case.name)
def test_it_is_taken_and_read_wherever_it_comes_from(case: HonestCase) -> None:
    document = Document()
    log = []
    for update in case.updates:
        assert document.apply(update)
        log.append(document.taken)
    whole = Document()
    whole.apply(document.encode())
    first = Document()
    first.apply(case.updates[0])
    for again in (
        document,
        whole,
        Document.load(None, case.updates),
        Document.load(None, log),
        Document.load(document.encode(), []),
        Document.load(document.snapshot(), []),
        Document.load(case.updates[0], case.updates[1:]),
        Document.load(first.snapshot(), case.updates[1:]),
    ):
        content = read(again.encode())
        assert {root: as_yjs_shows(content[root]) for root in case.content} == case.content
        assert again.clocks == document.clocks
        assert again.content_hash() == document.content_hash()
        assert not scan(again.encode(), {}, is_keyed=lambda _client, _clock: False, strict=True).several
