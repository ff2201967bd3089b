"""No authentication: everybody is who they say they are, with one role."""

from __future__ import annotations

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import ShownUser
from collab.types import Role


async def test_anonymous_people_get_the_same_role_everywhere() -> None:
    for role in Role:
        identity = await AnonymousAuthenticator(role).authenticate(None, None)
        assert identity.role_for("any/thing") is role
        assert (identity.id, identity.expires_at, identity.as_user().keys()) == (None, None, {"name", "color"})


async def test_anonymous_people_are_called_what_they_say_and_keep_their_colour() -> None:
    authenticator = AnonymousAuthenticator(Role.EDITOR)
    one, again = [await authenticator.authenticate(None, ShownUser("Ann", None)) for _ in range(2)]
    assert one.name == "Ann"
    assert one.color == again.color
    assert (await authenticator.authenticate(None, ShownUser("Ann", "rebeccapurple"))).color == "rebeccapurple"
    assert (await authenticator.authenticate(None, ShownUser("Ann", "url(javascript:x)"))).color == one.color
    assert (await authenticator.authenticate(None, ShownUser(" \u202e\n", None))).name == "Anonymous"


async def test_anonymous_people_are_shown_with_what_they_say() -> None:
    avatar = {"avatar": "https://people.example/ann.png"}
    identity = await AnonymousAuthenticator(Role.EDITOR).authenticate(None, ShownUser("Ann", "red", avatar))
    assert identity.as_user() == {"name": "Ann", "color": "red"} | avatar
