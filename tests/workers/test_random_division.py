"""Linear baselines of a split by a column, beside those of a random split of the same rows."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.evaluation.baselines import Baseline
from workers.linear_baselines import fit_baseline, linear_specs
from workers.random_division import divide_by_chance
from workers.spec import ExperimentSpec

GENERATOR = np.random.default_rng(4)
ROWS = 600
DAY, X = np.arange(ROWS), GENERATOR.standard_normal(ROWS)
BY_DAY = {"by": {"name": "time", "column": "day"}}


def table(y: Any, **more: Any) -> Dataset:
    features = np.column_stack([X, DAY % 7]).astype(np.float32)
    return Dataset(
        "days", features, y.astype(np.int64), ("no", "yes"), columns=(Column("x"), Column("day")), **more
    )


def baseline(whole: Dataset, validating: Any, **given: Any) -> Baseline:
    """The plain linear baseline of a column's split."""
    spec = ExperimentSpec.model_validate({"model": {"hidden": [4]}, "split": BY_DAY} | given)
    parts = whole.take(np.flatnonzero(~validating)), whole.take(np.flatnonzero(validating))
    name, plain = next(iter(linear_specs(spec).items()))
    return fit_baseline(name, plain, *parts, spec.preprocessing.fit(parts[0], spec.scaling))


def test_a_relation_that_changes_with_time_shows_as_a_drop() -> None:
    """It is turned round in the last third, so that the past teaches what is wrong now."""
    late = DAY >= 400
    found = baseline(table((X > 0) ^ late), late).random_split
    assert found is not None
    assert found.metric == "balanced_accuracy"
    assert found.value < 0.1
    assert 0.5 < found.random < 0.8  # two thirds of the rows say one thing, and as many of those that measure
    assert found.drop_interval.low > 0.4


def test_a_column_without_effect_shows_none() -> None:
    found = baseline(table(X + GENERATOR.standard_normal(ROWS) > 0), DAY >= 400).random_split
    assert found is not None
    assert found.drop_interval.low < 0 < found.drop_interval.high


def test_of_a_regression_the_error_grows() -> None:
    late, targets = DAY >= 400, X + 0.1 * GENERATOR.standard_normal(ROWS)
    targets[late] += 3
    whole = table(targets > np.median(targets), targets=targets)
    found = baseline(whole, late, task="regression").random_split
    assert found is not None
    assert found.metric == "rmse"
    assert found.value == pytest.approx(3, abs=0.1)
    assert found.random < 2
    assert found.drop_interval.low > 1


@pytest.mark.parametrize(
    "given",
    [
        {"split": {}},
        {"dataset": {"name": "days", "imbalance": {"kind": "step", "ratio": 2, "parts": "training"}}},
    ],
)
def test_chance_and_thinned_rows_are_not_compared(given: dict[str, Any]) -> None:
    assert baseline(table(X > 0), DAY >= 400, **given).random_split is None


def test_it_survives_as_json() -> None:
    found = baseline(table((X > 0) ^ (DAY >= 400)), DAY >= 400)
    assert Baseline.from_json(asdict(found)) == found


def test_chance_divides_the_same_rows_into_the_same_sizes_by_class() -> None:
    whole = table(X > 1)
    parts = whole.take(np.arange(400)), whole.take(np.arange(400, ROWS))
    train, validation = divide_by_chance(*parts, np.random.default_rng(0))
    assert abs(len(validation) - 200) <= 2
    together = np.concatenate([train.features, validation.features])
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, whole.features.tolist()))
    np.testing.assert_allclose(train.counts / len(train), validation.counts / len(validation), atol=0.01)
    assert not np.array_equal(np.sort(validation.features[:, 0]), np.sort(parts[1].features[:, 0]))
