from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.workers.nn.gradient_check import check_gradient
from tests.workers.nn.losses.cases import (
    CLASSES,
    COUNTS,
    allowed_outputs,
    every_loss,
    some_labels,
    some_logits,
)
from workers.nn.losses import AnyLoss, BalancedMSE, Loss
from workers.nn.output_layers import Output, is_distribution


@every_loss
class TestEveryLoss:
    def test_gives_one_loss_per_example_and_a_gradient_of_the_logits_shape(self, loss: Loss) -> None:
        losses, gradient = loss.with_class_counts(COUNTS)(some_logits(), some_labels())
        assert losses.shape == (12,)
        assert gradient.shape == (12, CLASSES)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_keeps_the_dtype_and_leaves_its_arguments_alone(self, loss: Loss, dtype: Any) -> None:
        logits, labels = some_logits(dtype=dtype), some_labels()
        logits.flags.writeable = labels.flags.writeable = False
        for function in (loss, loss.with_class_counts(COUNTS)):
            losses, gradient = function(logits, labels)
            assert losses.dtype == gradient.dtype == dtype
            assert not np.shares_memory(gradient, logits)
            gradient *= 2  # the trainer scales it in place

    @pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "u4", "i8", "u8"])
    def test_takes_labels_of_any_integer_type(self, loss: Loss, dtype: str) -> None:
        function = loss.with_class_counts(COUNTS)
        expected = function(some_logits(), some_labels())
        for mine, theirs in zip(function(some_logits(), some_labels().astype(dtype)), expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)

    def test_has_the_gradient_that_finite_differences_have(self, loss: Loss) -> None:
        function, logits, labels = loss.with_class_counts(COUNTS), some_logits(), some_labels()
        check_gradient(lambda z: function(z, labels)[0].sum(), logits, function(logits, labels)[1])

    def test_treats_every_example_by_itself(self, loss: Loss) -> None:
        function, logits, labels = loss.with_class_counts(COUNTS), some_logits(), some_labels()
        losses, gradient = function(logits, labels)
        order = np.random.default_rng(2).permutation(len(labels))[:5]
        some_losses, some_gradient = function(logits[order], labels[order])
        if isinstance(loss, BalancedMSE):  # compares each example with the others of its batch
            assert not np.allclose(some_losses, losses[order])
            return
        np.testing.assert_allclose(some_losses, losses[order], rtol=1e-14)
        np.testing.assert_allclose(some_gradient, gradient[order], rtol=1e-14, atol=1e-16)

    def test_single_precision_agrees_with_double(self, loss: Loss) -> None:
        function, labels = loss.with_class_counts(COUNTS), some_labels()
        logits = some_logits(dtype=np.float32)
        for single, double in zip(
            function(logits, labels), function(logits.astype(np.float64), labels), strict=True
        ):
            np.testing.assert_allclose(single, double, rtol=2e-5, atol=2e-6)

    @pytest.mark.parametrize("signs", [(1, -1, -1, -1), (-1, 1, 1, 1), (1, 1, 1, 1), (-1, -1, -1, -1)])
    def test_is_finite_at_extreme_logits_in_single_precision(self, loss: Loss, signs: Any) -> None:
        logits = np.tile(np.float32(1e4) * np.array(signs, np.float32), (CLASSES, 1))
        losses, gradient = loss.with_class_counts(COUNTS)(logits, np.arange(CLASSES))
        assert np.isfinite(losses).all()
        assert np.isfinite(gradient).all()

    @settings(max_examples=settings().max_examples // 4)
    @given(data=st.data())
    def test_is_finite_and_never_negative(self, loss: Loss, data: st.DataObject) -> None:
        row = st.lists(st.floats(-1e4, 1e4, width=32), min_size=CLASSES, max_size=CLASSES)
        logits = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), np.float32)
        labels = np.array([data.draw(st.integers(0, CLASSES - 1)) for _ in logits])
        losses, gradient = loss.with_class_counts(COUNTS)(logits, labels)
        assert np.isfinite(gradient).all()
        assert np.isfinite(losses).all()
        assert (losses >= 0).all()

    def test_ignores_a_shift_of_all_logits_behind_a_softmax_alone(self, loss: Loss) -> None:
        function, logits, labels = loss.with_class_counts(COUNTS), some_logits(), some_labels()
        losses, gradient = function(logits, labels)
        shifted, _ = function(logits + 3, labels)
        if is_distribution(loss.output):
            np.testing.assert_allclose(shifted, losses, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-14)
        elif not isinstance(loss, BalancedMSE):  # one-hot targets are all equally long
            assert not np.allclose(shifted, losses)

    def test_is_evaluated_on_plain_logits_whatever_the_counts(self, loss: Loss) -> None:
        plain, _ = loss(some_logits(), some_labels())
        given_counts, _ = loss.with_class_counts(COUNTS)(some_logits(), some_labels())
        assert np.array_equal(plain, given_counts) is not loss.frequency_aware

    def test_survives_a_round_trip_through_json(self, loss: Loss) -> None:
        adapter: TypeAdapter[Loss] = TypeAdapter(AnyLoss)
        assert adapter.validate_json(adapter.dump_json(loss)) == loss

    def test_refuses_an_output_it_is_not_defined_on(self, loss: Loss) -> None:
        adapter: TypeAdapter[Loss] = TypeAdapter(AnyLoss)
        for wrong in set(get_args(Output)) - set(allowed_outputs(type(loss))):
            with pytest.raises(ValidationError, match="output") as refusal:
                adapter.validate_python({"name": loss.name, "output": wrong})
            assert refusal.value.errors()[0]["loc"] == (loss.name, "output")
