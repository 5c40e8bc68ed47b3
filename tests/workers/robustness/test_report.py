"""The report on corrupted rows: its drops and intervals, its means, classes, and the rows that a battery makes."""

from typing import Any

import numpy as np
import pytest

from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.evaluation.regression_bootstrap import NUMBER_METRICS
from workers.robustness.battery import Battery, Cell, cells
from workers.robustness.drops import ClassDrops, NumberDrops
from workers.robustness.report import report

CLASSES = 3
CELLS = [Cell(name, severity, 0.0) for name in ("fog", "rain") for severity in (1, 2)]


def labels(rows: int = 600) -> Any:
    return np.arange(rows) % CLASSES


def with_errors(true: Any, share: float, seed: int, *, seeds: int = 1) -> Any:
    random = np.random.default_rng(seed)
    wrong = random.random((seeds, len(true))) < share
    return np.where(wrong, (true + random.integers(1, CLASSES, wrong.shape)) % CLASSES, true).astype(np.uint8)


def test_drops_are_differences_of_accuracies_and_means_are_means() -> None:
    true = labels()
    clean = [with_errors(true, 0.05, 1, seeds=3)]
    corrupted = [[with_errors(true, share, 2 + i, seeds=3)] for i, share in enumerate((0.1, 0.3, 0.2, 0.6))]
    found = report(CELLS, clean, corrupted, ClassDrops([true], CLASSES), [true], CLASSES)
    right = [float((each[0] == true).mean()) for each in (clean, *corrupted)]
    assert found.clean.drops["accuracy"].value == pytest.approx(right[0])
    for cell, value in zip(found.cells, right[1:], strict=True):
        drop = cell.drops["accuracy"]
        assert drop.value == pytest.approx(value)
        assert drop.drop == pytest.approx(right[0] - value)
        assert drop.low is not None
        assert drop.high is not None
        assert drop.low < right[0] - value < drop.high
    assert [each.corruption for each in found.means] == ["fog", "rain"]
    assert found.means[1].drops["accuracy"].value == pytest.approx((right[3] + right[4]) / 2)
    assert found.mean.drops["accuracy"].value == pytest.approx(np.mean(right[1:]))
    recalls = [np.mean([(seed[true == k] == k).mean() for seed in corrupted[3][0]]) for k in range(CLASSES)]
    assert found.cells[3].classes == pytest.approx(recalls)
    assert found.cells[3].worst_class == int(np.argmin(recalls))


@pytest.mark.thorough
def test_intervals_are_paired_and_cover_at_their_level() -> None:
    """Against the truth by simulation: rows whose clean and corrupted errors overlap, as they do in practice."""
    random, covered, widths, repetitions = np.random.default_rng(0), 0, [], 150
    for _ in range(repetitions):
        true = labels(300)
        wrong = random.random(300) < 0.1
        more = wrong | (random.random(300) < 0.2)  # P = 1 - 0.9 * 0.8 = 0.28, a drop of 0.18
        clean, after = (
            [np.where(each, (true + 1) % 3, true)[None].astype(np.uint8)] for each in (wrong, more)
        )
        drop = ClassDrops([true], CLASSES).drops(clean, [after]).cells[0]["accuracy"]
        assert drop.low is not None
        assert drop.high is not None
        covered += drop.low <= 0.18 <= drop.high
        widths.append(drop.high - drop.low)
    assert 0.9 <= covered / repetitions <= 0.99, covered
    unpaired = 2 * 1.96 * np.sqrt((0.1 * 0.9 + 0.28 * 0.72) / 300)
    assert np.mean(widths) < 0.85 * unpaired


def test_folds_are_the_sample_of_a_cross_validation() -> None:
    true = [labels(90), labels(120), labels(60)]
    clean = [with_errors(each, 0.1, index) for index, each in enumerate(true)]
    after = [with_errors(each, 0.4, 9 + index) for index, each in enumerate(true)]
    drop = ClassDrops(true, CLASSES, None, 0.5).drops(clean, [after]).cells[0]["accuracy"]
    values = [float((a == y).mean() - (b == y).mean()) for a, b, y in zip(clean, after, true, strict=True)]
    assert drop.drop == pytest.approx(np.mean(values))
    half = 4.302652729911275 * np.sqrt((1 / 3 + 0.5) * np.var(values, ddof=1))
    assert (drop.low, drop.high) == pytest.approx((np.mean(values) - half, np.mean(values) + half))


@pytest.mark.parametrize("metric", sorted(NUMBER_METRICS))
def test_of_a_regression_a_drop_is_what_becomes_worse(metric: str) -> None:
    random = np.random.default_rng(4)
    targets = random.normal(size=400)
    clean, after = ([(targets + sd * random.normal(size=(2, 400)))] for sd in (0.1, 0.9))
    bins = np.zeros(400, np.int64)
    drop = NumberDrops(metric, [targets], [bins], 1).drops(clean, [after]).cells[0][metric]
    assert drop.drop is not None
    assert drop.low is not None
    assert 0 < drop.low < drop.drop < (drop.high or 0)
    if metric == "rmse":
        values = [np.sqrt(((each[0] - targets) ** 2).mean(axis=1)).mean() for each in (clean, after)]
        assert drop.drop == pytest.approx(values[1] - values[0])


def images(dtype: Any) -> Dataset:
    values = np.random.default_rng(0).integers(0, 256, (50, 64)).astype(dtype)
    scaled = values if dtype == np.uint8 else values / 16 - 3
    return Dataset("i", scaled.astype(dtype), np.arange(50) % 2, ("a", "b"), shape=(8, 8, 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_battery_gives_rows_as_the_data_set_stores_them(dtype: Any) -> None:
    part = images(dtype)
    battery = Battery(part, takes_missing=False)
    chosen = cells(part, None)
    assert len(chosen) == 12 * 5
    low, high = part.features.min(), part.features.max()
    for cell in chosen:
        rows = np.concatenate(list(battery.blocks(cell, 0)))
        assert rows.dtype == dtype
        assert rows.shape == part.features.shape
        assert rows.min() >= low - 1e-3
        assert rows.max() <= high + 1e-3
        assert np.array_equal(rows, np.concatenate(list(battery.blocks(cell, 0))))
    assert np.array_equal(np.concatenate(list(battery.blocks(None, 0))), part.features)


def test_blocks_do_not_change_what_a_row_becomes_but_for_their_random_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part, whole = images(np.uint8), {}
    for cell in cells(part, ["contrast", "blur", "quantize"]):
        whole[cell] = np.concatenate(list(Battery(part, takes_missing=False).blocks(cell, 0)))
    monkeypatch.setattr("workers.robustness.battery.BLOCK_CELLS", 64 * 7)
    for cell, rows in whole.items():
        assert np.array_equal(np.concatenate(list(Battery(part, takes_missing=False).blocks(cell, 0))), rows)


def test_a_table_has_the_corruptions_of_its_columns() -> None:
    columns = (Column("age"), Column("city", "category", ("a", "b")))
    table = Dataset("t", np.ones((9, 2), np.float32), np.arange(9) % 2, ("x", "y"), columns=columns)
    assert list(dict.fromkeys(each.corruption for each in cells(table, None))) == [
        "noise",
        "missing_columns",
        "unseen_levels",
        "wrong_units",
    ]
    assert {each.corruption for each in cells(table, ["noise"])} == {"noise"}
