"""Errors of the HTTP API: whatever a handler raises is a problem from the one table, and says no more."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from collab.doors.http.problems import (
    PROBLEM_TYPE,
    RETRY_AFTER,
    answer_with_problems,
    as_problem,
    problem_response,
    retry_after,
)
from collab.errors import CODES, CollabError


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_a_problem_of_its_row(code: str) -> None:
    row = CODES[code]
    problem = as_problem(CollabError(code, "Some words.", detail={"limit": 3, "status": 1, "code": "x"}))
    wanted = {
        "type": f"/api#{code}", "title": row.message, "status": row.status, "detail": "Some words.", "code": code,
        "retryable": row.retryable, "limit": 3,
    }  # fmt: skip
    assert {key: problem[key] for key in wanted} == wanted, "details do not take the place of what is known"
    assert ("retry_after" in problem) == (row.status in (429, 503))


@pytest.mark.parametrize("code", CODES)
def test_the_response_says_what_the_problem_says(code: str) -> None:
    response = problem_response(CollabError(code))
    assert (response.status, response.content_type) == (CODES[code].status, PROBLEM_TYPE)
    assert orjson.loads(response.body) == as_problem(CollabError(code))  # type: ignore[arg-type]
    assert response.headers["Cache-Control"] == "no-store"
    assert ("Retry-After" in response.headers) == (response.status in (429, 503))
    assert ("WWW-Authenticate" in response.headers) == (response.status == 401)


@pytest.mark.parametrize(("seconds", "header"), [(0.1, "1"), (1.0, "1"), (2.1, "3"), (60.0, "60")])
def test_seconds_to_wait_are_whole_in_the_header(seconds: float, header: str) -> None:
    error = CollabError("rate_limited", retry_after=seconds)
    assert retry_after(error) == as_problem(error)["retry_after"] == seconds
    assert problem_response(error).headers["Retry-After"] == header


def test_where_nobody_knows_how_long_it_takes() -> None:
    assert retry_after(CollabError("storage_unavailable")) == RETRY_AFTER
    assert retry_after(CollabError("not_found")) is None
    assert retry_after(CollabError("internal", retry_after=5)) == 5


def test_an_expired_token_is_an_invalid_one_to_http() -> None:
    assert problem_response(CollabError("unauthorized")).headers["WWW-Authenticate"] == 'Bearer realm="collab"'
    expired = problem_response(CollabError("token_expired")).headers["WWW-Authenticate"]
    assert expired == 'Bearer realm="collab", error="invalid_token"'


async def answer(raised: BaseException) -> tuple[web.StreamResponse, dict[str, Any], list[Any]]:
    async def handler(_request: web.Request) -> web.StreamResponse:
        raise raised

    request = make_mocked_request("BREW", "/secret-name")
    route = web.PlainResource("/pots", name="pots").add_route("GET", handler)
    request._match_info = web.UrlMappingMatchInfo({}, route)  # type: ignore[attr-defined]
    with capture_logs() as lines:
        response = await answer_with_problems(request, handler)
    assert isinstance(response, web.Response)
    return response, orjson.loads(response.body or b"{}"), lines  # type: ignore[arg-type]


async def test_an_error_with_a_code_is_its_problem() -> None:
    response, problem, lines = await answer(CollabError("document_full", "Full."))
    assert (response.status, problem["code"], problem["detail"]) == (
        CODES["document_full"].status,
        "document_full",
        "Full.",
    )
    assert lines == []


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (web.HTTPNotFound(text="/secret-name is not here"), 404, "not_found"),
        (web.HTTPMethodNotAllowed("BREW", ["PUT", "GET"]), 405, "invalid_payload"),
        (web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2), 413, "update_too_large"),
        (web.HTTPExpectationFailed(text="x"), 417, "invalid_payload"),
        (web.HTTPNotImplemented(), 501, "internal"),
    ],
)  # fmt: skip
async def test_what_aiohttp_raises_is_a_problem_too(raised: web.HTTPException, status: int, code: str) -> None:
    response, problem, lines = await answer(raised)
    assert (response.status, problem["status"], problem["code"]) == (status, status, code)
    assert response.content_type == PROBLEM_TYPE
    assert "secret-name" not in str(problem) + str(lines)
    assert len(lines) == (code != "not_found"), "of wrong addresses the log hears nothing"
    if status == 405:
        assert problem["detail"] == "BREW is not possible here; possible are GET, PUT."
        assert response.headers["Allow"] == "GET, PUT"


async def test_what_nobody_expected_is_internal_and_its_words_are_for_the_log() -> None:
    response, problem, lines = await answer(ZeroDivisionError("secret words"))
    assert (response.status, problem["code"]) == (CODES["internal"].status, "internal")
    assert "secret" not in str(problem)
    ((line),) = lines
    assert (line["event"], line["route"], line["log_level"]) == ("request failed", "pots", "error")


@pytest.mark.parametrize("raised", [web.HTTPFound("/elsewhere"), ConnectionResetError(), KeyboardInterrupt()])
async def test_what_is_no_error_of_the_request_passes(raised: BaseException) -> None:
    with pytest.raises(type(raised)):
        await answer(raised)
