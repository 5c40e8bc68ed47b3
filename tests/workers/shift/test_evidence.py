"""Evidence over many batches: its e-values, and how often it raises a false alarm."""

import numpy as np
import pytest

from workers.shift.evidence import LARGEST, ShiftEvidence, e_value, share, spent


def test_the_shares_of_all_batches_sum_to_one() -> None:
    assert share(1) == pytest.approx(0.6079, abs=1e-4)
    assert spent(100_000) == pytest.approx(1, abs=1e-5)
    assert spent(100_000) < 1


def test_an_e_value_has_the_mean_one_under_a_uniform_p_value() -> None:
    from scipy.integrate import quad

    mean = sum(quad(e_value, low, high)[0] for low, high in ((1e-12, 1e-6), (1e-6, 1e-3), (1e-3, 1)))
    assert mean == pytest.approx(1, abs=0.04)  # what is missing lies below 1e-12
    assert mean < 1
    assert e_value(1) == 0.5
    assert e_value(0.01) == pytest.approx(4.46, abs=0.01)
    assert e_value(0) > 1e10
    values = [e_value(p) for p in np.linspace(0, 1, 2001).tolist()]
    assert values == sorted(values, reverse=True)


def test_the_evidence_is_the_weighted_sum_over_the_first_shifted_batch() -> None:
    p_values = [0.3, 0.002, 0.8, 0.04]
    evidence = ShiftEvidence({"mmd": 0.0})
    for p_value in p_values:
        evidence = evidence.after({"mmd": p_value})
    by_start = sum(share(k + 1) * np.prod(list(map(e_value, p_values[k:]))) for k in range(len(p_values)))
    assert evidence.value == pytest.approx(by_start + 1 - spent(4))
    assert evidence.of("mmd") == pytest.approx(evidence.value)


def test_it_is_one_before_the_first_batch_and_never_overflows() -> None:
    evidence = ShiftEvidence({"outputs": 0.0, "features": 0.0})
    assert evidence.value == 1
    for _ in range(1000):
        evidence = evidence.after({"outputs": 0.0, "features": 0.5})
    assert evidence.of("outputs") <= 2 * LARGEST
    assert evidence.value > 1e6


def test_a_shift_after_many_quiet_batches_is_found_by_weak_p_values() -> None:
    """A product from the first batch on would be below 1e-20 by then."""
    stream = np.random.default_rng(0)
    evidence = ShiftEvidence({"mmd": 0.0})
    for _ in range(100):
        evidence = evidence.after({"mmd": float(stream.uniform())})
    assert evidence.value < 1
    for _ in range(6):
        evidence = evidence.after({"mmd": 0.001})
    assert evidence.value > 40


@pytest.mark.thorough
def test_few_of_many_monitors_raise_a_false_alarm() -> None:
    stream, raised = np.random.default_rng(1), 0
    for _ in range(2000):
        evidence = ShiftEvidence({"mmd": 0.0, "outputs": 0.0})
        highest = 0.0
        for p_value in stream.uniform(size=50).tolist():  # the detectors agree: the worst case
            evidence = evidence.after({"mmd": p_value, "outputs": p_value})
            highest = max(highest, evidence.value)
        raised += highest >= 20
    assert raised / 2000 <= 0.05


def test_a_monitor_whose_detector_changed_raises_no_more_false_alarms() -> None:
    """Six batches are tested by the difference of the means, the next by that of the spreads, each by permutation."""
    stream, monitors, raised, p_values = np.random.default_rng(2), 200, 0, []
    for _ in range(monitors):
        rows, evidence, highest = stream.standard_normal(20), ShiftEvidence({"classifier": 0.0}), 0.0
        for batch in range(12):
            rows = np.concatenate([rows, stream.standard_normal(5)])
            orders = np.tile(rows, (100, 1))
            orders[1:] = stream.permuted(orders[1:], axis=1)
            figures = orders if batch < 6 else orders**2
            distances = np.abs(figures[:, -5:].mean(axis=1) - figures[:, :-5].mean(axis=1))
            p_values.append(np.mean(distances >= distances[0] - 1e-12))
            evidence = evidence.after({"classifier": float(p_values[-1])})
            highest = max(highest, evidence.value)
        raised += highest >= 20
    assert raised / monitors <= 0.05
    before, after = (
        np.reshape(p_values, (monitors, 12))[:, :-1].ravel(),
        np.reshape(p_values, (monitors, 12))[:, 1:],
    )
    assert (
        abs(np.corrcoef(before, after.ravel())[0, 1]) < 0.07
    )  # of 2,200 independent pairs: 3 standard errors
    assert np.mean(p_values) == pytest.approx(0.505, abs=0.02)
