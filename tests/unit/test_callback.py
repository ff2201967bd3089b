"""Sign-in by callback: what is asked, what counts as an answer, how often and by how many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from collab.auth import callback
from collab.auth.base import Entrance
from collab.auth.callback import CallbackAuthenticator
from collab.errors import CollabError, Refused
from collab.types import Identity, Role
from tests.support.callback import SECRET, CallbackApp

HERE = Entrance("team/[notes]", "192.0.2.7", "socket.io")


@pytest.fixture
async def app() -> AsyncIterator[CallbackApp]:
    async with CallbackApp() as app:
        app.let_in("ann", "editor", name="Ann", color="#ff0000")
        yield app


@pytest.fixture
async def asking(app: CallbackApp) -> AsyncIterator[CallbackAuthenticator]:
    authenticator = CallbackAuthenticator(app.url, SECRET, ttl=60.0)
    await authenticator.open()
    yield authenticator
    await authenticator.close()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    ahead = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead, time=lambda: time.time() + ahead)
    monkeypatch.setattr(callback, "time", clock)

    def later(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return later


async def refusal(authenticator: CallbackAuthenticator, token: str | None, entrance: Entrance = HERE) -> CollabError:
    with pytest.raises(CollabError) as refused:
        await authenticator.admit(token, None, entrance)
    return refused.value


async def test_who_it_is_and_what_they_may_do_there(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    identity = await asking.admit("ann", None, HERE)
    assert app.questions == [{"token": "ann", "document": "team/[notes]", "address": "192.0.2.7", "door": "socket.io"}]
    assert (identity.id, identity.name, identity.color, identity.expires_at) == ("ann", "Ann", "#ff0000", None)
    assert identity.role_for("team/[notes]") is Role.EDITOR
    assert identity.role_for("team/n") is None, "for that document only"
    assert identity.as_user("team/[notes]") == {"id": "ann", "name": "Ann", "color": "#ff0000"}
    app.let_in("cat", "editor", shown={"avatar": "https://people.example/cat.png", "deep": {}})
    assert (await asking.admit("cat", None, HERE)).fields == {"avatar": "https://people.example/cat.png"}
    assert "ann'" not in repr(callback.Question("a secret", HERE)) and "a secret" not in repr(identity)


async def test_without_a_document_only_administrators_of_everything_count(
    app: CallbackApp, asking: CallbackAuthenticator
) -> None:
    nowhere = Entrance(None, "::1", "http")
    app.let_in("root", "admin")
    editor, root = await asking.admit("ann", None, nowhere), await asking.admit("root", None, nowhere)
    assert "document" not in app.questions[0]
    assert (editor.role_for("notes"), editor.administers_everything) == (None, False)
    assert (root.role_for("notes"), root.administers_everything) == (Role.ADMIN, True)


async def test_what_somebody_may_do_in_another_document_is_asked(
    app: CallbackApp, asking: CallbackAuthenticator, later: Any
) -> None:
    """As an inbox does, whose entries are of many."""
    for entrance in (HERE, Entrance(None, "192.0.2.7", "http")):
        identity = await asking.admit("ann", None, entrance)
        assert await asking.role_on(identity, "other") is Role.EDITOR
        assert app.questions[-1] == {"token": "ann", "document": "other", "address": "192.0.2.7", "door": entrance.door}
    before = len(app.questions)
    assert await asking.role_on(identity, "other") is Role.EDITOR
    assert len(app.questions) == before, "an answer is kept"
    app.people["ann"] = 403
    assert await asking.role_on(identity, "third") is None
    app.let_in("eve", "viewer")
    app.people["ann"] = app.people["eve"]
    assert await asking.role_on(identity, "fourth") is None, "somebody else's"
    app.people["ann"] = 500
    with pytest.raises(CollabError) as caught:
        await asking.role_on(identity, "fifth")
    assert (caught.value.code, caught.value.retryable) == ("unauthorized", True)
    assert await asking.role_on(Identity(None, "A", "red", default_role=Role.VIEWER), "a") is Role.VIEWER


async def test_agents_and_ends(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    app.let_in("robot", "editor", agent=True, expires_at=time.time() + 100)
    identity = await asking.admit("robot", None, HERE)
    assert identity.as_user(HERE.document)["agent"] is True
    assert identity.expires_at == pytest.approx(time.time() + 100, abs=5)
    app.let_in("late", "editor", expires_at=time.time() - 1)
    assert (await refusal(asking, "late")).code == "token_expired"


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (403, "forbidden")])
async def test_refusals(app: CallbackApp, asking: CallbackAuthenticator, later: Any, status: int, code: str) -> None:
    app.people["eve"] = status
    error = await refusal(asking, "eve")
    assert (error.code, error.retryable, isinstance(error, Refused)) == (code, False, True)
    assert (await refusal(asking, "eve")).code == code
    assert len(app.questions) == 1, "it counts for a moment"
    app.let_in("eve", "viewer")
    later(callback.COOLDOWN)
    assert (await asking.admit("eve", None, HERE)).role_for("team/[notes]") is Role.VIEWER


NO_ANSWERS: list[Any] = [
    500, 404, 204, 302, 429, "redirect", "text", "large", "close", [], {"role": "editor"}, {"sub": "", "role": "editor"},
    {"sub": 7, "role": "editor"}, {"sub": "ann"}, {"sub": "ann", "role": "owner"}, {"sub": "ann", "role": None},
    {"sub": "ann", "role": "editor", "expires_at": "soon"}, {"sub": "ann", "role": "editor", "expires_at": True},
    {"sub": "ann", "role": "editor", "agent": "yes"}, {"sub": "\x1fann", "role": "editor"}, {"sub": "ann", "role": ["admin"]},
]  # fmt: skip


@pytest.mark.parametrize("answer", NO_ANSWERS, ids=str)
async def test_anything_else_is_no_answer(
    app: CallbackApp, asking: CallbackAuthenticator, later: Any, answer: Any
) -> None:
    if isinstance(answer, int | str):
        app.trouble = answer
    else:
        app.people["ann"] = answer
    error = await refusal(asking, "ann")
    assert (error.code, error.retryable) == ("unauthorized", True)
    assert error.as_dict()["retryable"] is True
    assert error.retry_after
    asked = len(app.questions)
    await refusal(asking, "ann")
    assert len(app.questions) == asked, "what failed cools down"
    app.trouble = None
    app.let_in("ann", "editor")
    later(callback.COOLDOWN)
    assert (await asking.admit("ann", None, HERE)).id == "ann"


@pytest.mark.slow
async def test_an_answer_that_does_not_come(
    app: CallbackApp, asking: CallbackAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "ANSWER_TIMEOUT", 0.2)
    app.gate.clear()
    assert (await refusal(asking, "ann")).retryable
    gone = CallbackAuthenticator("http://127.0.0.1:1/", SECRET, 60.0)
    assert (await refusal(gone, "ann")).retryable
    await gone.close()


async def test_answers_are_kept_for_their_time(app: CallbackApp, asking: CallbackAuthenticator, later: Any) -> None:
    first = await asking.admit("ann", None, HERE)
    assert await asking.admit("ann", None, HERE) is first
    later(59)
    assert await asking.admit("ann", None, HERE) is first
    assert len(app.questions) == 1
    later(1)
    assert await asking.admit("ann", None, HERE) == first
    assert len(app.questions) == 2
    app.let_in("bob", "editor", expires_at=time.time() + 60 + 5)
    await asking.admit("bob", None, HERE)
    later(5)
    assert (await refusal(asking, "bob")).code == "token_expired", "no longer than it says"


async def test_an_answer_counts_for_its_question_only(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    """The application may say something else of another document, address or door, and is asked."""
    for entrance in (HERE, Entrance("b", HERE.address, HERE.door), Entrance(HERE.document, "::1", HERE.door),
                     Entrance(HERE.document, HERE.address, "sse")):  # fmt: skip
        await asking.admit("ann", None, entrance)
    assert len(app.questions) == 4


async def test_one_question_for_everybody_who_waits(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    app.gate.clear()
    waiting = [asyncio.create_task(asking.admit("ann", None, HERE)) for _ in range(100)]
    while not app.waiting:
        await asyncio.sleep(0.01)
    waiting[0].cancel()  # whoever goes away takes nobody along
    app.gate.set()
    found = await asyncio.gather(*waiting[1:])
    assert len(app.questions) == 1
    assert all(identity is found[0] for identity in found)


async def test_questions_and_answers_are_bounded(
    app: CallbackApp, asking: CallbackAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "MOST_WAITING", 3)
    monkeypatch.setattr(callback, "MOST_KEPT", 5)
    app.gate.clear()
    waiting = [asyncio.create_task(asking.admit(f"token {number}", None, HERE)) for number in range(3)]
    while app.waiting < 3:
        await asyncio.sleep(0.01)
    assert (await refusal(asking, "one too many")).retryable
    app.gate.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    for number in range(20):
        await refusal(asking, f"other {number}")
    assert len(asking._kept) == 5


@pytest.mark.parametrize("token", [None, "", "x" * 20_000, "\ud800"])
async def test_what_cannot_be_a_token_is_not_asked_about(
    app: CallbackApp, asking: CallbackAuthenticator, token: str | None
) -> None:
    error = await refusal(asking, token)
    assert (error.code, error.retryable, app.questions) == ("unauthorized", False, [])


@pytest.mark.slow
async def test_who_is_in_is_asked_about_when_the_answer_is_old(app: CallbackApp) -> None:
    asking = CallbackAuthenticator(app.url, SECRET, ttl=0.3)
    noted: asyncio.Queue[str | None] = asyncio.Queue()
    asking.changed = noted.put_nowait  # type: ignore[method-assign, assignment]
    await asking.open()
    identity: Identity = await asking.admit("ann", None, HERE)
    assert await asyncio.wait_for(noted.get(), 10) == "ann"
    app.let_in("ann", "viewer")
    renewed = await asking.renew(identity)
    assert renewed.role_for("team/[notes]") is Role.VIEWER
    assert await asyncio.wait_for(noted.get(), 10) == "ann", "and again"
    app.people["ann"] = 403
    with pytest.raises(CollabError, match="forbidden"):
        await asking.renew(renewed)
    await asking.close()


async def test_who_is_in_stays_for_a_while_if_nobody_can_say(
    app: CallbackApp, asking: CallbackAuthenticator, later: Any
) -> None:
    identity = await asking.admit("ann", None, HERE)
    app.trouble = 500
    later(61)
    assert await asking.renew(identity) is identity
    later(callback.STALE_AFTER)
    with pytest.raises(CollabError) as refused:
        await asking.renew(identity)
    assert (refused.value.code, refused.value.retryable) == ("unauthorized", True)


async def test_what_is_forgotten_is_asked_again(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    app.let_in("bob", "editor")
    ann, bob = await asking.admit("ann", None, HERE), await asking.admit("bob", None, HERE)
    app.let_in("ann", "viewer")
    asking.forget("ann")
    assert (await asking.renew(ann)).role_for("team/[notes]") is Role.VIEWER
    assert await asking.renew(bob) is bob
    assert [question["token"] for question in app.questions] == ["ann", "bob", "ann"]
    asking.forget()
    await asking.renew(bob)
    assert len(app.questions) == 4


async def test_an_answer_from_before_does_not_count(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    """It was on its way when everything was forgotten."""
    app.gate.clear()
    waiting = asyncio.create_task(asking.admit("ann", None, HERE))
    while not app.waiting:
        await asyncio.sleep(0.01)
    asking.forget("ann")
    app.gate.set()
    await waiting
    assert len(app.questions) == 2


async def test_no_token_is_logged(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    with structlog.testing.capture_logs() as logged:
        await refusal(asking, "a secret nobody may see")
        app.trouble = 500
        await refusal(asking, "another secret")
    assert len(logged) == 2
    assert "secret" not in repr(logged)


async def test_trouble_is_said_once(app: CallbackApp, asking: CallbackAuthenticator, later: Any) -> None:
    app.trouble = 503
    with structlog.testing.capture_logs() as logged:
        for number in range(5):
            await refusal(asking, f"token {number}")
        app.trouble = None
        await asking.admit("ann", None, HERE)
        later(callback.QUIET)
        await asking.admit("ann", None, Entrance("b", "::1", "http"))
    assert [line["event"] for line in logged] == [
        "sign-in by callback has no answer", "sign-in by callback is answered again",
    ]  # fmt: skip
    assert logged[0]["reason"] == "HTTP 503"


async def test_a_probe_says_what_there_is(app: CallbackApp, asking: CallbackAuthenticator) -> None:
    assert await asking.probe() == 401
    gone = CallbackAuthenticator("http://127.0.0.1:1/", SECRET, 60.0)
    with pytest.raises(ValueError, match="cannot be reached"):
        await gone.probe()
    await gone.close()


def test_an_address_that_is_none() -> None:
    with pytest.raises(ValueError, match="auth-callback-url"):
        CallbackAuthenticator("ftp://x/", SECRET, 60.0)
