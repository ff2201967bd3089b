"""Nothing that a Yjs client writes is refused, and the server keeps it as Yjs shows it (D1, S4).

Longer by hand: ``COLLAB_TEST_DOCUMENTS=10000``; other documents: ``COLLAB_TEST_SEED=...``.
"""

from __future__ import annotations

import os

import pytest

from tests.support.honest_documents import Histories, try_documents
from tests.wire.node.driver import NodeUnavailable

DOCUMENTS = int(os.environ.get("COLLAB_TEST_DOCUMENTS", "40"))
FIRST = int(os.environ.get("COLLAB_TEST_SEED", "1"))


@pytest.mark.slow
@pytest.mark.timeout(max(120, 2 * DOCUMENTS))
def test_random_histories_are_taken_and_kept_as_yjs_shows_them() -> None:
    try:
        histories = Histories()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))
    with histories:
        total = try_documents(histories, range(FIRST, FIRST + DOCUMENTS))
    print(total)
    assert (total.refused, total.faults) == (0, 0), str(total)
    assert total.updates > 10 * DOCUMENTS, "they do too little"
