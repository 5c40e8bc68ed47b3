"""What layers and networks share: they are wired to fixed arrays once, and then only run."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from workers.nn.arrays import Array

Pass = Callable[[], object]
"""Work on arrays that were fixed when it was made: it takes no argument and allocates no batch."""

Backward = Callable[[Array], tuple[Array, list[Pass]]]
"""Takes the array that will hold dL/dy; answers the one that will hold dL/dx, and the passes that fill it.

The passes also write the gradients of the parameters. They run at most once after each run of the forward
passes, and may overwrite dL/dy and everything that those kept.
"""


class Differentiable(ABC):
    """A function of a batch that knows its own derivative."""

    @abstractmethod
    def wire(self, x: Array, *, training: bool) -> tuple[Array, list[Pass], Backward]:
        """For the array x that will hold the input: the array of the output, the passes that fill it, the backward.

        Whoever calls this runs the passes as often as x gets new contents. Training or inference is an
        argument, never a mode; without `training` the backward raises. x is never overwritten.
        """

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Callable[[Array], Array]]:
        """Wire to x and run at once: the output, and the map from dL/dy to dL/dx of this very call."""
        y, passes, wire_backward = self.wire(x, training=training)
        run(passes)

        def backward(dy: Array) -> Array:
            dx, backward_passes = wire_backward(dy)
            run(backward_passes)
            return dx

        return y, backward


def run(passes: list[Pass]) -> None:
    """Run passes in their order."""
    for each in passes:
        each()


def no_backward(_dy: Array) -> tuple[Array, list[Pass]]:
    """The backward of an inference: there is none."""
    raise RuntimeError("a forward pass with training=False has no backward")
