"""The base class of optimizers: (init, update) over flat vectors, with the state passed in, as in optax."""

from abc import ABC, abstractmethod

from workers.nn import kernels
from workers.nn.arrays import Array

State = dict[str, Array]
"""Named arrays of the parameters' shape. A checkpoint of an optimizer consists of them."""


class Optimizer(ABC):
    """Turns gradients into steps: a few sweeps over contiguous memory, in place.

    The update uses the gradient as scratch memory. An optimizer has no state of its own.
    """

    name: str
    learning_rate: float
    weight_decay: float

    @abstractmethod
    def init(self, parameters: Array) -> State:
        """The state before the first step, for parameters (P,)."""

    def update(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        *,
        step: int,
        learning_rate: float,
        decayed: int,
    ) -> None:
        """Take step number `step` (from 1): changes parameters (P,) and state, and overwrites the gradient (P,).

        `learning_rate` is the optimizer's own times the schedule's factor. Weight decay applies to the first
        `decayed` elements only: the weights.
        """
        if self.weight_decay:
            self.decay(parameters[:decayed], gradient[:decayed], learning_rate)
        self.move(parameters, gradient, state, step, learning_rate)

    def decay(self, weights: Array, gradient: Array, learning_rate: float) -> None:
        """Coupled weight decay: g += wd w, the gradient of wd/2 |w|^2."""
        kernels.current().add_scaled(gradient, weights, self.weight_decay)

    @abstractmethod
    def move(self, parameters: Array, gradient: Array, state: State, step: int, learning_rate: float) -> None:
        """Take the step without the weight decay."""
