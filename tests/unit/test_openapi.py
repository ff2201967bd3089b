"""The HTTP API described: every reference leads somewhere, every route says what it may answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from collab.content.operations import validate
from collab.doors.http.openapi import OPERATIONS, PREFIX, ROUTES, openapi_document
from collab.doors.http.route import Route
from collab.errors import CODES
from collab.types import Role, check_document_name

DOCUMENT = openapi_document()
DESCRIBED = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_json_and_every_reference_in_it_leads_somewhere() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.")
    assert DOCUMENT["servers"] == [{"url": PREFIX}]
    for reference in set(references(DOCUMENT)):
        here: Any = DOCUMENT
        for segment in reference.removeprefix("#/").split("/"):
            here = here[segment]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_is_described_as_it_is(route: Route) -> None:
    method, path, operation = DESCRIBED[route.name]
    assert (method, path) == (route.method, route.path)
    assert operation["x-role"] == (None if route.role is None else route.role.word)
    named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", route.path))
    for status in route.answers:
        assert str(status) in operation["responses"]
    for code in route.codes:
        assert f"`{code}`" in operation["responses"][str(CODES[code].status)]["description"]
    for status, response in operation["responses"].items():
        assert ("Retry-After" in response.get("headers", {})) == (status in ("429", "503"))
    assert ("requestBody" in operation) == (route.body is not None)


def test_who_may_change_something_may_hear_that_they_may_not() -> None:
    for route in ROUTES:
        if route.role is Role.EDITOR:
            assert "read_only" in route.codes, route.name
        assert "forbidden" in route.codes
        assert len(set(route.codes)) == len(route.codes)


def test_names_are_given_once() -> None:
    assert len(DESCRIBED) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize(
    ("name", "fits"), [("team/notes", True), ("é ü", True), ("a?b", False), ("a\nb", False), ("", False)]
)
def test_the_pattern_of_names_refuses_no_name_that_there_can_be(name: str, fits: bool) -> None:
    _, _, operation = DESCRIBED["get_document"]
    schema = operation["parameters"][0]["schema"]
    assert bool(re.search(schema["pattern"], name) and len(name) >= schema["minLength"]) is fits
    if fits:
        check_document_name(name)


VALUES: dict[str, Any] = {"index": 0, "length": 0, "text": "x", "attributes": {}, "value": 1, "values": [1]}


@pytest.mark.parametrize("op", OPERATIONS)
def test_an_operation_is_described_as_it_is_read(op: str) -> None:
    """What the description asks for is taken; without any of it, it is not."""
    required, optional = OPERATIONS[op]
    path = "/root/key" if op.startswith("map.") else "/root"
    entry = {"op": op, "path": path, **{name: VALUES[name] for name in (*required, *optional)}}
    assert len(validate([entry])) == 1
    assert len(validate([{name: value for name, value in entry.items() if name not in optional}])) == 1
    for missing in required:
        with pytest.raises(Exception, match=f"`{missing}` is missing"):
            validate([{name: value for name, value in entry.items() if name != missing}])
    (described,) = (each for each in DOCUMENT["components"]["schemas"]["Operation"]["oneOf"] if each["title"] == op)
    assert re.fullmatch(described["properties"]["path"]["pattern"].strip("^$"), path)
    assert not described["additionalProperties"]


def test_what_comes_in_is_strict_and_answers_may_grow() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Operations"]["additionalProperties"] is False
    assert schemas["NewVersion"]["additionalProperties"] is False
    assert schemas["NewEvent"]["additionalProperties"] is False
    assert schemas["MarkRead"]["additionalProperties"] is False
    answers = schemas.keys() - {"Operations", "NewVersion", "NewEvent", "MarkRead", "Operation"}
    assert {"Problem", "Document", "User"} <= answers
    for name in answers:
        assert "additionalProperties" not in schemas[name], name
