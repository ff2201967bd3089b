"""Who is an administrator of all documents, and that nobody else is."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

import collab
from collab.auth.base import Authenticator, ShownUser
from collab.doors.http.admin.admin_door import sees_everything
from collab.types import Grant, Identity, Role


def somebody(*grants: tuple[str, Role], default: Role | None = None) -> Identity:
    return Identity("ann", "Ann", "#000000", tuple(Grant(*grant) for grant in grants), default)


@pytest.mark.parametrize(
    ("identity", "may"),
    [
        (somebody(("*", Role.ADMIN)), True), (somebody(("**", Role.ADMIN)), True),
        (somebody(("a*", Role.VIEWER), ("*", Role.ADMIN)), True), (somebody(default=Role.ADMIN), True),
        (somebody(), False), (somebody(("*", Role.EDITOR)), False), (somebody(("team/*", Role.ADMIN)), False),
        (somebody(("", Role.ADMIN)), False), (somebody(("?*", Role.ADMIN)), False),
        (somebody(("*", Role.VIEWER), default=Role.ADMIN), False),
    ],
)  # fmt: skip
def test_whose_grant_covers_everything(identity: Identity, may: bool) -> None:
    assert sees_everything(identity) is may


class Open(Authenticator):
    """An authenticator of a program's own, which lets everybody in."""

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        return somebody(("*", Role.ADMIN)) if token == "root" else somebody()


async def test_a_programs_own_authenticator_is_asked_and_the_page_works_below_a_prefix() -> None:
    from aiohttp import web

    parent = web.Application()
    parent.add_subapp("/collab/", collab.create_app(store="memory://", auth=Open()))
    async with TestClient(TestServer(parent)) as client:
        assert (await client.get("/collab/admin")).status == 403
        answer = await client.get("/collab/admin", headers={"Authorization": "Bearer root"})
        assert answer.status == 200
        assert 'src="admin/admin.js"' in await answer.text(), "as seen from /collab/"
        assert (await client.get("/collab/admin/admin.js")).status == 200
        signed = await client.post("/collab/admin", data={"token": "root"}, allow_redirects=False)
        assert signed.headers["Location"] == "/collab/admin"
        assert "Path=/collab/admin" in signed.headers["Set-Cookie"]
