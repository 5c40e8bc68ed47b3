"""Contract tests: every balancing passes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.workers.data.balancing.drawing import COUNTS, TRAINING, classes_of, draw, part
from workers.data.balancing import AnyBalancing, Balancing, NoBalancing, Undersample
from workers.data.balancing.balancing import grown_counts, target_counts
from workers.data.scaling import Standard
from workers.randomness import generator
from workers.tagged_union import members, name_of

BALANCINGS = [cls() for cls in members(AnyBalancing)]
VARIED = [*BALANCINGS, Undersample(redraw=False)] + [
    cls(target_ratio=0.5) for cls in members(AnyBalancing) if hasattr(cls, "target_ratio")
]
every_balancing = pytest.mark.parametrize("balancing", VARIED, ids=repr)


@every_balancing
def test_rows_are_of_the_training_part_and_as_many_as_announced(balancing: Balancing) -> None:
    drawn = draw(balancing, 1)
    assert drawn.rows.dtype == np.int64
    assert len(drawn) == len(drawn.rows) == balancing.epoch_rows(TRAINING.counts)
    assert drawn.rows.min() >= 0
    assert drawn.rows.max() < len(TRAINING)


@every_balancing
def test_the_same_streams_give_the_same_epoch_and_others_another(balancing: Balancing) -> None:
    assert np.array_equal(draw(balancing, 1).rows, draw(balancing, 1).rows)
    assert not np.array_equal(draw(balancing, 1).rows, draw(balancing, 2).rows)
    assert not np.array_equal(draw(balancing, 1).rows, draw(balancing, 1, seed=1).rows)


@every_balancing
def test_an_epoch_does_not_depend_on_those_before(balancing: Balancing) -> None:
    sampler = balancing.prepare(TRAINING, Standard().fit(TRAINING), generator(0, "resampling"))
    for epoch in range(4):
        in_sequence = sampler(generator(0, "resampling", epoch), generator(0, "shuffling", epoch))
    alone = draw(balancing, 3)
    assert np.array_equal(in_sequence.rows, alone.rows)
    assert (in_sequence.partners is None) == (alone.partners is None)
    if in_sequence.partners is not None and alone.partners is not None:
        assert np.array_equal(in_sequence.partners, alone.partners)
    if in_sequence.mixing is not None and alone.mixing is not None:
        assert np.array_equal(in_sequence.mixing, alone.mixing)


@every_balancing
def test_classes_come_as_often_as_expected(balancing: Balancing) -> None:
    epochs = 300
    mean = np.mean([classes_of(draw(balancing, epoch)) for epoch in range(epochs)], axis=0)
    # At most multinomial: the variance of a class count is below its mean.
    expected = balancing.expected_counts(TRAINING.counts)
    assert (np.abs(mean - expected) <= 5 * np.sqrt(expected / epochs)).all()


@every_balancing
def test_the_order_is_shuffled(balancing: Balancing) -> None:
    drawn = draw(balancing, 1)
    correlation = np.corrcoef(np.arange(len(drawn)), drawn.rows)[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(drawn))


@pytest.mark.parametrize("balancing", BALANCINGS, ids=repr)
def test_within_a_class_every_row_has_the_same_chance(balancing: Balancing) -> None:
    epochs = 300
    drawn = np.concatenate([draw(balancing, epoch).rows for epoch in range(epochs)])
    times = np.bincount(drawn, minlength=len(TRAINING))
    for k in range(len(COUNTS)):
        of_class = times[TRAINING.labels == k]
        assert (np.abs(of_class - of_class.mean()) <= 5 * np.sqrt(of_class.mean())).all()


@every_balancing
def test_equal_classes_stay_equal(balancing: Balancing) -> None:
    training = part([12, 12, 12])
    assert balancing.expected_counts(training.counts).tolist() == [12, 12, 12]
    assert len(draw(balancing, 0, training=training)) == 36


@every_balancing
def test_a_class_without_rows_is_never_drawn(balancing: Balancing) -> None:
    training = part([40, 0, 10])
    assert balancing.expected_counts(training.counts)[1] == 0
    assert classes_of(draw(balancing, 0, training=training), training)[1] == 0


@pytest.mark.parametrize("cls", members(AnyBalancing))
def test_a_spec_gives_a_balancing_by_its_name(cls: type[Balancing]) -> None:
    spec: TypeAdapter[Balancing] = TypeAdapter(AnyBalancing)
    assert spec.validate_python(name_of(cls)) == cls()
    assert spec.validate_json(spec.dump_json(cls())) == cls()


@pytest.mark.parametrize(
    "given_spec",
    [
        {"name": "oversample", "max_growth": 0.5},
        {"name": "oversample", "target_ratio": 1.1},
        {"name": "smote", "k": 0},
        {"name": "undersample", "redraw": "yes"},
        {"name": "balanced_batches", "target_ratio": 0.5},
    ],
)
def test_a_field_out_of_range_is_refused(given_spec: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AnyBalancing).validate_python(given_spec)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=12), st.floats(0, 1))
def test_target_counts_run_from_the_counts_to_the_target(counts: list[int], ratio: float) -> None:
    towards = max(counts)
    targets = target_counts(np.array(counts), towards, ratio)
    assert target_counts(np.array(counts), towards, 0.0).tolist() == counts
    assert target_counts(np.array(counts), towards, 1.0).tolist() == [towards] * len(counts)
    # Imbalance shrinks to its (1-g)-th power, and never reverses.
    assert targets.max() / targets.min() == pytest.approx((towards / min(counts)) ** (1 - ratio))
    assert (np.diff(targets[np.argsort(counts)]) >= -1e-9 * towards).all()


@given(
    st.lists(st.integers(1, 1000), min_size=2, max_size=12),
    st.floats(0, 1),
    st.none() | st.floats(1, 50),
)
def test_grown_counts_shrink_no_class_and_keep_the_cap(
    counts: list[int], ratio: float, max_growth: float | None
) -> None:
    before = np.array(counts)
    grown = grown_counts(before, ratio, max_growth)
    assert (grown >= before).all()
    assert (grown <= before.max()).all()
    assert (grown == np.rint(grown)).all()
    if max_growth is not None:
        assert (grown <= max_growth * before).all()


def test_no_balancing_is_every_row_once() -> None:
    assert sorted(draw(NoBalancing(), 0).rows.tolist()) == list(range(len(TRAINING)))
