"""The coverage that `make simulate` prints is the share of intervals that contain the truth."""

from itertools import product

import numpy as np
import pytest

from benchmarks.simulation import components, folds, single_split
from benchmarks.simulation.coverage import Covered, table
from benchmarks.simulation.folds import Estimated
from benchmarks.simulation.populations import Design
from benchmarks.simulation.single_split import FIGURES, OF_CONFUSION
from workers.evaluation.intervals import Interval

METHODS = "variance components", "corrected t"


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
    of = {method: {each.figure for each in found if each.method == method} for method in METHODS}
    assert of["corrected t"] == set(FIGURES) - {"top_3_accuracy"}
    assert of["variance components"] == of["corrected t"] - {"ece"}
    assert all(each.interval.low <= each.interval.high and np.isfinite(each.true) for each in found)


def test_a_draw_of_one_split_has_an_interval_of_every_figure_that_a_summary_has_one_of() -> None:
    found = single_split.draw(Design("few", (0.3, 0.3, 0.2, 0.2), 80, 40), 0)
    of_many_classes = {*OF_CONFUSION, "top_3_accuracy", "nll", "brier"}
    for case in product(single_split.EPOCHS, single_split.SEEDS):
        assert {each.covered.figure for each in found if (each.epoch, each.seeds) == case} == of_many_classes
    assert all(each.covered.width > 0 for each in found)


def test_a_table_leaves_out_what_has_no_interval() -> None:
    covered = [Covered("a", "x", True, 0.5), Covered("b", "y", False, 0.25)]
    rows = table(covered, ["a", "b", "c"], ["x", "y", "z"]).splitlines()
    assert rows[0] == "| design | x | y |"
    assert rows[2:] == ["| a | 100.0 (0.500) | - |", "| b | - | 0.0 (0.250) |"]


@pytest.mark.parametrize("seeds", [2, 5])
def test_seeds_deviate_from_the_truth_as_from_the_mean_of_all_seeds(seeds: int) -> None:
    values = np.random.default_rng(0).standard_normal((4000, single_split.TRAINED))
    true = np.array([single_split.truth(list(of_draw), seeds) for of_draw in values])
    assert np.var(values[:, :seeds].mean(axis=1) - true) == pytest.approx(1 / seeds, rel=0.1)


def test_the_truth_of_one_seed_is_that_of_its_model() -> None:
    assert single_split.truth([0.5, 1.0, 0.0], 1) == 0.5


def test_student_s_t_covers_where_draws_of_few_seeds_do_not() -> None:
    found = {(each.method, each.seeds): each for each in components.outcomes([10.0])}
    for seeds in components.SEEDS:
        assert found["Student's t", seeds].covered >= 0.95
        assert found["draws of seeds", seeds].covered < 0.94
    assert found["Satterthwaite", 2].covered < 0.91
    assert found["Student's t", 5].width < 1.35
