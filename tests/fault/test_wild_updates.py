"""No update ends, hangs or poisons the process (rule S4). Longer by hand: COLLAB_TEST_SEEDS=20000."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.seeds import chosen_seed

SEEDS = int(os.environ.get("COLLAB_TEST_SEEDS", "300"))
PROCESSES = 2


@pytest.mark.timeout(max(120, SEEDS))
@pytest.mark.parametrize("part", range(PROCESSES))
def test_wild_updates_leave_documents_that_can_be_read(part: int) -> None:
    first = chosen_seed() + part * SEEDS
    count = SEEDS // PROCESSES
    print(f"seeds {first} to {first + count - 1}")
    process = subprocess.run(
        [sys.executable, "-m", "tests.support.fuzz_documents", str(first), str(count)],
        capture_output=True, text=True, timeout=max(60, SEEDS), check=False,
    )  # fmt: skip
    lines = process.stdout.split("\n")
    assert process.returncode == 0, f"seed {lines[-2]}: {process.stderr[-2000:]}"
    _, tried, passed = lines[-2].split()
    assert int(passed) > int(tried) // 10, "too few pass the scan: the test tests nothing"
