import numpy as np
import pytest

from tests.workers.nn.losses.cases import CLASSES, COUNTS, assert_same
from workers.nn.class_weights import EffectiveNumber, EmptyClassError
from workers.nn.losses import LDAM, AnyLoss, BalancedMSE, BalancedSoftmax, CrossEntropy, LogitAdjustment, Loss
from workers.tagged_union import members

pytestmark = pytest.mark.usefixtures("every_kernel_set")


def test_frequency_aware_losses_are_larger_for_rare_classes() -> None:
    even = np.zeros((CLASSES, CLASSES))
    for loss in (BalancedSoftmax(), LogitAdjustment(), LDAM()):
        losses, _ = loss.with_class_counts(COUNTS)(even, np.arange(CLASSES))
        assert (np.diff(losses) > 0).all()


@pytest.mark.parametrize(
    "cls", [cls for cls in members(AnyLoss) if cls.frequency_aware and cls is not BalancedMSE]
)
def test_a_class_without_rows_is_refused_by_number(cls: type[Loss]) -> None:
    with pytest.raises(EmptyClassError, match="no training rows of class 1, 3") as refusal:
        cls().with_class_counts(np.array([5, 0, 7, 0]))
    assert refusal.value.classes == [1, 3]


def test_ldam_reweights_late_and_only_if_the_spec_says_so() -> None:
    assert LDAM().class_weights(COUNTS, 0.999) is None
    deferred = LDAM(reweight_from=0.8)
    assert deferred.class_weights(COUNTS, 0.79) is None
    late = deferred.class_weights(COUNTS, 0.8)
    assert late is not None
    np.testing.assert_array_equal(late, EffectiveNumber()(COUNTS))
    assert CrossEntropy().class_weights(COUNTS, 0.9) is None


def test_logit_adjustment_with_tau_1_is_balanced_softmax_and_with_0_cross_entropy() -> None:
    assert_same(
        LogitAdjustment(tau=1.0).with_class_counts(COUNTS), BalancedSoftmax().with_class_counts(COUNTS)
    )
    assert_same(LogitAdjustment(tau=0.0).with_class_counts(COUNTS), CrossEntropy())


def test_equal_counts_and_no_margin_leave_cross_entropy() -> None:
    assert_same(BalancedSoftmax().with_class_counts(np.full(CLASSES, 50)), CrossEntropy())
    assert_same(LDAM(max_margin=1e-13).with_class_counts(COUNTS), CrossEntropy(), rtol=1e-10)


def test_the_gradient_of_balanced_softmax_vanishes_at_the_sampled_prior() -> None:
    """Uniform logits predict the sampled prior: over rows in that proportion the gradients cancel."""
    labels = np.repeat(np.arange(CLASSES), COUNTS)
    _, gradient = BalancedSoftmax().with_class_counts(COUNTS)(np.zeros((len(labels), CLASSES)), labels)
    np.testing.assert_allclose(gradient.mean(axis=0), 0, atol=1e-14)


def test_the_largest_margin_is_that_of_the_rarest_class() -> None:
    """At equal cosines the loss is log(1 + (K-1) exp(s D_y)), which is solved for D_y."""
    losses, _ = LDAM(scale=30.0, max_margin=0.5).with_class_counts(COUNTS)(
        np.zeros((CLASSES, CLASSES)), np.arange(CLASSES)
    )
    margins = np.log(np.expm1(losses) / (CLASSES - 1)) / 30
    np.testing.assert_allclose(margins, [0.5 / 900**0.25, 0.5 / 90**0.25, 0.5 / 9**0.25, 0.5], rtol=1e-10)
