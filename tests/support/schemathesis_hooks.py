"""Loaded by schemathesis: half of what it makes up goes to a document that exists, or it would only see 404."""

from __future__ import annotations

import zlib
from typing import Any

import schemathesis

from collab.errors import CollabError
from collab.types import check_document_name

#: what the test has put there before
DOCUMENT, VERSION = "fuzzed/notes", 1


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Replace some valid names and versions, always the same ones for the same case."""
    if not path_parameters or context.operation.definition.raw.get("operationId") == "delete_document":
        return path_parameters
    try:
        check_document_name(str(path_parameters.get("document", "")))
    except CollabError:
        return path_parameters
    chance = zlib.crc32(repr(sorted(path_parameters.items())).encode())
    if chance % 2:
        path_parameters["document"] = DOCUMENT
        if str(path_parameters.get("version", 0)).lstrip("0").isdecimal() and chance % 3:
            path_parameters["version"] = VERSION
    return path_parameters
