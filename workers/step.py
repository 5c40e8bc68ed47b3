"""One step of training: gather the rows, forward pass, loss, backward pass, update of the parameters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from workers.data.balancing import Draw
from workers.data.batches import BatchGatherer
from workers.data.dataset import Dataset, Labels
from workers.data.scaling import Scaler
from workers.dense_steps import DenseSteps, can_minimise, plan_dense_steps
from workers.nn.arrays import Array, Buffers
from workers.nn.clipping import clip_by_global_norm, global_norm
from workers.nn.execution import BackwardPass, ForwardPass, run
from workers.nn.losses import ValueAndGrad
from workers.nn.network import Network
from workers.nn.optimizers import Optimizer
from workers.objective import Objective


@dataclass(eq=False)
class BatchPlan:
    """The fixed arrays for batches of one size, and the computations on them: forward pass, objective, backward pass.

    x: (N, features). labels: (N,). dlogits: (N, K), the gradient with respect to the logits `forward.y`.
    value_and_grad: fills dlogits and returns the objective; `set_objective` sets it.
    """

    x: Array
    labels: Labels
    dlogits: Array
    forward: ForwardPass
    backward: BackwardPass
    objective: Objective | None = None
    value_and_grad: ValueAndGrad = field(init=False)

    def set_objective(self, objective: Objective) -> None:
        """Minimise `objective` from now on: its weights may change from epoch to epoch."""
        self.objective = objective
        self.value_and_grad = objective.plan_value_and_grad(self.forward.y, self.labels, self.dlogits)


class Stepper:
    """Takes training steps: computes gradients and updates the flat parameter vector in place.

    `clip_norm` limits the global norm of the gradient. `state` is the state of the optimizer.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        training_part: Dataset,
        scaler: Scaler,
        *,
        clip_norm: float | None,
    ) -> None:
        self.network, self.optimizer, self.clip_norm = network, optimizer, clip_norm
        self.gather = BatchGatherer(training_part, scaler)
        self.parameters = network.parameters
        self.state = optimizer.init(self.parameters.values)
        self._buffers = Buffers()
        self._plans: dict[int, BatchPlan] = {}
        self._dense_steps: dict[int, DenseSteps | None] = {}

    def value_and_grad(self, objective: Objective, draw: Draw, batches: Sequence[slice]) -> float:
        """Return the objective over the rows of all `batches`, and leave its gradient in `parameters.gradient`.

        Each of several micro-batches counts by its weight, so that they add up to one large batch.
        """
        if len(batches) == 1:
            return self._batch_value_and_grad(objective, draw, batches[0])
        whole = slice(batches[0].start, batches[-1].stop)
        total_weight = objective.total_weight(self.gather.labels[draw.rows[whole]])
        total = self._buffers("total", self.parameters.gradient.shape, self.network.dtype)
        total.fill(0)
        value = 0.0
        for batch in batches:
            value += self._batch_value_and_grad(objective, draw, batch, total_weight)
            total += self.parameters.gradient
        self.parameters.gradient[...] = total
        return value

    def _batch_value_and_grad(
        self, objective: Objective, draw: Draw, batch: slice, total_weight: float | None = None
    ) -> float:
        """The same for one batch of a step with `total_weight`; by default the batch is the whole step."""
        size, rows = batch.stop - batch.start, draw.rows[batch]
        plan = self._plans.get(size) or self._plan_batch(size)
        if draw.partners is None or draw.mixing is None:
            self.gather.into(rows, plan.x, plan.labels)
        else:
            partners, mixing, agreed = draw.partners[batch], draw.mixing[batch], draw.agreed(batch)
            self.gather.mixed_into(rows, partners, mixing, plan.x, plan.labels, agreed)
        run(plan.forward.operations)
        if total_weight is None:
            total_weight = objective.total_weight(plan.labels)
        if plan.objective is not objective:
            plan.set_objective(objective)
        value = plan.value_and_grad(total_weight)
        run(plan.backward.operations)
        return value

    def _plan_batch(self, size: int) -> BatchPlan:
        """Plan batches of `size` rows and keep the plan. An epoch has batches of one or two sizes."""
        x = self._buffers("x", (size, self.gather.scaler.width), self.network.dtype)
        forward = self.network.plan_forward(x, training=True)
        dlogits = self._buffers("dlogits", forward.y.shape, forward.y.dtype)
        labels, backward = np.empty(size, np.int64), forward.plan_backward(dlogits)
        plan = self._plans[size] = BatchPlan(x, labels, dlogits, forward, backward)
        return plan

    def take(
        self,
        objective: Objective,
        draw: Draw,
        steps: Sequence[Sequence[slice]],
        start: int,
        steps_before: int,
        learning_rates: Sequence[float],
    ) -> int:
        """Take those of the `steps` of an epoch from `start` on that can be taken in one call.

        steps_before: the steps of earlier epochs. learning_rates: of each step. Returns how many it took: 0 if there
        are none, fewer if the objective becomes NaN or infinite in the next step. The gradient is that of the last.
        """
        is_only = start + 1 == len(steps)
        if is_only or len(steps[start]) > 1 or draw.partners is not None or not can_minimise(objective):
            return 0
        dense = self._steps_of(max(_rows(steps[start]), _rows(steps[-1])))  # all but the last one are equal
        if dense is None or dense.most < 2:
            return 0
        end = min(start + dense.most, len(steps))
        starts = np.array([batch.start for (batch,) in steps[start:end]] + [steps[end - 1][0].stop])
        numbers = range(steps_before + start + 1, steps_before + end + 1)
        return dense.take(objective.loss, draw.rows, starts, numbers, learning_rates[start:end])

    def _steps_of(self, size: int) -> DenseSteps | None:
        """Takes several steps of up to `size` rows in one call; None if this network's are taken one by one."""
        if size not in self._dense_steps:
            planned = plan_dense_steps(size, self.network, self.optimizer, self.state, self.gather)
            self._dense_steps[size] = None if self.clip_norm is not None else planned
        return self._dense_steps[size]

    def update(self, *, step: int, learning_rate: float) -> None:
        """Take step number `step` (from 1) along the gradient, which is clipped first if `clip_norm` is set."""
        if self.clip_norm is not None:
            clip_by_global_norm(self.parameters.gradient, self.clip_norm)
        self.optimizer.update(
            self.parameters.values,
            self.parameters.gradient,
            self.state,
            step=step,
            learning_rate=learning_rate,
            decayed=self.parameters.decayed,
            rounded=self.network.rounded_weights,
        )

    def gradient_norm(self) -> float:
        """The global norm of the current gradient."""
        return global_norm(self.parameters.gradient)


@lru_cache(maxsize=16)
def split_into_steps(rows: int, batch_size: int, accumulate: int) -> list[list[slice]]:
    """Divide an epoch of `rows` drawn rows into steps: lists of `accumulate` batches; the last may have fewer.

    All epochs share the lists.
    """
    batches = list(_batches(rows, batch_size))
    return [batches[start : start + accumulate] for start in range(0, len(batches), accumulate)]


def _rows(step: Sequence[slice]) -> int:
    """How many rows a step has."""
    rows: int = step[-1].stop - step[0].start
    return rows


def _batches(rows: int, batch_size: int) -> Iterator[slice]:
    """Consecutive batches. A last batch of one row joins the batch before it: batch norm needs two rows."""
    start = 0
    while start < rows:
        stop = min(start + batch_size, rows)
        if rows - stop == 1 and batch_size > 1:
            stop = rows
        yield slice(start, stop)
        start = stop
