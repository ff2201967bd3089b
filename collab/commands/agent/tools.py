"""The tools of an agent: each a row with its name, its words for a model, its arguments, and what it does."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from collab.commands.agent.workspace import Workspace
from collab.commands.api_client import ApiError, document_path
from collab.errors import CollabError
from collab.types import check_document_name

#: characters of a document that one answer shows; more is read by `path`, or with `offset`
MOST_CHARACTERS = 200_000
#: lines of a comparison
MOST_LINES = 2000

#: what a tool answers: words for the model, and the same as JSON
Result = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool; ``reads``: it changes nothing."""

    name: str
    words: str
    arguments: dict[str, Any]
    needed: tuple[str, ...]
    run: Callable[[Workspace, dict[str, Any]], Awaitable[Result]]
    reads: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        """The arguments as JSON Schema."""
        return {
            "type": "object",
            "properties": self.arguments,
            "required": list(self.needed),
            "additionalProperties": False,
        }


async def call(workspace: Workspace, name: str, arguments: dict[str, Any]) -> Result:
    """Use a tool.

    Raises:
        CollabError: ``invalid_payload`` for arguments that are not those of the tool; whatever else goes wrong.
        ApiError, ConnectionError, TimeoutError: the server refuses, or cannot be reached.
    """
    row = TOOLS.get(name)
    if row is None:
        raise CollabError("not_found", f"There is no tool {name[:40]!r}; there are {', '.join(TOOLS)}.")
    _check(row, arguments)
    document = arguments.get("document")
    if document is not None:
        check_document_name(document)
    return await row.run(workspace, arguments)


_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "array": (list,)}


def _check(row: ToolRow, arguments: dict[str, Any]) -> None:
    for name in row.needed:
        if name not in arguments:
            raise CollabError("invalid_payload", f"{row.name} needs {name!r}.")
    for name, value in arguments.items():
        rule = row.arguments.get(name)
        if rule is None:
            raise CollabError("invalid_payload", f"{row.name} has no argument {name[:40]!r}.")
        allowed = rule.get("enum")
        if not isinstance(value, _KINDS[rule["type"]]) or isinstance(value, bool) or (allowed and value not in allowed):
            what = f"one of {', '.join(allowed)}" if allowed else f"of the type {rule['type']}"
            raise CollabError("invalid_payload", f"{name!r} has to be {what}.")
        if isinstance(value, int) and value < rule.get("minimum", value):
            raise CollabError("invalid_payload", f"{name!r} is {rule['minimum']} at least.")


# -- what they do -----------------------------------------------------------------------------------


async def _list(workspace: Workspace, given: dict[str, Any]) -> Result:
    documents = [each async for each in workspace.api.documents(given.get("prefix", ""), given.get("limit", 100))]
    words = "\n".join(f"{each['name']} ({each['size']} bytes, {each['participants']} here)" for each in documents)
    return words or "There are no documents.", {"documents": documents}


async def _read(workspace: Workspace, given: dict[str, Any]) -> Result:
    document = given["document"]
    answer = await workspace.api.content(document, given.get("format", "text"), given.get("path"))
    await workspace.enter(document)
    content, offset = answer.body.decode("utf-8", "replace"), given.get("offset", 0)
    shown = content[offset : offset + MOST_CHARACTERS]
    fields: dict[str, Any] = {"position": int(answer.headers["Collab-Position"]), "content": shown}
    if offset + len(shown) < len(content):
        fields["next_offset"] = offset + len(shown)
        fields["characters"] = len(content)
    return shown, fields


async def _edit(workspace: Workspace, given: dict[str, Any]) -> Result:
    position = await workspace.edit(given["document"], lambda _state: given["operations"])
    return f"Saved at position {position}.", {"position": position}


async def _replace(workspace: Workspace, given: dict[str, Any]) -> Result:
    position, place = await workspace.replace(given["document"], given["old"], given["new"], given.get("path"))
    where = {"path": place.path, "index": place.index}
    return f"Replaced in {place.path} at {place.index}, saved at position {position}.", {"position": position, **where}


async def _history(workspace: Workspace, given: dict[str, Any]) -> Result:
    document = given["document"]
    query = {"after": given.get("after"), "limit": given.get("limit", 50)}
    history = (await workspace.api.call("GET", document_path(document, "history"), query=query)).json
    versions = (await workspace.api.call("GET", document_path(document, "versions"))).json
    lines = [
        f"{each['ended_at']}: {each['participant']}{' (agent)' if each.get('agent') else ''},"
        f" {each['updates']} edits up to position {each['last']}"
        for each in history["history"]
    ]
    lines += [
        f"version {each['id']}: {each['name'] or 'automatic'}, {each['created_at']}" for each in versions["versions"]
    ]
    fields = {
        "position": await workspace.position(document),
        "history": history["history"],
        "next": history["next"],
        "versions": versions["versions"],
    }
    return "\n".join(lines) or "Nothing has happened yet.", fields


async def _compare(workspace: Workspace, given: dict[str, Any]) -> Result:
    document = given["document"]

    async def text(version: int | None) -> list[str]:
        path = document_path(document, *(("content",) if version is None else ("versions", version)))
        answer = await workspace.api.call("GET", path, query={"format": "text"})
        return answer.body.decode("utf-8", "replace").splitlines()

    before, after = await asyncio.gather(text(given["from"]), text(given.get("to")))
    names = (f"version {given['from']}", "now" if given.get("to") is None else f"version {given['to']}")
    lines = await asyncio.to_thread(lambda: list(difflib.unified_diff(before, after, *names, lineterm="")))
    inserted = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    deleted = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    fields: dict[str, Any] = {
        "position": await workspace.position(document),
        "inserted": inserted,
        "deleted": deleted,
        "diff": "\n".join(lines[:MOST_LINES]),
        "complete": len(lines) <= MOST_LINES,
    }
    return fields["diff"] or "They say the same.", fields


async def _restore(workspace: Workspace, given: dict[str, Any]) -> Result:
    await workspace.enter(given["document"])
    path = document_path(given["document"], "versions", given["version"], "restore")
    position = (await workspace.api.call("POST", path)).json["position"]
    return f"Restored at position {position}.", {"position": position}


_DOCUMENT = {"type": "string", "description": "The document's name."}
_PATH = {"type": "string", "description": "A JSON Pointer into the document, such as /body."}

TOOLS: dict[str, ToolRow] = {
    row.name: row
    for row in (
        ToolRow(
            "list_documents", "List the documents that you may see.",
            {
                "prefix": {"type": "string", "description": "Only names that begin so."},
                "limit": {"type": "integer", "minimum": 1, "description": "At most so many, 100 by default."},
            },
            (), _list,
        ),
        ToolRow(
            "read_document",
            "Read a document, as it is now. `text` is what replace_text matches; `markdown` shows formatting; `json`"
            " its structure, with the paths that operations name. The position says which state it was.",
            {
                "document": _DOCUMENT, "path": _PATH,
                "format": {"type": "string", "enum": ["text", "markdown", "json"], "description": "text by default."},
                "offset": {"type": "integer", "minimum": 0, "description": "Characters to leave out at the beginning."},
            },
            ("document",), _read,
        ),
        ToolRow(
            "replace_text",
            "Replace a passage, which has to match exactly and stand in the document once; if it does not, nothing is"
            " changed. The best way to edit a text while others edit it, too.",
            {
                "document": _DOCUMENT, "path": {**_PATH, "description": "Only in the text there, or below."},
                "old": {"type": "string", "description": "What stands there now, within one paragraph."},
                "new": {"type": "string", "description": "What is to stand there; nothing deletes it."},
            },
            ("document", "old", "new"), _replace, reads=False,
        ),
        ToolRow(
            "edit_document",
            "Edit a document by operations, all or none: text.insert (path, index, text), text.delete (path, index,"
            " length), text.format (path, index, length, attributes), text.replace (path, text: the whole text),"
            " map.set (path, value), map.delete (path), array.insert (path, index, values), array.delete (path, index,"
            " length). Indexes are UTF-16 units of the text as it is when this runs: others may have moved them since"
            " you read it, so prefer replace_text for texts. The first edit of a document creates it.",
            {
                "document": _DOCUMENT,
                "operations": {
                    "type": "array", "items": {"type": "object"},
                    "description": 'Such as [{"op": "text.insert", "path": "/body", "index": 0, "text": "Hi"}].',
                },
            },
            ("document", "operations"), _edit, reads=False,
        ),
        ToolRow(
            "history", "Who changed a document when, and which versions of it are kept.",
            {
                "document": _DOCUMENT,
                "after": {"type": "integer", "minimum": 0, "description": "Only what came after this position."},
                "limit": {"type": "integer", "minimum": 1, "description": "At most so many entries, 50 by default."},
            },
            ("document",), _history,
        ),
        ToolRow(
            "compare", "What a version says otherwise than another one, or than the document now: a unified diff.",
            {
                "document": _DOCUMENT,
                "from": {"type": "integer", "minimum": 1, "description": "A version, as history lists it."},
                "to": {"type": "integer", "minimum": 1, "description": "Another one; without it: now."},
            },
            ("document", "from"), _compare,
        ),
        ToolRow(
            "restore_version", "Bring back what a version says, as an edit that people can undo.",
            {
                "document": _DOCUMENT,
                "version": {"type": "integer", "minimum": 1, "description": "A version, as history lists it."},
            },
            ("document", "version"), _restore, reads=False,
        ),
    )
}  # fmt: skip


def refusal_of(error: Exception) -> dict[str, Any]:
    """What went wrong, for a model: ``{code, message, ...}``."""
    if isinstance(error, CollabError):
        return error.as_dict()
    if isinstance(error, ApiError):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, TimeoutError):
        words = "The server does not answer. What was edited is sent as soon as it does."
        return {"code": "unreachable", "message": words}
    return {"code": "unreachable", "message": str(error) or type(error).__name__}
