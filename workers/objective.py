"""The objective that training minimises: the mean loss, weighted by class."""

from dataclasses import dataclass

from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import ClassWeights, rescale
from workers.nn.losses import Loss, LossFunction, ValueAndGrad


@dataclass(frozen=True, eq=False)
class Objective:
    """sum_i w_i L_i / sum_i w_i over the rows of a step, w_i the weight of the class of row i.

    weights: (K,), in the dtype of the logits; None weights all classes alike.
    """

    loss: LossFunction
    weights: Array | None

    def total_weight(self, labels: Integers) -> float:
        """sum_i w_i over the rows with `labels` (N,)."""
        return float(len(labels) if self.weights is None else self.weights[labels].sum())

    def plan_value_and_grad(self, logits: Array, labels: Integers, gradient: Array) -> ValueAndGrad:
        """Plan what a batch contributes to the objective, for fixed arrays.

        The function returned takes the total weight of the step. It writes the gradient with respect to the logits
        (N, K) to `gradient` and returns the value. The total is over the whole step, so that the contributions of
        several micro-batches add up to the objective.
        """
        of_loss = self.loss.plan_value_and_grad(logits, labels, self.weights, gradient)

        def value_and_grad(total_weight: float) -> float:
            if total_weight == 0:  # every class of this step has weight 0
                gradient.fill(0)
                return 0.0
            return of_loss(1 / total_weight)

        return value_and_grad


def objective_at(
    progress: float, *, loss: Loss, class_weights: ClassWeights, sampled_counts: Array, dtype: DTypeLike
) -> Objective:
    """The objective at `progress` in [0, 1) of training: a loss may need weights of its own late in training.

    Loss and weights follow from `sampled_counts` (K,), how often the balancing draws each class in an epoch, and not
    from the class counts of the training part. So imbalance is not corrected twice.
    """
    weights = class_weights(sampled_counts)
    own = loss.class_weights(sampled_counts, progress)
    if own is not None:
        weights = own if weights is None else rescale(weights) * own
    cast = None if weights is None else rescale(weights).astype(dtype)
    return Objective(loss.with_class_counts(sampled_counts), cast)
