"""Document names, roles and grants (rule C2)."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collab.auth.base import is_subject
from collab.errors import CollabError
from collab.types import AGENT_MARK, MAX_DOCUMENT_NAME_BYTES, Grant, Identity, Role, author_of, check_document_name

ROLES = st.sampled_from(Role)


@pytest.mark.parametrize(
    "name",
    [
        "a", "notes", "a b", "a/b/c", "ä/ö", "日本語", "\U0001f600", "...", "a..b", "..a", "a.", "-", "0", "yjs|a", "/doc/a"[1:],
        "a" * 200, "é" * 100, "it's \"quoted\"", "a:b;c=d&e+f", "<script>", "con", "__proto__", "a  b", "$a", "[x]", "*",
        "می\u200cخواهم", "क्\u200dष", "\U0001f469\u200d\U0001f4bb", "\u2764\ufe0f",
    ],
)  # fmt: skip
def test_good_names(name: str) -> None:
    assert check_document_name(name) is name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "0 bytes"), ("a" * 201, "201 bytes"), ("é" * 101, "202 bytes"), ("\U0001f600" * 51, "204 bytes"),
        ("a,b", "may stand"), ("a?b", "may stand"), ("a#", "may stand"), ("%41", "may stand"), ("a\\b", "may stand"),
        ("a\0b", "control"), ("a\nb", "control"), ("\x7f", "control"), ("a\x80", "control"), ("\x9f", "control"),
        ("e\u0301", "NFC"), ("\u212b", "NFC"), ("/a", "slash"), ("a/", "slash"), (" a", "space"), ("a ", "space"), ("/", "slash"),
        ("a//b", "segment"), ("a/./b", "segment"), ("a/../b", "segment"), (".", "segment"), ("..", "segment"), ("../a", "segment"),
        ("a/..", "segment"), ("\ud800", "Unicode"), ("a\udfff", "Unicode"),
        *((f"no{char}tes", "seen") for char in "\u202e\u200b\u00ad\ufeff\u2066\u200e\u061c\u2060\U000e0061\u2028\u200d\u200c"),
        ("\u200dم", "seen"), ("م\u200d", "seen"), ("م\u200da", "seen"), ("\U0001f469\u200d\u200d\U0001f4bb", "seen"),
    ],
)  # fmt: skip
def test_bad_names_say_which_rule_they_break(name: str, words: str) -> None:
    with pytest.raises(CollabError) as caught:
        check_document_name(name)
    assert caught.value.code == "invalid_document"
    assert words in caught.value.message
    assert name not in caught.value.message or len(name) < 3, "a name is not repeated to whoever reads the message"


def allowed(name: str) -> bool:
    """The rule again, in other words."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return (
        0 < size <= MAX_DOCUMENT_NAME_BYTES
        and unicodedata.normalize("NFC", name) == name
        and not any(char in ",?#%\\" or char < " " or "\x7f" <= char <= "\x9f" for char in name)
        and not re.search(
            r"(?<![^\0-\u058f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\0-\u058f\u200c\u200d])", name
        )
        and not any(unicodedata.category(char) in ("Cf", "Zl", "Zp") for char in re.sub("[\u200c\u200d]", "", name))
        and name.strip("/ ") == name
        and not {"", ".", ".."} & set(name.split("/"))
    )


@given(
    st.one_of(
        st.text(max_size=250),
        st.text("a./ ,é\u0301\0", max_size=12),
        st.text("aم\u200c\u200d\u202e", max_size=5),
        st.text(st.characters(categories=["Cs", "Ll"])),
    )
)
@example("a" * 200)
def test_every_text_is_a_name_or_is_refused(name: str) -> None:
    if allowed(name):
        assert check_document_name(name) == name
    else:
        with pytest.raises(CollabError) as caught:
            check_document_name(name)
        assert caught.value.code == "invalid_document"
        caught.value.message.encode()


# -- roles ------------------------------------------------------------------------------------------


def test_roles_are_ordered() -> None:
    assert Role.VIEWER < Role.COMMENTER < Role.EDITOR < Role.ADMIN
    assert [role.word for role in Role] == ["viewer", "commenter", "editor", "admin"]
    assert [role.refusal for role in Role] == ["read_only", "read_only", "read_only", "forbidden"]


@given(ROLES)
def test_roles_are_read_as_they_are_written(role: Role) -> None:
    assert Role.parse(role.word) is role


@pytest.mark.parametrize(
    "word", ["", "Viewer", "ADMIN", "owner", "viewer ", "1", "Role.ADMIN", "word", "name", None, 3, ["admin"]]
)
def test_other_words_are_no_roles(word: str) -> None:
    with pytest.raises(ValueError, match="allowed are viewer, commenter, editor, admin"):
        Role.parse(word)


# -- grants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("*", ["a", "a/b", "日本"], []),
        ("team/*", ["team/a", "team/a/b"], ["team", "teams/a", "x/team/a", "Team/a"]),
        ("notes", ["notes"], ["notes2", "my-notes", "Notes", "notes/a"]),
        ("note?", ["notes", "note1"], ["note", "notess"]),
        ("[ab]*", ["a", "bcd"], ["c", "[ab]"]),
        ("[!a]", ["b", "!"], ["a", "bb"]),
        ("", [], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("(a|b)+", ["(a|b)+"], ["a", "ab"]),
        ("a\\*", ["a\\x"], ["a*"]),
    ],
)
def test_patterns_are_those_of_a_shell(pattern: str, covered: list[str], not_covered: list[str]) -> None:
    grant = Grant(pattern, Role.VIEWER)
    assert [name for name in covered if not grant.covers(name)] == []
    assert [name for name in not_covered if grant.covers(name)] == []


@given(st.text(max_size=40), st.text("ab*?[]!-", max_size=30))
def test_any_pattern_can_be_asked(name: str, pattern: str) -> None:
    assert Grant("*", Role.VIEWER).covers(name)
    assert isinstance(Grant(pattern, Role.VIEWER).covers(name), bool)


@pytest.mark.timeout(5)
def test_no_pattern_takes_long() -> None:
    for pattern in ("*a" * 200, "*?" * 200, "[a-z]*" * 60, "*" * 400, "[" * 400, "?*a" * 130 + "b"):
        assert not Grant(pattern + "!", Role.VIEWER).covers("a" * 200)


# -- identities -------------------------------------------------------------------------------------

GRANTS = st.lists(st.builds(Grant, st.sampled_from(["*", "a", "a*", "b", "b*"]), ROLES), max_size=6)


@given(GRANTS, st.none() | ROLES, st.sampled_from(["a", "ab", "b", "c"]))
def test_the_strongest_grant_wins_and_the_default_is_for_those_without(
    grants: list[Grant], default: Role | None, document: str
) -> None:
    identity = Identity("ann", "Ann", "#fff", tuple(grants), default)
    matching = sorted(grant.role for grant in grants if grant.covers(document))
    assert identity.role_for(document) == (matching[-1] if matching else default)


@given(GRANTS, st.sampled_from(["a", "b", "c"]))
def test_the_order_of_grants_does_not_matter(grants: list[Grant], document: str) -> None:
    one = Identity("ann", "Ann", "#fff", tuple(grants))
    other = Identity("ann", "Ann", "#fff", tuple(reversed(grants)))
    assert one.role_for(document) == other.role_for(document)


def test_only_the_public_part_of_an_identity_is_shown() -> None:
    secret = Identity("ann", "Ann", "#fff", (Grant("*", Role.ADMIN),), None, 5.0, {"email": "ann@example.com"})
    assert secret.as_user() == {"id": "ann", "name": "Ann", "color": "#fff"}
    assert Identity(None, "Ann", "#fff").as_user() == {"name": "Ann", "color": "#fff"}


@pytest.mark.parametrize(
    ("grants", "agent"),
    [
        ([], False),
        ([Grant("*", Role.EDITOR, agent=True)], True),
        ([Grant("other", Role.EDITOR, agent=True), Grant("*", Role.VIEWER)], False),
        ([Grant("notes", Role.EDITOR), Grant("*", Role.VIEWER, agent=True)], False),
        ([Grant("notes", Role.EDITOR), Grant("*", Role.EDITOR, agent=True)], True),
    ],
)
def test_who_uses_a_grant_for_agents_is_one(grants: list[Grant], agent: bool) -> None:
    identity = Identity("ann", "Ann", "#fff", tuple(grants))
    assert identity.is_agent("notes") is agent
    assert identity.as_user("notes").get("agent", False) is agent
    assert author_of(identity.author("notes")) == ("ann", agent)
    assert "agent" not in identity.as_user()


def test_the_log_tells_agents_from_people() -> None:
    assert author_of(None) == (None, False)
    assert author_of("ann") == ("ann", False)
    assert not is_subject(AGENT_MARK + "ann"), "nobody is called as if they were an agent"


@pytest.mark.parametrize(
    ("grants", "default", "everything"),
    [
        ([], Role.ADMIN, True), ([], Role.EDITOR, False), ([], None, False), ([Grant("*", Role.ADMIN)], None, True),
        ([Grant("**", Role.ADMIN)], None, True), ([Grant("*", Role.EDITOR)], Role.ADMIN, False), ([Grant("a*", Role.ADMIN)], None, False),
    ],
)  # fmt: skip
def test_who_administers_everything(grants: list[Grant], default: Role | None, everything: bool) -> None:
    assert Identity("ann", "Ann", "#fff", tuple(grants), default).administers_everything is everything
