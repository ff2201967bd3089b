"""How much a format may write: a document that comes out larger than this is refused, not cut."""

from __future__ import annotations

from typing import Final

from collab.errors import CollabError

#: characters that one document may come to in Markdown, HTML or SVG
MAX_OUTPUT: Final = 64 * 2**20


class Output:
    """Collects what a writer writes, up to a bound."""

    def __init__(self, format: str, most: int = MAX_OUTPUT) -> None:
        self._format = format
        self._most = most
        self._length = 0
        self._parts: list[str] = []

    def put(self, text: str) -> None:
        """Add ``text``.

        Raises:
            CollabError: ``document_too_large`` where all of it is more than the bound.
        """
        self._length += len(text)
        if self._length > self._most:
            raise too_large(self._format, "characters", self._most)
        self._parts.append(text)

    def text(self) -> str:
        """All that was put."""
        return "".join(self._parts)


def too_large(format: str, what: str, limit: int) -> CollabError:
    """The refusal of a document that comes to more than ``limit`` in some format."""
    return CollabError(
        "document_too_large",
        f"As {format} this document has more than {limit} {what}; the formats json and update have all of it.",
        detail={"limit": limit},
    )
