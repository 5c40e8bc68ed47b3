import numpy as np
import pytest

from tests.workers.data.balancing.drawing import COUNTS, TRAINING, classes_of, draw, part
from workers.data.balancing import Smote
from workers.data.batches import BatchGatherer
from workers.data.errors import TooFewRows
from workers.data.scaling import Standard


def test_class_counts_are_those_of_imbalanced_learn() -> None:
    over_sampling = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is the oracle")
    resampled = over_sampling.SMOTE(random_state=0).fit_resample(TRAINING.features, TRAINING.labels)
    assert classes_of(draw(Smote(), 0)) == np.bincount(resampled[1]).tolist()


def test_every_row_is_there_once_unmixed() -> None:
    drawn = draw(Smote(), 0)
    assert drawn.partners is not None
    assert drawn.mixing is not None
    assert drawn.mixing.dtype == np.float32
    unmixed = drawn.rows[drawn.mixing == 0]
    assert sorted(unmixed) == list(range(len(TRAINING)))
    assert np.array_equal(unmixed, drawn.partners[drawn.mixing == 0])


@pytest.mark.parametrize("k", [1, 3, 5])
def test_partners_are_among_the_nearest_of_their_class_by_scaled_features(k: int) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors", reason="scikit-learn is the oracle")
    training = part(COUNTS)
    training.features[:, 0] *= 1000  # unscaled, this feature alone would decide
    scaled = Standard().fit(training)(training.features)
    drawn = draw(Smote(k=k), 0, training=training)
    assert drawn.partners is not None
    assert drawn.mixing is not None
    pairs = set(zip(drawn.rows[drawn.mixing > 0], drawn.partners[drawn.mixing > 0], strict=True))
    for label in (1, 2, 3):
        rows = np.flatnonzero(training.labels == label)
        oracle = neighbors.NearestNeighbors(n_neighbors=k).fit(scaled[rows])
        nearest = rows[oracle.kneighbors(return_distance=False)]
        allowed = {(row, partner) for row, of_row in zip(rows, nearest, strict=True) for partner in of_row}
        assert {pair for pair in pairs if training.labels[pair[0]] == label} <= allowed


def test_mixing_is_uniform() -> None:
    mixed = np.concatenate(
        [drawn.mixing for epoch in range(40) if (drawn := draw(Smote(), epoch)).mixing is not None]
    )
    mixed = np.sort(mixed[mixed > 0])
    # Kolmogorov-Smirnov at a level of about 1e-6.
    assert np.abs(mixed - np.arange(len(mixed)) / len(mixed)).max() < 2.7 / np.sqrt(len(mixed))


def test_new_examples_stay_within_their_class() -> None:
    # Two classes far apart: an example between two rows of one of them is far from the other.
    training = part([100, 20])
    training.features[training.labels == 1] += 50
    scaler = Standard().fit(training)
    drawn = draw(Smote(), 0, training=training)
    assert drawn.partners is not None
    assert drawn.mixing is not None
    out, labels = np.empty((len(drawn), 3), np.float32), np.empty(len(drawn), np.int64)
    BatchGatherer(training, scaler).mixed_into(drawn.rows, drawn.partners, drawn.mixing, out, labels)
    scaled = scaler(training.features)
    for k in (0, 1):
        own, new = scaled[training.labels == k], out[labels == k]
        assert (new >= own.min(axis=0) - 1e-6).all()
        assert (new <= own.max(axis=0) + 1e-6).all()


def test_a_class_that_grows_needs_more_rows_than_neighbours() -> None:
    message = r"class '1' has 5 rows and needs at least 6: smote takes the 5 nearest neighbours"
    with pytest.raises(TooFewRows, match=message):
        draw(Smote(), 0, training=part([20, 5]))
    Smote().require(np.array([20, 6]), ("0", "1"))
    Smote(k=4).require(np.array([20, 5]), ("0", "1"))
    Smote(target_ratio=0.0).require(np.array([20, 5]), ("0", "1"))
    Smote().require(np.array([5, 5]), ("0", "1"))
