"""Errors of the HTTP API: RFC 9457 problem details, made from the one table of codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from aiohttp import web

from collab.doors.requests import ADDRESS_KEY, Handler
from collab.errors import CollabError

PROBLEM_TYPE = "application/problem+json"
#: seconds that are named where a retry makes sense and nobody knows when
RETRY_AFTER = 1.0

_log = structlog.get_logger("collab.http")

#: what aiohttp raises by itself, in the words of our table
_CODES_BY_STATUS = {404: "not_found", 405: "invalid_payload", 413: "update_too_large"}


def as_problem(error: CollabError, status: int | None = None) -> dict[str, Any]:
    """The fields of a problem: ``type, title, status, detail, code, retryable, retry_after?, ...``.

    Args:
        status: instead of the table's, where HTTP knows a better one (405).
    """
    row = error.row
    problem: dict[str, Any] = {
        "type": f"/api#{row.code}",
        "title": row.message,
        "status": status or row.status,
        "detail": error.message,
        "code": row.code,
        "retryable": error.retryable,
    }
    wait = retry_after(error)
    if wait is not None:
        problem["retry_after"] = wait
    return problem | {key: value for key, value in error.detail.items() if key not in problem}


def retry_after(error: CollabError) -> float | None:
    """Seconds after which a retry makes sense; None where a retry makes none."""
    if error.retry_after is not None:
        return error.retry_after
    return RETRY_AFTER if error.row.status in (429, 503) else None


def problem_response(
    error: CollabError, status: int | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The response that says what went wrong, with ``Retry-After`` and ``WWW-Authenticate`` where due."""
    problem = as_problem(error, status)
    fields = {"Cache-Control": "no-store", **(headers or {})}
    wait = retry_after(error)
    if wait is not None:
        fields["Retry-After"] = str(max(1, math.ceil(wait)))
    if problem["status"] == 401:
        hint = ', error="invalid_token"' if error.code == "token_expired" else ""
        fields["WWW-Authenticate"] = f'Bearer realm="collab"{hint}'
    return web.Response(body=orjson.dumps(problem), status=problem["status"], headers=fields, content_type=PROBLEM_TYPE)


@web.middleware
async def answer_with_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem; what nobody expected becomes ``internal``."""
    try:
        return await handler(request)
    except CollabError as error:
        return problem_response(error)
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        return _from_aiohttp(request, refusal)
    except ConnectionResetError:
        raise  # the client is gone; there is nobody to tell
    except Exception:
        _log.exception("request failed", method=request.method, **_which(request))
        return problem_response(CollabError("internal"))


def _from_aiohttp(request: web.Request, refusal: web.HTTPException) -> web.Response:
    code = _CODES_BY_STATUS.get(refusal.status, "invalid_payload" if refusal.status < 500 else "internal")
    words = None
    headers = {}
    if isinstance(refusal, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(refusal.allowed_methods))
        words = f"{request.method[:20]} is not possible here; possible are {allowed}."
        headers["Allow"] = allowed
    elif code == "not_found":
        words = "There is nothing at this address."
    if code != "not_found":
        _log.info("request refused", code=code, status=refusal.status, **_which(request))
    return problem_response(CollabError(code, words), refusal.status, headers)


def _which(request: web.Request) -> dict[str, Any]:
    """Which request, and whose, for the log. Not its path: that holds a name, and whatever else was put there."""
    who = {"address": request[ADDRESS_KEY]} if ADDRESS_KEY in request else {}
    return {"route": request.match_info.route.name, **who}
