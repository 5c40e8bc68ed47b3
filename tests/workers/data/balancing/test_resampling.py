import numpy as np
import pytest

from tests.workers.data.balancing.drawing import COUNTS, TRAINING, classes_of, draw, part
from workers.data.balancing import BalancedBatches, Oversample, Undersample, WeightedSampler


@pytest.mark.parametrize("counts", [COUNTS, [5, 5], [1, 200, 30]])
@pytest.mark.parametrize(
    ("balancing", "module", "oracle"),
    [
        (Oversample(), "imblearn.over_sampling", "RandomOverSampler"),
        (Undersample(), "imblearn.under_sampling", "RandomUnderSampler"),
    ],
)
def test_class_counts_are_those_of_imbalanced_learn(
    balancing: Oversample | Undersample, module: str, oracle: str, counts: list[int]
) -> None:
    imblearn = pytest.importorskip(module, reason="imbalanced-learn is the oracle")
    training = part(counts)
    _, labels = getattr(imblearn, oracle)(random_state=0).fit_resample(training.features, training.labels)
    drawn = draw(balancing, 0, training=training)
    assert classes_of(drawn, training) == np.bincount(labels).tolist()


def test_oversampling_keeps_every_row_and_only_adds() -> None:
    times = np.bincount(draw(Oversample(), 0).rows, minlength=len(TRAINING))
    assert times.min() == 1
    assert (times[TRAINING.labels == 0] == 1).all()  # the largest class is left alone


def test_oversampling_stops_at_the_cap() -> None:
    assert classes_of(draw(Oversample(max_growth=2.5), 0)) == [60, 22, 60, 15]


def test_half_way_is_the_geometric_mean() -> None:
    # sqrt(60 * (60, 9, 25, 6)) and sqrt(6 * (60, 9, 25, 6)), rounded.
    assert classes_of(draw(Oversample(target_ratio=0.5), 0)) == [60, 23, 39, 19]
    assert classes_of(draw(Undersample(target_ratio=0.5), 0)) == [19, 7, 12, 6]


def test_undersampling_draws_no_row_twice() -> None:
    rows = draw(Undersample(), 0).rows
    assert len(np.unique(rows)) == len(rows) == 24


def test_undersampling_sees_other_rows_each_epoch_or_the_same_all_run_long() -> None:
    redrawn = [set(draw(Undersample(), epoch).rows) for epoch in range(40)]
    assert set.union(*redrawn) == set(range(len(TRAINING)))
    fixed = [set(draw(Undersample(redraw=False), epoch).rows) for epoch in range(40)]
    assert all(rows == fixed[0] for rows in fixed)
    assert fixed[0] != set(draw(Undersample(redraw=False), 0, seed=1).rows)


def test_a_weighted_sampler_draws_by_the_weights_that_torch_is_given() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    weights = torch.tensor(1 / np.array(COUNTS))[torch.tensor(TRAINING.labels)]
    sampler = torch.utils.data.WeightedRandomSampler(
        weights, 50_000, generator=torch.Generator().manual_seed(0)
    )
    theirs = np.bincount(TRAINING.labels[list(sampler)]) / 50_000
    ours = WeightedSampler().expected_counts(TRAINING.counts) / len(TRAINING)
    assert ours == pytest.approx(theirs, abs=0.01)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 7, 16, 64])
def test_any_batch_has_equal_classes_to_within_one_row(batch_size: int) -> None:
    rows = draw(BalancedBatches(), 0).rows
    for start in range(len(rows) - batch_size + 1):
        counts = np.bincount(TRAINING.labels[rows[start : start + batch_size]], minlength=len(COUNTS))
        assert counts.max() - counts.min() <= 1


def test_classes_take_turns_in_an_order_of_each_epoch() -> None:
    first = {int(TRAINING.labels[draw(BalancedBatches(), epoch).rows[0]]) for epoch in range(40)}
    assert first == set(range(len(COUNTS)))


def test_balanced_batches_use_no_row_again_before_all_of_its_class_were_used() -> None:
    times = np.bincount(draw(BalancedBatches(), 0).rows, minlength=len(TRAINING))
    for k in range(len(COUNTS)):
        of_class = times[TRAINING.labels == k]
        assert of_class.max() - of_class.min() <= 1
