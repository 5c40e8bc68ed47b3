import tracemalloc

import numpy as np
import pytest
from numpy.typing import DTypeLike

from workers.data.batches import BatchGatherer
from workers.data.dataset import Dataset
from workers.data.scaling import NoScaling, Standard

pytestmark = pytest.mark.usefixtures("every_kernel_set")

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
STORED = pytest.mark.parametrize("stored", [np.uint8, np.float32])


def part(stored: DTypeLike, rows: int = 100, features: int = 20) -> Dataset:
    stream = np.random.default_rng(0)
    values = stream.integers(256, size=(rows, features)).astype(stored)
    return Dataset("part", values, np.arange(rows) % 3, ("a", "b", "c"))


@DTYPES
@STORED
def test_rows_are_gathered_scaled_and_in_order(stored: DTypeLike, dtype: DTypeLike) -> None:
    training = part(stored)
    scaler = Standard().fit(training)
    gather, rows = BatchGatherer(training, scaler), np.array([5, 99, 5, 0])
    for size in (4, 2, 4):  # the last batch of an epoch is smaller
        x, y = np.empty((size, 20), dtype), np.empty(size, np.int64)
        gather.into(rows[:size], x, y)
        assert y.tolist() == [2, 0, 2, 0][:size]
        assert x == pytest.approx(scaler(training.features[rows[:size]]), rel=1e-5, abs=1e-6)


@DTYPES
@STORED
def test_mixed_rows_lie_between_their_partners(stored: DTypeLike, dtype: DTypeLike) -> None:
    gather = BatchGatherer(part(stored), NoScaling().fit(part(stored)))
    rows, partners = np.array([3, 8, 2, 9]), np.array([4, 8, 1, 7])
    mixing = np.array([0, 0.7, 1, 0.25], np.float32)
    out, labels = np.empty((4, 20), dtype), np.empty(4, np.int64)
    gather.mixed_into(rows, partners, mixing, out, labels)
    assert labels.tolist() == [0, 2, 2, 0]
    features = part(stored).features.astype(np.float64)
    assert np.array_equal(out[0], features[3])
    assert np.array_equal(out[1], features[8])
    assert out[2] == pytest.approx(features[1], rel=1e-6)
    assert out[3] == pytest.approx(0.75 * features[9] + 0.25 * features[7], rel=1e-6)


def test_the_part_itself_is_never_written_to() -> None:
    training = part(np.float32)
    before = training.sha256
    gather = BatchGatherer(training, Standard().fit(training))
    rows, mixing = np.arange(100), np.full(100, 0.5, np.float32)
    gather.mixed_into(
        rows, rows[::-1].copy(), mixing, np.empty((100, 20), np.float32), np.empty(100, np.int64)
    )
    assert Dataset("again", training.features, training.labels, training.classes).sha256 == before


@STORED
def test_a_batch_allocates_nothing_once_buffers_are_there(stored: DTypeLike) -> None:
    training = part(stored, rows=1000, features=784)
    gather, out = BatchGatherer(training, Standard().fit(training)), np.empty((128, 784), np.float32)
    rows, mixing, y = np.arange(128) * 7, np.full(128, 0.5, np.float32), np.empty(128, np.int64)
    gather.mixed_into(rows, rows[::-1].copy(), mixing, out, y)
    tracemalloc.start()
    try:
        gather.into(rows, out, y)
        gather.mixed_into(rows, rows, mixing, out, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < out.nbytes / 4
