import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.evaluation.selection import BestEpoch, better

histories = st.lists(st.integers(-5, 5).map(lambda tenths: tenths / 10), min_size=1, max_size=30)


def stops_at(best: BestEpoch, values: list[float]) -> int | None:
    """The first epoch, counted from 1, after which to stop."""
    for epoch, value in enumerate(values, start=1):
        best.update(epoch, value)
        if best.should_stop:
            return epoch
    return None


def test_losses_fall_and_accuracies_rise() -> None:
    assert better("loss", 0.1, 0.2)
    assert not better("loss", 0.2, 0.1)
    assert better("accuracy", 0.2, 0.1)
    assert not better("accuracy", 0.2, 0.2)


def test_it_stops_after_patience_evaluations_without_progress() -> None:
    assert stops_at(BestEpoch("accuracy", patience=2), [0.5, 0.6, 0.6, 0.55, 0.9]) == 4
    assert stops_at(BestEpoch("loss", patience=2), [0.5, 0.6, 0.4, 0.41, 0.42]) == 5
    assert stops_at(BestEpoch("loss", patience=3), [0.5, 0.6, 0.6, 0.4, 0.5]) is None


def test_without_patience_it_never_stops() -> None:
    assert stops_at(BestEpoch("accuracy"), [0.0] * 1000) is None


def test_gains_within_min_delta_are_the_best_epoch_but_no_progress() -> None:
    best = BestEpoch("accuracy", patience=3, min_delta=0.01)
    assert stops_at(best, [0.5, 0.502, 0.504, 0.506]) == 4
    assert best.epoch == 4


def test_slow_and_steady_gains_add_up_to_progress() -> None:
    best = BestEpoch("accuracy", patience=3, min_delta=0.01)
    assert stops_at(best, [0.5 + 0.004 * epoch for epoch in range(100)]) is None


@given(values=histories, cut=st.integers(0, 30), min_delta=st.sampled_from([0.0, 0.15]))
def test_a_state_that_went_through_json_decides_as_if_nothing_had_happened(
    values: list[float], cut: int, min_delta: float
) -> None:
    def fresh() -> BestEpoch:
        return BestEpoch("mcc", patience=4, min_delta=min_delta)

    whole, before, after = fresh(), fresh(), fresh()
    expected = [(whole.update(epoch, value), whole.should_stop) for epoch, value in enumerate(values)]
    for epoch, value in enumerate(values[:cut]):
        before.update(epoch, value)
    after.load(json.loads(json.dumps(before.state())))
    resumed = [
        (after.update(epoch, value), after.should_stop) for epoch, value in list(enumerate(values))[cut:]
    ]
    assert resumed == expected[cut:]
    assert after.state() == whole.state()


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_value_that_cannot_be_compared_is_an_error(value: float | None) -> None:
    with pytest.raises(ValueError, match="epoch 3 cannot be selected by nll"):
        BestEpoch("nll").update(3, value)
