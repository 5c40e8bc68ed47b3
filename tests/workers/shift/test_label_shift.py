"""The prior of a batch without labels is found, and predictions weighted by it are as good as promised."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from workers.evaluation.confusion import confusion_matrix
from workers.shift.calibration import calibrated, fit_calibration
from workers.shift.label_shift import (
    IllConditioned,
    black_box,
    expectation_maximisation,
    expected_under,
    reweighted,
)
from workers.shift.prior import estimate_prior
from workers.shift.rows import Reference, ScoredRows

CLASSES, SEPARATION = 5, 2.2
NEW = np.array([0.5, 0.25, 0.15, 0.08, 0.02])
Floats = NDArray[np.float64]


def sample(
    rows: int, prior: Floats, stream: np.random.Generator, sharpness: float = 1.0
) -> tuple[Floats, NDArray[np.int64]]:
    """The posterior of Gaussian classes at equal shares, or one that is too sure of itself, and the labels."""
    labels = stream.choice(CLASSES, rows, p=prior)
    x = stream.standard_normal((rows, CLASSES)) + SEPARATION * np.eye(CLASSES)[labels]
    scores = np.exp(sharpness * SEPARATION * x)
    return scores / scores.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_both_estimates_find_the_prior_also_with_overconfident_probabilities(sharpness: float) -> None:
    stream = np.random.default_rng(0)
    p, labels = sample(4000, np.full(CLASSES, 0.2), stream, sharpness)
    q, _ = sample(2000, NEW, stream, sharpness)
    confusion = confusion_matrix(labels, p.argmax(axis=1), CLASSES)
    estimate = black_box(confusion, q.argmax(axis=1), stream)
    assert np.abs(estimate.prior - NEW).sum() < 0.08
    assert 1 < estimate.condition < 3
    inside = sum(each.low <= share <= each.high for each, share in zip(estimate.intervals, NEW, strict=True))
    assert inside >= CLASSES - 1
    fitted = fit_calibration(p, labels)
    assert fitted[0] == pytest.approx(1 / sharpness, rel=0.1)
    source = calibrated(p, *fitted).mean(axis=0)
    em = expectation_maximisation(calibrated(q, *fitted), source)
    assert np.abs(em - NEW).sum() < 0.05


def test_the_fixed_point_of_em_maximises_the_likelihood() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    stream = np.random.default_rng(1)
    q, _ = sample(300, NEW, stream)
    prior = np.full(CLASSES, 0.2)

    def loss(logits: Floats) -> float:
        shares = np.exp(logits - logits.max())
        return -float(np.log(q / prior @ (shares / shares.sum())).sum())

    best = np.exp(optimize.minimize(loss, np.zeros(CLASSES), tol=1e-10).x)
    np.testing.assert_allclose(expectation_maximisation(q, prior), best / best.sum(), atol=2e-3)


def test_weighted_predictions_are_as_accurate_as_validation_promises() -> None:
    stream = np.random.default_rng(2)
    p, labels = sample(6000, np.full(CLASSES, 0.2), stream)
    q, truth = sample(6000, NEW, stream)
    weights = NEW / 0.2
    before = np.mean(q.argmax(axis=1) == truth)
    after = np.mean(reweighted(q, weights) == truth)
    promised = expected_under(confusion_matrix(labels, reweighted(p, weights), CLASSES), NEW).accuracy
    assert after > before + 0.01
    assert after == pytest.approx(promised, abs=0.02)


def test_predictions_weighted_to_equal_shares_are_those_of_the_best_rule_for_balanced_accuracy() -> None:
    """The oracle: for Gaussian classes, the nearest centre is the best rule where all classes come equally often."""
    stream = np.random.default_rng(4)
    old = NEW[::-1].copy()
    (p, labels), (q, truth) = (sample(6000, prior, stream) for prior in (old, NEW))
    known, batch = (posterior(each, old) for each in (p, q))
    estimate = estimate_prior(reference(known, labels), rows(batch), stream)
    assert estimate.equalising is not None
    assert (
        np.mean(estimate.equalising.predicted == q.argmax(axis=1)) > 0.98
    )  # EM's shares and calibration are estimates
    plain, equalised = (
        recall_score(truth, each, average="macro")
        for each in (batch.argmax(axis=1), estimate.equalising.predicted)
    )
    assert equalised > plain + 0.05
    assert equalised == pytest.approx(estimate.equalising.expected.balanced_accuracy, abs=0.03)
    assert estimate.reweighting is not None
    assert np.mean(estimate.reweighting.predicted == truth) > np.mean(estimate.equalising.predicted == truth)


def posterior(equal: Floats, prior: Floats) -> Floats:
    """Posteriors (n, K) at equal shares, as they are at others."""
    weighted: Floats = equal * prior
    weighted /= weighted.sum(axis=1, keepdims=True)
    return weighted


def rows(probabilities: Floats, labels: NDArray[np.int64] | None = None) -> ScoredRows:
    nothing = np.zeros((len(probabilities), 1), np.float32)
    outputs = probabilities.astype(np.float32)
    return ScoredRows(nothing, outputs, probabilities.argmax(axis=1), nothing, nothing, labels)


def reference(probabilities: Floats, labels: NDArray[np.int64]) -> Reference:
    return Reference(rows(probabilities, labels), [], [str(k) for k in range(CLASSES)], is_distribution=True)


def test_a_confusion_matrix_that_tells_nothing_is_refused() -> None:
    stream = np.random.default_rng(0)
    alike = np.array([[50, 50], [49, 51]])
    with pytest.raises(IllConditioned) as refused:
        black_box(alike, np.array([0, 1]), stream)
    assert refused.value.condition > 30
    with pytest.raises(IllConditioned):
        black_box(np.array([[5, 0], [0, 0]]), np.array([0, 1]), stream)  # a class without validation rows
