"""How layers and networks run: a forward pass returns its own backward pass. Both are planned once per batch size.

`Differentiable.forward` has the contract of thinc's layers: it returns `(y, backward)`, the output and the
function that maps dL/dy to dL/dx. No state is left behind, so calls cannot get out of order:

    y, backward = layer.forward(x, training=True)
    dx = backward(dy)

Training repeats the same passes on arrays of the same sizes thousands of times. `plan_forward` therefore does once
what does not depend on the numbers: it fixes all arrays and returns the operations that compute on them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workers.nn.arrays import Array

Operation = Callable[[], object]
"""A computation on arrays that are fixed. It takes no argument and allocates nothing of the size of a batch."""


@dataclass(frozen=True, eq=False)
class BackwardPass:
    """The backward pass for one array of dL/dy.

    dx: the array that will hold dL/dx. operations: they fill dx, and write the gradients of the parameters. Run them
    at most once after each run of the forward pass: they may overwrite dL/dy and what the forward pass stored.
    """

    dx: Array
    operations: list[Operation]


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """The forward pass for one input array.

    y: the array that will hold the output. operations: they fill y. plan_backward: takes the array that will hold
    dL/dy, of y's shape.
    """

    y: Array
    operations: list[Operation]
    plan_backward: Callable[[Array], BackwardPass]


class Differentiable(ABC):
    """A function of a batch that knows its own derivative."""

    @abstractmethod
    def plan_forward(self, x: Array, *, training: bool) -> ForwardPass:
        """Plan the forward pass for the array x, whose first axis is the batch. Nothing is computed yet.

        Run the operations each time x has new contents. They never overwrite x. Training or inference is an
        argument, not a mode. Without `training`, `plan_backward` raises RuntimeError.
        """

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Callable[[Array], Array]]:
        """Compute the output for x. Returns it with the function that maps dL/dy to dL/dx for this call."""
        forward = self.plan_forward(x, training=training)
        run(forward.operations)

        def backward(dy: Array) -> Array:
            planned = forward.plan_backward(dy)
            run(planned.operations)
            return planned.dx

        return forward.y, backward


def run(operations: Iterable[Operation]) -> None:
    """Run the operations in order."""
    for operation in operations:
        operation()


def no_backward(_dy: Array) -> BackwardPass:
    """The `plan_backward` of inference. Raises RuntimeError."""
    raise RuntimeError("a forward pass with training=False has no backward pass")
