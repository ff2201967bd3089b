"""What ``collab docs watch`` says: a document's events, told as changes of its content and of who is here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.text import Text

from collab.commands.answers import NOTICE, PRESENCE, checked
from collab.commands.api_client import StreamEvent
from collab.commands.terminal import on_one_line
from collab.content.reading import read
from collab.documents.document import Document

#: characters of a change that are shown
_SHOWN = 60
#: bytes of a document beyond which reading all of it after every edit takes too long
_MOST = 4 * 2**20


class Narrator:
    """Keeps a replica of the document, and tells in words or as JSON what an event changed."""

    def __init__(self) -> None:
        self._document = Document()
        self._content: dict[str, Any] | None = None
        self._names: dict[str, str] = {}

    def as_json(self, event: StreamEvent) -> dict[str, Any]:
        """The event for a program: ``{event, update, changes}`` or ``{event, ...}`` as the server sent it."""
        if event.name == "update":
            return {"event": "update", "update": event.data, "changes": self._take(event.update)}
        return {"event": event.name, **(event.json if isinstance(event.json, dict) else {})}

    def lines(self, event: StreamEvent) -> Iterator[Text]:
        """The event for a person."""
        time = Text(f"{datetime.now():%H:%M:%S} ", "dim")
        words: Iterator[Text]
        if event.name == "update":
            words = self._edits(event)
        elif event.name == "presence":
            words = self._people(checked(event.json, PRESENCE))
        elif event.name == "notice":
            words = iter((Text(on_one_line(checked(event.json, NOTICE)["message"]), "yellow"),))
        else:
            word = event.json.get("event") if isinstance(event.json, dict) else None
            words = iter((Text(on_one_line(str(word or event.name)), "magenta"),))
        for line in words:
            yield time + line

    # -- edits ----------------------------------------------------------------------------------

    def _take(self, update: bytes) -> list[dict[str, Any]]:
        """Apply an update; what changed in which root: ``{root, inserted, removed}`` or ``{root, keys}``."""
        self._document.apply(update)
        state = self._document.encode()
        if len(state) > _MOST:
            return []
        before, self._content = self._content, read(state)
        if before is None:
            return [{"root": root, "content": value} for root, value in self._content.items()]
        return list(_changes(before, self._content))

    def _edits(self, event: StreamEvent) -> Iterator[Text]:
        first = self._content is None
        changes = self._take(event.update)
        if first:
            held = ", ".join(_described(each) for each in changes) or "an empty document"
            yield Text.assemble(("opened", "bold"), " ", held)
            return
        for change in changes:
            root = (_shown(change["root"]), "bold")
            if "inserted" in change:
                line = Text.assemble(root, f" at {change['index']}:")
                for sign, key, colour in (("−", "removed", "red"), ("+", "inserted", "green")):
                    if change[key]:
                        line.append(" ")
                        line.append(f"{sign}{len(change[key])} {_quoted(change[key])}", colour)
                yield line
            elif "keys" in change:
                yield Text.assemble(root, f": {', '.join(_shown(key) for key in change['keys'][:8])}")
            else:
                yield Text.assemble(root, " changed")

    # -- people ---------------------------------------------------------------------------------

    def _people(self, change: dict[str, Any]) -> Iterator[Text]:
        for each in change["joined"]:
            name = self._names[each["session"]] = each["user"]["name"]
            yield Text(f"{_shown(name)} is here", "cyan")
        for each in change["left"]:
            name = self._names.pop(each["session"], each["user"]["name"])
            yield Text(f"{_shown(name)} left", "cyan")
        # States change with every move of a cursor: that is for programs.


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for root in [*after, *(root for root in before if root not in after)]:
        old, new = before.get(root), after.get(root)
        if old == new:
            continue
        if isinstance(new, str) and (old is None or isinstance(old, str)):
            yield {"root": root, **_text_change(old or "", new)}
        elif isinstance(new, dict) and (old is None or isinstance(old, dict)):
            held = old or {}
            keys = [key for key in {**held, **new} if held.get(key) != new.get(key) or (key in held) != (key in new)]
            yield {"root": root, "keys": keys}
        else:
            yield {"root": root}


def _text_change(old: str, new: str) -> dict[str, Any]:
    """The one place where two texts differ, however often they do there."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return {"index": head, "removed": old[head : len(old) - tail], "inserted": new[head : len(new) - tail]}


def _described(change: dict[str, Any]) -> str:
    content = change["content"]
    unit = "characters" if isinstance(content, str) else "entries"
    return f"{_shown(change['root'])} ({len(content)} {unit})"


def _quoted(text: str) -> str:
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return '"' + _shown(shown.replace("\n", "⏎")) + '"'


def _shown(text: Any) -> str:
    """Text of others on a terminal, at most a line of it."""
    words = on_one_line(str(text)[: 4 * _SHOWN])
    return words if len(words) <= 2 * _SHOWN else words[: 2 * _SHOWN - 1] + "…"
