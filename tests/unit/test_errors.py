"""One table of codes: each has a family, words and advice, and reads the same wherever it is raised."""

from __future__ import annotations

import inspect

import pytest

from collab import errors
from collab.errors import CODES, CollabError


@pytest.mark.parametrize("code", CODES)
def test_a_code_makes_an_error_of_its_family(code: str) -> None:
    error = CollabError(code)
    assert type(error).__name__ == CODES[code].family
    assert error.code == code
    told = error.as_dict()
    assert (told["code"], told["message"], told["retryable"]) == (code, CODES[code].message, CODES[code].retryable)


@pytest.mark.parametrize("code", CODES)
def test_the_drawn_tree_names_every_code(code: str) -> None:
    assert code in (inspect.getdoc(errors) or "").replace("\n", " ")


@pytest.mark.parametrize("row", CODES.values(), ids=lambda row: row.code)
def test_a_row_is_for_people_and_machines(row: errors.Code) -> None:
    assert 400 <= row.status <= 599
    assert row.message.endswith(".") and row.message[0].isupper()
    assert row.advice.endswith(".")
    assert row.status not in (500, 503) or row.retryable


def test_unknown_codes_are_our_fault() -> None:
    with pytest.raises(KeyError):
        CollabError("no_such_code")


def test_details_are_told_and_nothing_is_told_that_is_not_known() -> None:
    assert "retry_after" not in CollabError("rate_limited").as_dict()
    told = CollabError("rate_limited", "Slowly.", retry_after=2.5, detail={"limit": 3}).as_dict()
    assert (told["message"], told["retry_after"], told["limit"]) == ("Slowly.", 2.5, 3)
