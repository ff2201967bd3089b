"""The scripts of the outbox: what they do is in ``tests/contract/test_outbox.py``."""

from __future__ import annotations

import hashlib
import re

import pytest

from collab.stores import redis_outbox_scripts
from collab.stores.redis_outbox_scripts import OUTBOX_SCRIPTS
from collab.stores.redis_scripts import SCRIPTS, Script


def test_all_are_listed_and_known_by_their_hash() -> None:
    defined = [value for value in vars(redis_outbox_scripts).values() if isinstance(value, Script)]
    assert set(defined) == set(OUTBOX_SCRIPTS)
    assert len({script.sha for script in (*SCRIPTS, *OUTBOX_SCRIPTS)}) == len(SCRIPTS) + len(OUTBOX_SCRIPTS)
    for script in OUTBOX_SCRIPTS:
        assert script.sha == hashlib.sha1(script.source.encode()).hexdigest()


@pytest.mark.parametrize("script", OUTBOX_SCRIPTS)
def test_a_script_touches_only_the_keys_that_it_is_given(script: Script) -> None:
    for command, first in re.findall(r"redis\.call\('(\w+)'(?:, ([^,)]+))?", script.source):
        if command != "TIME":
            assert first.startswith("KEYS["), (command, first)
