"""The base class of optimizers: (init, update) over flat vectors, with the state passed in, as in optax."""

from abc import ABC, abstractmethod

from workers.nn import kernels
from workers.nn.arrays import Array, Bits

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
        rounded: Bits | None = None,
    ) -> None:
        """Take step number `step` (from 1): changes parameters (P,) and state, and overwrites the gradient (P,).

        `learning_rate` is the optimizer's own times the schedule's factor. Weight decay applies to the first
        `decayed` elements only: the weights. rounded: in mixed precision, where the same pass writes these weights,
        rounded to bfloat16.
        """
        if self.weight_decay:
            self.decay(parameters[:decayed], gradient[:decayed], learning_rate)
        self.move(parameters, gradient, state, step, learning_rate, rounded)

    def decay(self, weights: Array, gradient: Array, learning_rate: float) -> None:
        """Coupled weight decay: g += wd w, the gradient of wd/2 |w|^2."""
        kernels.current().add_scaled(gradient, weights, self.weight_decay)

    @abstractmethod
    def move(
        self,
        parameters: Array,
        gradient: Array,
        state: State,
        step: int,
        learning_rate: float,
        rounded: Bits | None,
    ) -> None:
        """Take the step without the weight decay."""


def add_scaled(x: Array, y: Array, factor: float, rounded: Bits | None) -> None:
    """x += factor y, and in mixed precision rounded = the first elements of x, rounded."""
    if rounded is None:
        kernels.current().add_scaled(x, y, factor)
    else:
        kernels.current().add_scaled_rounded(x, y, factor, rounded)


def add_momentum(
    parameters: Array,
    gradient: Array,
    velocity: Array,
    momentum: float,
    share: float,
    nesterov: bool,
    step_size: float,
    rounded: Bits | None,
) -> None:
    """The step of the kernel `momentum`, with `rounded` as in `add_scaled`."""
    arguments = parameters, gradient, velocity, momentum, share, nesterov, step_size
    if rounded is None:
        kernels.current().momentum(*arguments)
    else:
        kernels.current().momentum_rounded(*arguments, rounded)
