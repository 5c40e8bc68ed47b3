"""The warning about heavy tails: seldom where errors are near normal, mostly where intervals of RMSE fail."""

import numpy as np
import pytest

from workers.evaluation.heavy_tails import has_heavy_tails
from workers.evaluation.regression_bootstrap import bootstrap_numbers

DRAWS = 400


def share(freedom: float, rows: int) -> float:
    """The share of samples of Student's t with so many degrees of freedom that are called heavy-tailed."""
    errors = np.random.default_rng(0).standard_t(freedom, (DRAWS, rows))
    figures = zip(np.sqrt((errors**2).mean(axis=1)), np.abs(errors).mean(axis=1), strict=True)
    return float(np.mean([has_heavy_tails(rmse, mae, rows) for rmse, mae in figures]))


@pytest.mark.parametrize(
    ("freedom", "rows", "least", "most"),
    [
        (1000, 20, 0, 0.03),
        (1000, 300, 0, 0.01),
        (8, 60, 0, 0.2),
        (8, 300, 0, 0.1),
        (3, 60, 0.3, 1),
        (3, 300, 0.7, 1),
        (3, 3000, 0.95, 1),
        (2.2, 300, 0.95, 1),
    ],
)
def test_how_often_errors_are_called_heavy_tailed(
    freedom: float, rows: int, least: float, most: float
) -> None:
    found = share(freedom, rows)
    print(f"t with {freedom:g} degrees of freedom, {rows} rows: {found:.3f}")  # noqa: T201
    assert least <= found <= most


def coverage(freedom: float, rows: int, draws: int) -> tuple[float, float]:
    """How often the bootstrap's intervals of RMSE and MAE contain the truth, that of standard_t."""
    generator, hits = np.random.default_rng(1), np.zeros(2)
    many = generator.standard_t(freedom, 10**6)
    truth = np.sqrt(freedom / (freedom - 2)), np.abs(many).mean()
    for _ in range(draws):
        errors = generator.standard_t(freedom, rows)
        bins = np.zeros(rows, np.int64)
        found = bootstrap_numbers(errors[None], np.zeros(rows), bins, generator, count=1, resamples=500)
        for place, name in enumerate(("rmse", "mae")):
            interval = found[name].interval
            hits[place] += interval.low <= truth[place] <= interval.high
    return float(hits[0] / draws), float(hits[1] / draws)


@pytest.mark.thorough
def test_intervals_of_rmse_fail_where_the_warning_says_so_and_those_of_mae_hold() -> None:
    for freedom, low, high in ((3, 0, 0.88), (8, 0.88, 1)):
        rmse, mae = coverage(freedom, 300, 200)
        print(f"t with {freedom} degrees of freedom: RMSE {rmse:.3f}, MAE {mae:.3f}")  # noqa: T201
        assert low <= rmse <= high
        assert mae >= 0.88


def test_no_errors_are_not_heavy_tailed() -> None:
    assert not has_heavy_tails(0, 0, 100)
    assert not has_heavy_tails(1, 0.1, 1)
