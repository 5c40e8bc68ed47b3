"""What training minimises: the loss, weighted by class, given how often each class is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import ClassWeights, relative
from workers.nn.losses import Loss, LossFunction


@dataclass(frozen=True, eq=False)
class Objective:
    """sum_i w_i L_i / sum_i w_i over the rows of a step, w_i the weight of the class of row i."""

    loss: LossFunction
    weights: Array | None

    def total_weight(self, labels: Integers) -> float:
        """sum_i w_i of the rows with `labels` (N,)."""
        return float(len(labels) if self.weights is None else self.weights[labels].sum())

    def wire(self, logits: Array, labels: Integers, gradient: Array) -> Callable[[float], float]:
        """For arrays that stay: takes the total weight of a step, answers the rows' part of the objective.

        Its gradient with respect to logits (N, K) goes into `gradient`. The total weight is that of the whole
        step, so that the parts of several micro-batches add up to it.
        """
        total = self.loss.wire(logits, labels, self.weights, gradient)

        def value(total_weight: float) -> float:
            if total_weight == 0:  # every class of this step is weighted with nothing
                gradient.fill(0)
                return 0.0
            return total(1 / total_weight)

        return value


def objective_at(
    progress: float, *, loss: Loss, weighting: ClassWeights, sampled_counts: Array, dtype: DTypeLike
) -> Objective:
    """The objective at `progress` in [0, 1) of training: a loss may ask for weights of its own late in it.

    Loss and weights are derived from `sampled_counts` (K,), how often the balancing draws each class in an
    epoch, and not from the class counts of the training part: so nothing is corrected twice.
    """
    weights = weighting(sampled_counts)
    own = loss.class_weights(sampled_counts, progress)
    if own is not None:
        weights = own if weights is None else relative(weights) * own
    cast = None if weights is None else relative(weights).astype(dtype)
    return Objective(loss.given(sampled_counts), cast)
