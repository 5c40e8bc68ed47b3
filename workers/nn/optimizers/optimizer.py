"""What every optimizer is: (init, update) over flat vectors, with the state passed along."""

from abc import ABC, abstractmethod

from workers.nn import kernels
from workers.nn.arrays import Array

State = dict[str, Array]
"""Named arrays of the parameters' shape. Storing them is checkpointing the optimizer."""


class Optimizer(ABC):
    """Turns gradients into steps: a handful of passes over contiguous memory, in place.

    The gradient, which nobody needs afterwards, is their scratch. An optimizer keeps nothing of its own.
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
        """Take step number `step` (from 1): parameters and state change, the gradient (P,) is lost.

        `learning_rate` is the scheduled one: the variant's own times the schedule's factor. Weight decay
        reaches the first `decayed` elements alone: the weights.
        """
        if self.weight_decay:
            self.decay(parameters[:decayed], gradient[:decayed], learning_rate)
        self.move(parameters, gradient, state, step, learning_rate)

    def decay(self, weights: Array, gradient: Array, learning_rate: float) -> None:
        """Coupled weight decay: g += wd w, the gradient of wd/2 |w|^2."""
        kernels.current().add_scaled(gradient, weights, self.weight_decay)

    @abstractmethod
    def move(self, parameters: Array, gradient: Array, state: State, step: int, learning_rate: float) -> None:
        """The step along the gradient, decay apart."""
