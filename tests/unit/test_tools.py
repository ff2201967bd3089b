"""The tools of an agent: their arguments are what their schemas say, and what goes wrong is said in words for a model."""

from __future__ import annotations

from typing import Any, cast

import jsonschema
import pytest

from collab.commands.agent.tools import TOOLS, call, refusal_of
from collab.commands.agent.workspace import Workspace
from collab.commands.api_client import ApiError
from collab.errors import CollabError

NOWHERE = cast("Workspace", object())


@pytest.mark.parametrize("row", TOOLS.values(), ids=list(TOOLS))
def test_each_has_a_schema_and_words(row: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(row.schema)
    assert set(row.needed) <= set(row.arguments)
    assert len(row.words) > 20


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_document", {}), ("read_document", {"document": 7}), ("read_document", {"document": "a", "format": "pdf"}),
        ("read_document", {"document": "a", "colour": "red"}), ("read_document", {"document": "a", "offset": -1}),
        ("read_document", {"document": "a", "offset": True}), ("list_documents", {"limit": 0}), ("compare", {"document": "a"}),
        ("edit_document", {"document": "a", "operations": {}}), ("replace_text", {"document": "a", "old": "x", "new": None}),
    ],
)  # fmt: skip
async def test_arguments_that_are_refused_are_not_valid_either(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(CollabError, match="invalid_payload"):
        await call(NOWHERE, name, arguments)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(arguments, TOOLS[name].schema)


async def test_what_there_is_not() -> None:
    with pytest.raises(CollabError, match="there are list_documents"):
        await call(NOWHERE, "delete_everything", {})
    with pytest.raises(CollabError, match="invalid_document"):
        await call(NOWHERE, "read_document", {"document": "a//b"})


def test_what_goes_wrong_is_said() -> None:
    assert refusal_of(CollabError("read_only"))["code"] == "read_only"
    assert refusal_of(ApiError("not_found", "There is nothing here."))["code"] == "not_found"
    assert refusal_of(TimeoutError())["code"] == "unreachable"
    assert refusal_of(ConnectionError("gone")) == {"code": "unreachable", "message": "gone"}
