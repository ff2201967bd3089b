"""Documents as resources: their URIs. What is behind them is tested on the wire (tests/wire/test_mcp.py)."""

from __future__ import annotations

import pytest

from collab.commands.agent.mcp_server import document_of, uri_of
from collab.errors import CollabError


@pytest.mark.parametrize("document", ["notes", "team/week 1", "grüße/😀", "a:b@c&d=e+f"])
def test_a_document_has_a_uri(document: str) -> None:
    assert uri_of(document).isascii()
    assert document_of(uri_of(document)) == document


@pytest.mark.parametrize(
    "uri", ["", "notes", "https://documents/notes", "collab://documents/", "collab://documents/a%00"]
)
def test_what_is_no_document(uri: str) -> None:
    with pytest.raises(CollabError, match="invalid_document"):
        document_of(uri)
