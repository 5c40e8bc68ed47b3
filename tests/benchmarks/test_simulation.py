"""The coverage that `make simulate` prints is the share of intervals that contain the truth."""

import pytest

from benchmarks.simulation import folds
from benchmarks.simulation.coverage import table
from benchmarks.simulation.folds import Estimated
from benchmarks.simulation.populations import Design
from benchmarks.simulation.single_split import FIGURES
from workers.evaluation.intervals import Interval


def test_an_interval_covers_the_mean_over_the_models_of_all_draws() -> None:
    intervals = (
        Interval(0.4, 0.6, 0.95),
        Interval(0.55, 0.8, 0.95),
        Interval(0.0, 0.5, 0.95),
        Interval(0.8, 0.9, 0.95),
    )
    truths = (0.2, 0.4, 0.6, 0.8)  # their mean is 0.5
    found = [Estimated("d", "accuracy", "corrected t", *each) for each in zip(intervals, truths, strict=True)]
    found.append(Estimated("d", "accuracy", "variance components", Interval(0.0, 1.0, 0.95), 0.0))
    assert [each.covered for each in folds.coverage(found, "corrected t")] == [True, False, True, False]
    assert (
        table(folds.coverage(found, "corrected t"), ["d"], ["accuracy"]).splitlines()[2]
        == "| d | 50.0 (0.262) |"
    )


@pytest.mark.parametrize("number", [0, 1])
def test_a_draw_estimates_every_figure(number: int) -> None:
    found = folds.draw(Design("few", (0.6, 0.4), 60, 20), number)
    assert [each.figure for each in found[::2]] == list(FIGURES)
    assert {each.method for each in found} == {"variance components", "corrected t"}
    assert all(each.interval.low < each.interval.high and -1 <= each.true <= 1 for each in found)
