"""SMOTE-NC: new examples of tables with categories, against imbalanced-learn."""

from typing import Any

import numpy as np
import pytest

from tests.workers.data.preprocessing.mixed_tables import COLUMNS, mixed_table
from workers.data.balancing import Smote
from workers.data.balancing.neighbours import nearest_neighbours
from workers.data.balancing.nominal import comparable_rows, templates_of
from workers.data.batches import BatchGatherer
from workers.data.dataset import Dataset, rows_by_class
from workers.data.preprocessing import Encoder, Preprocessing
from workers.data.scaling import Standard
from workers.spec import ExperimentSpec
from workers.training import train

NOMINAL = [2, 3, 5]
NUMBERS = [0, 1, 4]


def unbalanced(missing: float = 0.0) -> Dataset:
    table = mixed_table(900, missing=missing)
    rows = np.concatenate([np.flatnonzero(table.labels == 0)[:300], np.flatnonzero(table.labels == 1)[:60]])
    return table.take(rows)


def encoder_of(table: Dataset) -> Encoder:
    fitted = Preprocessing(min_count=1).fit(table, Standard())
    assert isinstance(fitted, Encoder)
    return fitted


def test_distances_and_counts_are_those_of_smotenc_of_imbalanced_learn() -> None:
    over_sampling = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is the oracle")
    table = unbalanced()
    encoder = encoder_of(table)
    rows = table.features.astype(np.float64)
    rows[:, NUMBERS] = encoder.in_double(table.features)[:, encoder.layout.starts[NUMBERS]]
    captured: list[Any] = []

    class Capturing(over_sampling.SMOTENC):  # type: ignore[misc, name-defined]
        def _make_samples(self, x: Any, *arguments: Any, **named: Any) -> Any:
            captured.append((x.toarray(), arguments[3]))
            return super()._make_samples(x, *arguments, **named)

    sampler = Capturing(categorical_features=NOMINAL, random_state=0, k_neighbors=5)
    resampled, labels = sampler.fit_resample(rows, table.labels)
    ((points, nearest),) = captured
    minority = rows_by_class(table.labels, 2)[1]
    ours = comparable_rows(table.features[minority], encoder)
    squared = [((x[:, None] - x[None]) ** 2).sum(axis=2) for x in (ours, points)]
    np.testing.assert_allclose(squared[0], squared[1], atol=1e-9)
    np.testing.assert_array_equal(nearest_neighbours(ours, 5), nearest)
    draw = Smote().prepare(table, encoder, np.random.default_rng(0))(*map(np.random.default_rng, (1, 2)))
    assert np.bincount(table.labels[draw.rows]).tolist() == np.bincount(labels).tolist()
    agreed = templates_of(table.features[minority], nearest, encoder.nominal)
    new = resampled[len(rows) :, NOMINAL]  # imbalanced-learn draws among several most frequent ones
    for column, codes in enumerate(agreed[:, NOMINAL].T):
        shares = [np.mean(each == codes[:, None]) for each in (new[:, column], codes)]
        assert abs(shares[0] - shares[1]) < 0.15


def test_an_example_has_numbers_between_its_neighbours_and_the_categories_of_most() -> None:
    table = unbalanced(missing=0.1)
    encoder = encoder_of(table)
    draw = Smote().prepare(table, encoder, np.random.default_rng(0))(*map(np.random.default_rng, (1, 2)))
    assert draw.partners is not None
    assert draw.mixing is not None
    x, y = np.empty((len(draw), encoder.width), np.float32), np.empty(len(draw), np.int64)
    agreed = draw.agreed(slice(None))
    BatchGatherer(table, encoder).mixed_into(draw.rows, draw.partners, draw.mixing, x, y, agreed)
    old = draw.mixing == 0
    np.testing.assert_array_equal(x[old], encoder(table.features[draw.rows[old]]))
    new = np.flatnonzero(~old)
    zero_or_one = ~encoder.layout.scaled
    assert set(np.unique(x[new][:, zero_or_one])) <= {0.0, 1.0}
    categories = [encoder.layout.starts[column] for column in (3, 5)]
    widths = [(encoder.layout.column_of_element() == column).sum() for column in (3, 5)]
    for start, width in zip(categories, widths, strict=True):
        np.testing.assert_array_equal(x[new, start : start + width].sum(axis=1), 1)
    imputed = encoder(encoder.imputed(table.features))[:, encoder.layout.starts[NUMBERS]]
    low, high = (f(imputed[draw.rows[new]], imputed[draw.partners[new]]) for f in (np.minimum, np.maximum))
    present = np.isfinite(agreed[new][:, NUMBERS]) if agreed is not None else np.zeros((0, 3), bool)
    numbers = x[new][:, encoder.layout.starts[NUMBERS]]
    assert ((numbers >= low - 1e-5) & (numbers <= high + 1e-5))[present].all()


def test_a_majority_and_a_missing_category() -> None:
    stored = np.array([[1, 0], [2, 0], [np.nan, 1], [np.nan, 1], [3, np.nan]], np.float32)
    nearest = np.array([[1, 2, 3], [2, 3, 4], [0, 1, 4], [0, 1, 2], [0, 2, 3]])
    agreed = templates_of(stored, nearest, np.array([False, True]))
    np.testing.assert_array_equal(agreed[:, 1], [1, 1, 0, 0, 1])
    np.testing.assert_array_equal(np.isnan(agreed[:, 0]), [True, True, False, False, True])


def test_a_table_without_numbers_counts_the_categories_that_differ() -> None:
    table = unbalanced()
    columns = tuple(COLUMNS[i] for i in NOMINAL)
    alone = Dataset("n", table.features[:, NOMINAL].copy(), table.labels, table.classes, columns=columns)
    points = comparable_rows(alone.features[:40], encoder_of(alone))
    differing = (alone.features[:40, None] != alone.features[None, :40]).sum(axis=2)
    np.testing.assert_allclose(((points[:, None] - points[None]) ** 2).sum(axis=2), differing, atol=1e-9)


def test_smote_trains_on_a_table() -> None:
    spec = ExperimentSpec.model_validate({"balancing": "smote", "training": {"epochs": 3}})
    *_, last = train(spec, unbalanced(missing=0.1), mixed_table(200, seed=1))
    assert last.drawn.tolist() == [300, 300]
