"""The linear model: softmax regression, solved instead of trained in steps."""

from typing import ClassVar, Literal

import numpy as np

from workers.nn.initializers import GlorotUniform
from workers.nn.layers.layer import Layer
from workers.nn.models.model import Model, Task
from workers.tagged_union import Positive, variant


@variant
class Linear(Model):
    """Softmax regression: the minimum of mean_i w_i CE(x_i W + b, y_i) + l2/2 |W|^2, solved to convergence.

    w_i is the weight of the class of row i: its class weight times how much more often the balancing would draw it.
    Biases are not penalised. Without `l2`, the penalty is that of 0.01, 0.001 and 0.0001 which has the smallest
    cross-entropy on a fifth of the training rows. Optimizer, schedule, batches and seeds have no effect.
    When: to begin with: it trains in seconds, and a network that does not beat it is not needed.
    Source: Nocedal & Wright 2006, Numerical Optimization (L-BFGS, then Newton's method with conjugate gradients).
    Oracle: sklearn.linear_model.LogisticRegression with C = 1 / (l2 n).
    """

    solved: ClassVar[bool] = True
    name: Literal["linear"] = "linear"
    l2: Positive | None = None

    def layers(self, task: Task, dropout: np.random.Generator) -> list[Layer]:
        return [task.head(task.features, GlorotUniform())]
