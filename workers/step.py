"""One step of training: gather rows, forward, loss, backward, update."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from workers.data.balancing import Draw
from workers.data.batches import Gather
from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.nn.arrays import Array, Buffers
from workers.nn.clipping import clip_by_global_norm
from workers.nn.network import Network
from workers.nn.optimizers import Optimizer
from workers.objective import Objective


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
        self.gather, self.labels = Gather(training, scaler), training.labels
        self.parameters = network.parameters
        self.state = optimizer.init(self.parameters.values)
        self._buffers = Buffers()

    def gradient(self, objective: Objective, draw: Draw, batches: Sequence[slice]) -> float:
        """Leave the gradient of the objective over all `batches` in the flat vector; the objective's value.

        Of several micro-batches each counts by its weight, so that they add up to one large batch.
        """
        if len(batches) == 1:
            rows = draw.rows[batches[0]]
            return self._backward(objective, draw, batches[0], objective.total_weight(self.labels[rows]))
        whole = slice(batches[0].start, batches[-1].stop)
        total_weight = objective.total_weight(self.labels[draw.rows[whole]])
        total = self._buffers("total", self.parameters.gradient.shape, self.network.dtype)
        total.fill(0)
        value = 0.0
        for batch in batches:
            value += self._backward(objective, draw, batch, total_weight)
            total += self.parameters.gradient
        self.parameters.gradient[...] = total
        return value

    def _backward(self, objective: Objective, draw: Draw, batch: slice, total_weight: float) -> float:
        rows = draw.rows[batch]
        logits, backward = self.network.forward(self._inputs(draw, batch, rows), training=True)
        value, dlogits = objective(logits, self.labels[rows], total_weight)
        backward(dlogits)
        return value

    def _inputs(self, draw: Draw, batch: slice, rows: Indices) -> Array:
        x = self._buffers("x", (len(rows), self.gather.features.shape[1]), self.network.dtype)
        if draw.partners is None or draw.mixing is None:
            return self.gather.into(rows, x)
        return self.gather.mixed_into(rows, draw.partners[batch], draw.mixing[batch], x)

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
        gradient: Array = self.parameters.gradient
        return math.sqrt(float(np.dot(gradient, gradient)))


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
