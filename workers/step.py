"""One step of training: gather rows, forward, loss, backward, update."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from workers.data.balancing import Draw
from workers.data.batches import Gather
from workers.data.dataset import Dataset, Labels
from workers.data.scaling import Scaler
from workers.nn.arrays import Array, Buffers
from workers.nn.clipping import clip_by_global_norm, global_norm
from workers.nn.execution import Pass
from workers.nn.network import Network
from workers.nn.optimizers import Optimizer
from workers.objective import Objective


@dataclass(eq=False)
class BatchPlan:
    """The arrays that batches of one size go through, the passes over them, and the objective between these."""

    x: Array
    labels: Labels
    logits: Array
    dlogits: Array
    forward: list[Pass]
    backward: list[Pass]
    objective: Objective | None = None
    value: Callable[[float], float] = field(init=False)

    def aim(self, objective: Objective) -> None:
        """Put another objective between logits and their gradient: weights may change from epoch to epoch."""
        self.objective, self.value = objective, objective.wire(self.logits, self.labels, self.dlogits)


class Stepper:
    """Takes steps in place on the network's flat parameter vector."""

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        training: Dataset,
        scaler: Scaler,
        *,
        clip_norm: float | None,
    ) -> None:
        self.network, self.optimizer, self.clip_norm = network, optimizer, clip_norm
        self.gather = Gather(training, scaler)
        self.parameters = network.parameters
        self.state = optimizer.init(self.parameters.values)
        self._buffers = Buffers()
        self._wired: dict[int, BatchPlan] = {}

    def gradient(self, objective: Objective, draw: Draw, batches: Sequence[slice]) -> float:
        """Leave the gradient of the objective over all `batches` in the flat vector; the objective's value.

        Of several micro-batches each counts by its weight, so that they add up to one large batch.
        """
        if len(batches) == 1:
            return self._backward(objective, draw, batches[0])
        whole = slice(batches[0].start, batches[-1].stop)
        total_weight = objective.total_weight(self.gather.labels[draw.rows[whole]])
        total = self._buffers("total", self.parameters.gradient.shape, self.network.dtype)
        total.fill(0)
        value = 0.0
        for batch in batches:
            value += self._backward(objective, draw, batch, total_weight)
            total += self.parameters.gradient
        self.parameters.gradient[...] = total
        return value

    def _backward(
        self, objective: Objective, draw: Draw, batch: slice, total_weight: float | None = None
    ) -> float:
        size, rows = batch.stop - batch.start, draw.rows[batch]
        wired = self._wired.get(size) or self._wire(size)
        if draw.partners is None or draw.mixing is None:
            self.gather.into(rows, wired.x, wired.labels)
        else:
            self.gather.mixed_into(rows, draw.partners[batch], draw.mixing[batch], wired.x, wired.labels)
        for run in wired.forward:
            run()
        if total_weight is None:
            total_weight = objective.total_weight(wired.labels)
        if wired.objective is not objective:
            wired.aim(objective)
        value = wired.value(total_weight)
        for run in wired.backward:
            run()
        return value

    def _wire(self, size: int) -> "BatchPlan":
        """The passes of a batch of `size` rows; there are as many sizes as an epoch has: one or two."""
        x = self._buffers("x", (size, self.gather.features.shape[1]), self.network.dtype)
        logits, forward, wire_backward = self.network.wire(x, training=True)
        dlogits = self._buffers("dlogits", logits.shape, logits.dtype)
        backward = wire_backward(dlogits)[1]
        wired = self._wired[size] = BatchPlan(x, np.empty(size, np.int64), logits, dlogits, forward, backward)
        return wired

    def update(self, *, step: int, learning_rate: float) -> None:
        """Take step number `step` (from 1) along the gradient, clipped if asked for."""
        if self.clip_norm is not None:
            clip_by_global_norm(self.parameters.gradient, self.clip_norm)
        self.optimizer.update(
            self.parameters.values,
            self.parameters.gradient,
            self.state,
            step=step,
            learning_rate=learning_rate,
            decayed=self.parameters.decayed,
        )

    def gradient_norm(self) -> float:
        """The global norm of the gradient as it stands."""
        return global_norm(self.parameters.gradient)


def steps_of(rows: int, batch_size: int, accumulate: int) -> list[list[slice]]:
    """The batches of each step of an epoch of `rows` drawn rows, `accumulate` batches a step."""
    batches = list(_batches(rows, batch_size))
    return [batches[start : start + accumulate] for start in range(0, len(batches), accumulate)]


def _batches(rows: int, batch_size: int) -> Iterator[slice]:
    """Consecutive batches; a last one of a single row joins the one before: batch norm needs two."""
    start = 0
    while start < rows:
        stop = min(start + batch_size, rows)
        if rows - stop == 1 and batch_size > 1:
            stop = rows
        yield slice(start, stop)
        start = stop
