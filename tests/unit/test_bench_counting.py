"""What counting costs is compared in turn, run by run."""

from __future__ import annotations

import pytest
from benchmarks.counting import Compared, figures, order


def test_each_kind_comes_as_often_and_is_first_as_often() -> None:
    assert order(2) == [True, False, False, True]
    runs = order(6)
    assert (len(runs), runs.count(True)) == (12, 6)
    assert [runs[at] for at in range(0, 12, 2)].count(True) == 3


def test_medians_the_least_and_the_noise_are_told() -> None:
    compared = Compared((10.2, 30.0, 10.4), (10.0, 10.1, 11.0))
    assert compared.percent == pytest.approx(100 * (10.4 / 10.1 - 1))
    assert compared.least_percent == pytest.approx(2.0)
    assert compared.noise == pytest.approx(100 * (30.0 / 10.2 - 1))


def test_the_figure_is_that_of_our_server() -> None:
    content = {"workloads": {"typist": {"servers": {"collab": {"figures": {"cpu_us": 5.3, "p50": 1}}}}}}
    assert figures(content) == {"typist": 5.3}
