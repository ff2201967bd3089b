"""What may be used is what the setting and the cgroup say, of both versions; the nearer bound counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.observe.memory_use import MemoryBound, MemoryUse, cgroup_bounds, oom_kills, resident

MIB = 2**20


def tree(root: Path, files: dict[str, object]) -> Path:
    for name, words in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{words}\n")
    return root


def v2(folder: str, **files: object) -> dict[str, object]:
    return {f"sys/fs/cgroup/{folder}memory.{name}": words for name, words in files.items()}


def test_the_least_limit_of_the_cgroups_above_counts_with_what_is_used_there(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {"proc/self/cgroup": "0::/system.slice/collab.service"}
        | v2(
            "system.slice/collab.service/", max=512 * MIB, high="max", current=90 * MIB, stat="anon 1\ninactive_file 0"
        )
        | v2("system.slice/", max="max", high=300 * MIB, current=200 * MIB, stat=f"anon 1\ninactive_file {50 * MIB}"),
    )
    (bound,) = cgroup_bounds(root)
    assert (bound.limit, bound.used(), bound.of) == (300 * MIB, 150 * MIB, "cgroup sys/fs/cgroup/system.slice")


def test_version_1_counts_without_what_its_cache_can_drop(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/memory/box/memory."
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/box\n1:cpu:/box\n0::/",
            f"{folder}limit_in_bytes": 256 * MIB,
            f"{folder}usage_in_bytes": 200 * MIB,
            f"{folder}stat": f"cache 5\ntotal_inactive_file {120 * MIB}",
        },
    )
    (bound,) = cgroup_bounds(root)
    assert (bound.limit, bound.used()) == (256 * MIB, 80 * MIB)


def test_what_the_kernel_has_ended_is_counted_by_both_versions(tmp_path: Path) -> None:
    one = tree(tmp_path / "one", {
        "proc/self/cgroup": "4:memory:/box\n0::/", "sys/fs/cgroup/memory/box/memory.oom_control": "under_oom 0\noom_kill 2",
    })  # fmt: skip
    two = tree(tmp_path / "two", {"proc/self/cgroup": "0::/box"} | v2("box/", events="low 0\noom 7\noom_kill 3"))
    old = tree(tmp_path / "old", {
        "proc/self/cgroup": "4:memory:/box", "sys/fs/cgroup/memory/box/memory.oom_control": "under_oom 0",
    })  # fmt: skip
    assert [oom_kills(root) for root in (one, two, old, tmp_path)] == [2, 3, None, None]


def test_inside_a_container_the_path_of_the_host_leads_nowhere(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {"proc/self/cgroup": "0::/kubepods/pod7"} | v2("", max=128 * MIB, current=1 * MIB, stat="inactive_file 0"),
    )
    assert [bound.limit for bound in cgroup_bounds(root)] == [128 * MIB]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/"},
        {"proc/self/cgroup": "0::/"} | v2("", max="max", current=5),
        {"proc/self/cgroup": "0::/"} | v2("", max=2**62, current=5),
        {"proc/self/cgroup": "3:memory:/", "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712},
    ],
)
def test_where_nothing_is_said_there_is_no_bound(tmp_path: Path, files: dict[str, object]) -> None:
    assert MemoryUse.of(None, tree(tmp_path, files)).tightest() is None


def test_a_setting_counts_beside_the_cgroup_and_0_takes_both_away(tmp_path: Path) -> None:
    root = tree(
        tmp_path, {"proc/self/cgroup": "0::/"} | v2("", max=128 * MIB, current=127 * MIB, stat="inactive_file 0")
    )
    assert [bound.of for bound in MemoryUse.of(2**40, root).bounds] == ["cgroup sys/fs/cgroup", "max-memory"]
    nearest = MemoryUse.of(2**40, root).tightest()
    assert nearest is not None
    assert nearest[0].limit == 128 * MIB
    assert MemoryUse.of(0, root).tightest() is None


def test_the_nearer_one_counts() -> None:
    far, near = MemoryBound(1000, lambda: 500, "far"), MemoryBound(10, lambda: 9, "near")
    assert MemoryUse([far, near]).tightest() == (near, 9)


def test_this_process_is_somewhere_in_memory() -> None:
    assert 10 * MIB < resident() < 2**40
