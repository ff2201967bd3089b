"""The HTTP API described: one row per route, and the OpenAPI document that is made of the rows.

The rows are what ``rest.py`` serves, so that a route cannot be described otherwise than it is.
"""

from __future__ import annotations

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from collab._version import __version__
from collab.content.operations import MAX_SEGMENTS
from collab.doors.http.api_schemas import (
    AccessSchema,
    ContentQuery,
    DeleteQuery,
    DiffQuery,
    DocumentSchema,
    DocumentsSchema,
    EventsQuery,
    FollowQuery,
    HistoryQuery,
    HistorySchema,
    ListQuery,
    NewEventSchema,
    NewVersionSchema,
    NothingSchema,
    OperationsSchema,
    ParticipantsSchema,
    PositionSchema,
    ProblemSchema,
    PublishedSchema,
    RecheckedSchema,
    RecheckSchema,
    StreamQuery,
    StreamSchema,
    VersionSchema,
    VersionsQuery,
    VersionsSchema,
)
from collab.doors.http.inbox_api import INBOX_ROUTES, MarkReadSchema
from collab.doors.http.problems import PROBLEM_TYPE
from collab.doors.http.rendering import MEDIA_TYPES
from collab.doors.http.route import EVENTS, Answer, Route
from collab.doors.http.webhook_routes import WEBHOOK_ROUTES
from collab.errors import CODES
from collab.types import MAX_DOCUMENT_NAME_BYTES, Role

PREFIX = "/api/v1"
_BYTES = "application/octet-stream"
_EDIT = (
    "read_only", "document_deleted", "invalid_update", "missing_dependencies", "document_too_large", "update_too_large",
    "store_full",
)  # fmt: skip

_CONTENT = Answer("The content; `ETag` and `Collab-Position` say which.", media=tuple(MEDIA_TYPES.values()))
_DOCUMENT = "/documents/{document}"
_STREAM = _DOCUMENT + "/streams/{stream}"
_EDITED = {200: Answer("The edit is on disk.", PositionSchema)}

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/documents", "list_documents", "Documents", "List documents",
        {200: Answer("A page of documents, by name.", DocumentsSchema)},
        role=None, query=ListQuery,
        words="Administrators see every document, others those that a grant of their token covers. A page may have"
        " fewer documents than it could, and still a `next`: the work for one page is bounded.",
    ),
    Route(
        "GET", _DOCUMENT, "get_document", "Documents", "Look at a document",
        {200: Answer("What the server knows of it.", DocumentSchema)},
        errors=("not_found",),
    ),
    Route(
        "PUT", _DOCUMENT, "create_document", "Documents", "Create a document",
        {201: Answer("Created.", DocumentSchema), 200: Answer("It existed already.", DocumentSchema)},
        role=Role.EDITOR, errors=("read_only", "store_full"),
        words="Not needed before an edit: the first edit of a document creates it, as through every other door.",
    ),
    Route(
        "DELETE", _DOCUMENT, "delete_document", "Documents", "Delete a document",
        {204: Answer("In the trash, with its versions and its history; or gone.")},
        role=Role.ADMIN, query=DeleteQuery, errors=("not_found", "cluster_degraded"),
        words="Participants get the notice `document_deleted` and are disconnected. For `trash-keep` it can be brought"
        " back; with `forever`, or where that setting is 0, it is gone at once.",
    ),
    Route(
        "POST", _DOCUMENT + "/undelete", "undelete_document", "Documents", "Bring a document back from the trash",
        {200: Answer("It is back, with its versions and its history.", DocumentSchema)},
        role=Role.ADMIN, errors=("not_found", "document_exists", "document_deleted", "cluster_degraded"),
        words="What was deleted last under this name. `document_exists` where the name was made anew meanwhile.",
    ),
    Route(
        "GET", _DOCUMENT + "/access", "get_access", "Documents", "Ask what you may do",
        {200: Answer("Who you are here, and your role; the document need not exist.", AccessSchema)},
        words="For pages that offer only what the server allows. Whoever may not read it is refused as everywhere.",
    ),
    Route(
        "GET", _DOCUMENT + "/content", "get_content", "Content", "Read content",
        {200: _CONTENT, 304: Answer("It still is what `If-None-Match` names.")},
        query=ContentQuery, errors=("not_found", "document_deleted", "invalid_update"),
        words="Texts are strings, maps objects, arrays lists. While an edit is being saved there is no `ETag`.",
    ),
    Route(
        "PATCH", _DOCUMENT + "/content", "edit_content", "Content", "Edit content by operations",
        _EDITED, role=Role.EDITOR, body=OperationsSchema, errors=_EDIT,
        words="All operations or none, in one transaction that the others receive as one edit. A refusal names the"
        " operation by `index`. If the answer is lost, the edit may have been made: send a raw update instead"
        " where that matters, since those may be repeated.",
    ),
    Route(
        "GET", _DOCUMENT + "/update", "get_update", "Content", "Get the raw Yjs update that you lack",
        {200: Answer("Yjs v1.", media=(_BYTES,)), 304: Answer("It still is what `If-None-Match` names.")},
        query=DiffQuery, errors=("not_found", "document_deleted"),
    ),
    Route(
        "POST", _DOCUMENT + "/update", "post_update", "Content", "Apply a raw Yjs update",
        _EDITED, role=Role.EDITOR, body=bytes, errors=_EDIT,
        words="Yjs v1. Sending an update twice does no harm. The empty update `00 00` changes nothing, and its"
        " answer says that everything before it is on disk.",
    ),
    Route(
        "GET", _DOCUMENT + "/events", "get_events", "Content", "Follow a document (Server-Sent Events)",
        {200: Answer("`update` (Yjs v1, base64), `presence`, `notice`, `broadcast`.", media=(EVENTS,))},
        query=EventsQuery, errors=("document_full", "too_many_connections", "document_deleted"),
        words="The first `update` holds all that you lack: everything, or what came after `Last-Event-ID`. A comment"
        " comes every 15 seconds. The reader is a participant whom others see.",
    ),
    Route(
        "GET", _STREAM, "read_stream", "Streams", "Read a stream",
        {200: Answer("A page of events.", StreamSchema)},
        query=StreamQuery, errors=("not_found",),
        words="Where events are large, a page has fewer than asked for: `offset` is smaller than `last` then.",
    ),
    Route(
        "POST", _STREAM, "publish_event", "Streams", "Publish an event",
        {201: Answer("It is on disk.", PublishedSchema)},
        role=Role.COMMENTER, body=NewEventSchema,
        errors=(
            "read_only", "document_deleted", "document_too_large", "update_too_large", "store_full", "cluster_degraded",
        ),
        words="With the header `Idempotency-Key` it may be sent again: for a day the same key in the same stream gives"
        " the offset of the first time, and no second event. The first event makes the stream, and the document.",
    ),
    Route(
        "GET", _STREAM + "/events", "follow_stream", "Streams", "Follow a stream (Server-Sent Events)",
        {200: Answer("`stream`, each with its offset as `id`; `notice`.", media=(EVENTS,))},
        query=FollowQuery, errors=("document_full", "too_many_connections", "document_deleted"),
        words="Each event once and in order. A comment comes every 15 seconds. The reader is a participant.",
    ),
    Route(
        "GET", _DOCUMENT + "/participants", "list_participants", "Participants", "Who is here",
        {200: Answer("Everybody, on every node.", ParticipantsSchema)},
        errors=("not_found",),
    ),
    Route(
        "DELETE", _DOCUMENT + "/participants/{session}", "disconnect_participant", "Participants",
        "Disconnect somebody",
        {204: Answer("Disconnected.")},
        role=Role.ADMIN, errors=("not_found",),
    ),
    Route(
        "GET", _DOCUMENT + "/versions", "list_versions", "Versions", "List versions",
        {200: Answer("A page of versions.", VersionsSchema)},
        query=VersionsQuery, errors=("not_found",),
    ),
    Route(
        "POST", _DOCUMENT + "/versions", "create_version", "Versions", "Keep the present state as a version",
        {201: Answer("Kept.", VersionSchema)},
        role=Role.EDITOR, body=NewVersionSchema,
        errors=("not_found", "read_only", "document_deleted", "update_too_large", "document_too_large", "store_full"),
        words="Equal states are kept once. `document_too_large` where the document has as many versions, in number or"
        " bytes, as it may: delete one.",
    ),
    Route(
        "GET", _DOCUMENT + "/versions/{version}", "get_version", "Versions", "Read a version",
        {200: _CONTENT, 304: Answer("You have it already.")},
        query=ContentQuery, errors=("not_found", "invalid_update"),
    ),
    Route(
        "DELETE", _DOCUMENT + "/versions/{version}", "delete_version", "Versions", "Delete a version",
        {204: Answer("Gone.")},
        role=Role.EDITOR, errors=("not_found", "read_only"),
        words="Editors delete the versions that they have kept themselves under a token, administrators any.",
    ),
    Route(
        "POST", _DOCUMENT + "/versions/{version}/restore", "restore_version", "Versions", "Restore a version",
        _EDITED, role=Role.EDITOR, errors=("not_found", *_EDIT),
        words="An ordinary edit, which participants receive at once and can undo.",
    ),
    Route(
        "GET", _DOCUMENT + "/history", "get_history", "Versions", "Who changed how much, when",
        {200: Answer("A page of history.", HistorySchema)},
        query=HistoryQuery, errors=("not_found",),
    ),
    Route(
        "POST", "/recheck", "recheck", "Participants", "Ask again who those are who are here",
        {200: Answer("They are asked about; what has changed takes effect when the answer is there.", RecheckedSchema)},
        role=None, body=RecheckSchema,
        words="For the role `admin` on `*`. With `auth=callback` the application is asked at once, whatever it answered"
        " before, on every node: for when somebody's role has changed, or was taken away.",
    ),
    *INBOX_ROUTES,
    *WEBHOOK_ROUTES,
)  # fmt: skip

#: `{name}` -> its schema and words
_PATH_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "document": (
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_DOCUMENT_NAME_BYTES,
            "pattern": r"^[^,?#%\\\x00-\x1f\x7f-\x9f]+$",
        },
        "The document's name, URL-encoded as one segment: `team/notes` is `team%2Fnotes`.",
    ),
    "session": ({"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"}, "As `participants` lists it."),
    "stream": ({"type": "string", "pattern": "^[a-z0-9-]{1,40}$"}, "The stream's name."),
    "version": ({"type": "integer", "minimum": 1}, "As `versions` lists it."),
}


def _pointer(least: int) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": rf"^(/([^~/]|~[01])*){{{least},{MAX_SEGMENTS}}}$",
        "description": "JSON Pointer; its first segment is the root's name.",
    }


_INDEX = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "description": "In UTF-16 code units for texts."}
_ATTRIBUTES = {"type": "object", "additionalProperties": True}

#: op -> its fields; those in the second place may be left out
OPERATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text.insert": ({"index": _INDEX, "text": {"type": "string"}}, {"attributes": _ATTRIBUTES}),
    "text.delete": ({"index": _INDEX, "length": _INDEX}, {}),
    "text.format": ({"index": _INDEX, "length": _INDEX, "attributes": _ATTRIBUTES}, {}),
    "text.replace": ({"text": {"type": "string", "description": "The smallest edit that leads there is made."}}, {}),
    "map.set": ({"value": {"description": "Any JSON; `path` ends with the key."}}, {}),
    "map.delete": ({}, {}),
    "array.insert": ({"index": _INDEX, "values": {"type": "array", "items": {}}}, {}),
    "array.delete": ({"index": _INDEX, "length": _INDEX}, {}),
}


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: _schema_name(schema))
    spec = APISpec(
        title="collab",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": "Documents that people and programs edit together. What is answered is on disk."},
        servers=[{"url": PREFIX}],
        security=[{"bearer": []}, {}],
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    spec.components.schema("Problem", schema=ProblemSchema)
    spec.components.schema("Operation", _operation_schema())
    for route in ROUTES:
        spec.path(path=route.path, operations={route.method.lower(): _operation(route)})
    document: dict[str, Any] = spec.to_dict()
    schemas = document["components"]["schemas"]
    schemas["Operations"]["properties"]["operations"]["items"] = {"$ref": "#/components/schemas/Operation"}
    for name, schema in schemas.items():  # what comes in is strict; answers may grow, whatever apispec says of schemas
        if name in ("Operations", "NewVersion", "NewEvent", "MarkRead"):
            schema["additionalProperties"] = False
        else:
            schema.pop("additionalProperties", None)
    return document


def _schema_name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return re.sub(r"Schema$", "", kind.__name__)


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[Any] = [
        {"in": "path", "name": name, "required": True, "schema": schema, "description": words}
        for name, (schema, words) in _PATH_PARAMETERS.items()
        if f"{{{name}}}" in route.path
    ]
    if route.query is not NothingSchema:
        parameters.append({"in": "query", "schema": route.query})
    if 304 in route.answers:
        parameters.append(_header("If-None-Match", "An `ETag` that you have."))
    if route.body is NewEventSchema:
        parameters.append(_header("Idempotency-Key", "1 to 200 printable characters of the sender's own choice."))
    if route.lasting:
        parameters.append(_header("Last-Event-ID", "The `id` of the last event that you have."))
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.group],
        "parameters": parameters,
        "responses": {str(status): _response(answer) for status, answer in route.answers.items()},
        "x-role": route.role.word if route.role is not None else None,
    }
    if route.words:
        operation["description"] = route.words
    if route.body is bytes:
        operation["requestBody"] = {"required": True, "content": {_BYTES: {"schema": _binary()}}}
    elif route.body is not None:
        needed = route.body in (OperationsSchema, NewEventSchema, MarkReadSchema)
        operation["requestBody"] = {"required": needed, "content": {"application/json": {"schema": route.body}}}
    operation["responses"] |= _problems(route)
    return operation


def _header(name: str, words: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "schema": {"type": "string"}, "description": words}


def _response(answer: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.words}
    if answer.schema is not None:
        response["content"] = {"application/json": {"schema": answer.schema}}
    elif answer.media:
        response["content"] = {media: {"schema": _raw(media)} for media in answer.media}
    return response


def _raw(media: str) -> dict[str, Any]:
    if media == "application/json":
        return {}
    return _binary() if media == _BYTES else {"type": "string"}


def _binary() -> dict[str, Any]:
    return {"type": "string", "format": "binary"}


def _problems(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in route.codes:
        by_status.setdefault(CODES[code].status, []).append(code)
    problem = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    problems = {}
    for status, codes in sorted(by_status.items()):
        described: dict[str, Any] = {"description": " or ".join(f"`{code}`" for code in codes), "content": problem}
        if status in (429, 503):
            described["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
        problems[str(status)] = described
    return problems


def _operation_schema() -> dict[str, Any]:
    variants = []
    for op, (required, optional) in OPERATIONS.items():
        path = _pointer(2 if op.startswith("map.") else 1)
        variants.append(
            {
                "type": "object",
                "title": op,
                "required": ["op", "path", *required],
                "properties": {"op": {"const": op}, "path": path, **required, **optional},
                "additionalProperties": False,
            }
        )
    return {"oneOf": variants, "description": "One change. Missing maps on the way are created."}
