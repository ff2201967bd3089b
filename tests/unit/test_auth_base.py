"""Who somebody is shown as: names and colours that are harmless wherever they end up."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import MAX_NAME, PEOPLE_COLORS, Authenticator, ShownUser, clean_color, clean_name, color_for
from collab.auth.jwt import JwtAuthenticator
from collab.types import Identity, Role
from tests.support.examples import examples
from tests.support.tokens import (
    SECRET,
    claims,
    forged,
)


@settings(max_examples=examples(60), deadline=None)
@given(name=st.one_of(st.none(), st.text(max_size=300)), color=st.one_of(st.none(), st.text(max_size=80)))
def test_shown_names_and_colours_are_harmless(name: str | None, color: str | None) -> None:
    for authenticator, token in (
        (AnonymousAuthenticator(Role.VIEWER), None),
        (JwtAuthenticator(secret=SECRET), forged({"alg": "HS256"}, claims(name=name, color=color))),
    ):
        user = asyncio.run(authenticator.authenticate(token, ShownUser(name, color)))
        assert 1 <= len(user.name) <= MAX_NAME
        assert user.name.isprintable()
        assert user.name == user.name.strip()
        assert not set(user.color) & set("<>\"'&;{}\\"), "a colour ends up in style attributes"
        json.dumps(user.as_user()).encode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann"),
        ("  Ann \t B\n", "Ann B"),
        ("A\0\x1b[31m\u202eB", "A [31m B"),
        ("x" * 100, "x" * MAX_NAME),
        ("", "otherwise"),
        (" \u200b\n", "otherwise"),
        (None, "otherwise"),
    ],
)
def test_a_name_is_one_line_of_printable_letters(name: str | None, shown: str) -> None:
    assert clean_name(name, "otherwise") == shown


@pytest.mark.parametrize(
    "color", ["#fff", "#A0b1C2d3", "rebeccapurple", "rgb(1, 2, 3)", "hsla(120.5deg, 10%, 20%, 0.5)", "rgb(1 2 3 / 4%)"]
)
def test_a_colour_of_css_is_kept(color: str) -> None:
    assert clean_color(color, "Ann") == color


@pytest.mark.parametrize(
    "color", [None, "", "#ff", "#12345678f", "#fffz", "url(x)", "red;x:y", "rgb(1,2,3) x", "expression(1)", "rgb(var(--x))", "red\n"]
)  # fmt: skip
def test_any_other_is_the_one_that_goes_with_the_name(color: str | None) -> None:
    assert clean_color(color, "Ann") == color_for("Ann")


def test_the_colour_of_a_name_stays_and_is_one_of_ours() -> None:
    assert color_for("Ann") == "#46a758", "another one in every release would be another person to those who know it"
    assert {color_for(f"{number}") for number in range(500)} == set(PEOPLE_COLORS)
    assert color_for("\ud800") in PEOPLE_COLORS


async def test_what_an_adapter_need_not_have_does_nothing() -> None:
    class Least(Authenticator):
        async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
            return Identity(token, "Ann", "#000000")

    authenticator = Least()
    await authenticator.open()
    identity = await authenticator.authenticate("ann", None)
    authenticator.changed("ann")
    assert await authenticator.renew(identity) is identity
    await authenticator.close()
