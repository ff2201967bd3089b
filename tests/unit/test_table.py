"""The page for those who run the server has the tables of metrics and events as they are."""

from __future__ import annotations

import pytest

from collab.metrics import METRICS
from collab.observe.table import PAGE, events, metrics_table, with_tables


@pytest.mark.slow
def test_the_page_has_the_tables_as_they_are() -> None:
    page = PAGE.read_text()
    assert page == with_tables(page), "python -m collab.observe.table writes them anew"
    assert len(metrics_table().splitlines()) == len(METRICS) + 2


@pytest.mark.slow
def test_events_are_found_with_their_level_fields_and_end() -> None:
    found = {event.name: event for event in events()}
    assert found["session refused"].level == "info"
    assert {"code", "door"} <= set(found["session refused"].fields)
    assert (found["the store fails"].level, found["the store works again"].level) == ("error", "info")
    assert found["Redis is slow"].level == "warning"
    assert found["a library says"].level == "any"


@pytest.mark.slow
def test_what_begins_and_ends_is_explained() -> None:
    page = PAGE.read_text()
    prose = page.partition("<!-- events")[0]
    for event in events():
        assert not event.lasting or f"`{event.name}`" in prose, event.name
