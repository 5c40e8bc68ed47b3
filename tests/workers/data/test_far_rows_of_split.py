"""Far rows are looked for when a spec is submitted, in the part that its figures will be of."""

import time
from typing import Any

import numpy as np
import pytest

from workers.data import far_rows_of_split as module
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.far_rows_of_split import far_rows_of_split
from workers.data.registry import DatasetRegistry
from workers.data.scaling import Robust, Standard, Unit
from workers.data.split_rows import SplitRows
from workers.plan import make_plan
from workers.spec import ExperimentSpec

ROWS = SplitRows(np.arange(200), np.arange(200, 300), np.arange(300, 320))


def table(**changed: Any) -> Dataset:
    features = np.random.default_rng(0).normal(size=(320, 6)).astype(np.float32)
    features[[210, 211], 2] = 1e3
    features[310, 4] = 1e6  # sealed
    labels = np.arange(320) % 2
    return Dataset("x", features, labels, ("a", "b"), **changed)


@pytest.mark.parametrize("scaling", [Standard(), Robust()])
def test_rows_of_the_validation_part_are_found_and_sealed_ones_are_not_looked_at(scaling: Any) -> None:
    found = far_rows_of_split(table(), ROWS, scaling)
    assert found is not None
    assert (found.part, found.found.rows, found.found.features) == ("validation", 2, [2])
    assert (found.read, found.part_rows) == (100, 100)


def test_of_a_fold_the_evaluation_part_counts() -> None:
    rows = SplitRows(np.arange(200), np.arange(250, 300), np.arange(300, 320), np.arange(200, 250))
    found = far_rows_of_split(table(), rows, Standard())
    assert found is not None
    assert (found.part, found.part_rows) == ("evaluation", 50)


def test_a_scaling_that_does_not_measure_the_spread_has_none() -> None:
    assert far_rows_of_split(table(), ROWS, Unit()) is None


def test_codes_of_categories_and_missing_values_are_no_far_values() -> None:
    kinds = ["number", "number", "category", "number", "number", "number"]
    data = table(columns=tuple(Column(str(k), kind, ()) for k, kind in enumerate(kinds)))  # type: ignore[arg-type]
    data.features[205] = np.nan
    assert far_rows_of_split(data, ROWS, Standard()) is None


def test_of_large_parts_some_rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", 6 * 50)
    data = table()
    data.features[200:300, 2] = 1e3
    found = far_rows_of_split(data, ROWS, Standard())
    assert found is not None
    assert (found.found.rows, found.read, found.part_rows) == (50, 50, 100)


def test_the_time_does_not_grow_with_the_data() -> None:
    """Printed with -s, not asserted."""
    for rows in (20_000, 200_000):
        features = np.random.default_rng(0).integers(0, 256, (rows, 400), dtype=np.uint8)
        data = Dataset("x", features, np.arange(rows) % 2, ("a", "b"))
        division = SplitRows(np.arange(rows * 4 // 5), np.arange(rows * 4 // 5, rows), np.arange(0))
        started = time.perf_counter()
        assert far_rows_of_split(data, division, Standard()) is None
        print(f"\n{rows:,} rows: {time.perf_counter() - started:.3f} s")  # noqa: T201 -- the figure, with -s


def test_a_plan_warns_of_them(registry: DatasetRegistry) -> None:
    """Pixels of digits that are blank in almost all images of training, scaled one by one."""
    spec = ExperimentSpec.model_validate({"dataset": "digits", "scaling": "standard"})
    warnings = make_plan(spec, registry).warnings
    (warning,) = (each for each in warnings if each.code == "far_from_training")
    assert "more than 20 standard deviations of training away, in pixel" in warning.sentence
    assert warning.remedy.startswith("Scale all pixels alike")
