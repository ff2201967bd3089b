"""Many real clients type, lose their connections and come back: in the end there is one document.

The simulation is ``node/convergence.mjs``; everything in it that chance decides follows from the seed,
which is part of the test's name and of every failure message. Half of the clients' departures cut TCP
connections with whatever is on the way (D1, D3, D4, D7, C7).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import CollabServer
from tests.wire.node.driver import NodeUnavailable, install_clients, run_script

SEEDS = range(1, 21)
#: clients -> edits of each: the more people, the fewer, so that a run takes a second or two
CROWDS = {2: 60, 10: 25, 50: 8}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollabServer]:
    """One server for all seeds, which use documents of their own.

    Its heartbeat is short: engine.io-client 6.6 hangs until its own ping timeout where its connection
    breaks in the middle of an upgrade (its `upgrading` stays true, and its polling stays paused).
    """
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))
    store: Path = tmp_path_factory.mktemp("convergence") / "collab.db"
    server = CollabServer(f"sqlite:///{store}", args=["--ping-interval", "1s", "--ping-timeout", "2s"])
    yield server.start()
    server.kill()


@pytest.mark.parametrize("clients", CROWDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_ends_with_the_same_document(server: CollabServer, seed: int, clients: int) -> None:
    result = simulate(server, f"seed-{seed}/{clients}", seed, clients)
    assert result["edits"] == clients * CROWDS[clients]
    assert result["cuts"] > 0
    assert result["length"] > 0


def test_the_same_document_is_there_after_a_restart(server: CollabServer) -> None:
    seed = 4711
    agreed = simulate(server, "restarted", seed, 10)
    server.restart()
    again = run_script(
        "convergence.mjs",
        {"url": server.url, "document": "restarted", "seed": seed, "clients": 0, "edits": 0},
        timeout=100,
    )
    assert base64.b64decode(again["encoded"]) == base64.b64decode(agreed["encoded"])


def simulate(server: CollabServer, document: str, seed: int, clients: int) -> dict[str, Any]:
    """Run one simulation; raises AssertionError, with the seed, where people do not agree."""
    settings = {
        "url": server.url, "document": document, "seed": seed, "clients": clients, "edits": CROWDS[clients],
    }  # fmt: skip
    result = run_script("convergence.mjs", settings, timeout=110)
    print({key: value for key, value in result.items() if key != "encoded"})
    return result
