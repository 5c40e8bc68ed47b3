"""Intervals over rows and seeds: against an analysis of variance, and against a truth that is known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.rows_and_seeds import DrawnFigure

Floats = NDArray[np.float64]
WHOLE_LINE = (-math.inf, math.inf)


def drawn(table: Floats, generator: np.random.Generator, draws: int) -> DrawnFigure:
    """The means of the seeds of a table of outcomes (N, S), in draws of its rows with replacement."""
    figure = DrawnFigure(table.mean(axis=0))
    rows = generator.multinomial(len(table), np.full(len(table), 1 / len(table)), size=draws)
    for block in np.array_split(rows / len(table), 3):
        figure.add(block @ table)
    return figure


def outcomes(generator: np.random.Generator, rows: int, of_seeds: Floats, interaction: float) -> Floats:
    """A table of rows x seeds, in which rows have the variance 1."""
    noise = generator.standard_normal((rows, len(of_seeds)))
    return generator.standard_normal((rows, 1)) + of_seeds + math.sqrt(interaction) * noise


def test_the_components_are_those_of_an_analysis_of_variance() -> None:
    """The rows' mean square over S x N is their share of the variance of the mean, and so is the seeds'."""
    stats = pytest.importorskip("scipy.stats")
    pandas = pytest.importorskip("pandas", reason="statsmodels needs it")
    anova = pytest.importorskip("statsmodels.stats.anova", reason="statsmodels is the oracle")
    formula = pytest.importorskip("statsmodels.formula.api")
    rows, seeds, generator = 40, 4, np.random.default_rng(3)
    table = outcomes(generator, rows, np.array([0.0, 0.4, 0.9, -0.5]), 0.5)
    row, seed = (each.ravel() for each in np.indices(table.shape))
    frame = pandas.DataFrame({"y": table.ravel(), "row": row, "seed": seed})
    squares = anova.anova_lm(formula.ols("y ~ C(row) + C(seed)", frame).fit())["mean_sq"] / (rows * seeds)
    of_rows = (
        squares["C(row)"] * (rows - 1) / rows
    )  # drawn with replacement, rows have the variance of ddof 0
    expected = math.hypot(
        stats.norm.ppf(0.975) * math.sqrt(of_rows),
        stats.t.ppf(0.975, seeds - 1) * math.sqrt(squares["C(seed)"]),
    )
    found = drawn(table, generator, 20_000).interval(WHOLE_LINE)
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("seeds", "of_seeds"), [(2, 0.0), (2, 3.0), (3, 10.0), (5, 1.0)])
def test_they_cover_a_known_mean_of_all_seeds_and_rows(seeds: int, of_seeds: float) -> None:
    """Seeds with that variance, in units of the rows' share. 300 draws: below 92 % has a probability of 1 %."""
    rows, generator, covered = 40, np.random.default_rng(8), 0
    for _ in range(300):
        deviations = math.sqrt(of_seeds / rows) * generator.standard_normal(seeds)
        found = drawn(outcomes(generator, rows, deviations, 0.3), generator, 200).interval(WHOLE_LINE)
        covered += found.low <= 0 <= found.high
    assert covered >= 0.92 * 300


def test_seeds_that_tie_leave_the_interval_of_the_rows() -> None:
    """Two models that are right as often, on different rows."""
    table = np.repeat([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], [80, 10, 10], axis=0)
    figure = drawn(table, np.random.default_rng(0), 2000)
    assert figure.interval((0, 1)) == figure.interval((0, 1), new_seeds=False)
    assert figure.interval((0, 1)).high > figure.interval((0, 1)).low


def test_ends_stay_within_the_range_and_beside_what_was_observed() -> None:
    figure = drawn(np.array([[1.0, 0.0]] * 9 + [[1.0, 1.0]]), np.random.default_rng(0), 100)
    found = figure.interval((0, 1))
    assert (found.low, found.high) == (0, 1)
    low = DrawnFigure(np.ones(2))
    low.add(np.full((10, 2), 0.9))  # a prior keeps every draw below what was observed
    assert low.interval((0, 1)).high == 1


def test_a_figure_without_a_value_in_a_draw_says_so() -> None:
    figure = DrawnFigure(np.zeros(2))
    figure.add(np.zeros((3, 2)))
    assert figure.has_values
    figure.add(np.array([[0.0, math.nan]]))
    assert not figure.has_values
