"""All parameters of a network in one flat vector, and their gradients in another. Layers hold views into both."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from workers.nn.arrays import Array, Shape, aligned_empty
from workers.nn.initializers import Initializer

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Parameter:
    """One array that a layer declares. `decays` says whether weight decay applies to it: to weights only."""

    shape: Shape
    initializer: Initializer
    decays: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Parameters:
    """The flat vectors `values` and `gradient`, shape (P,). Weight decay applies to the first `decayed` elements.

    The decaying parameters of all layers come first, so that an optimizer decays one contiguous slice. Initial values
    are drawn in float64, layer by layer in the order of declaration, whatever the dtype.
    """

    def __init__(
        self,
        declared: Sequence[Mapping[str, Parameter]],
        generator: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.declared = declared
        self.size = sum(p.size for layer in declared for p in layer.values())
        self.decayed = sum(p.size for layer in declared for p in layer.values() if p.decays)
        self.values: Array = aligned_empty((self.size,), dtype)
        self.gradient: Array = aligned_empty((self.size,), dtype)
        self.gradient.fill(0)
        self._offsets = self._assign_offsets()
        for views, layer in zip(self.views(self.values), declared, strict=True):
            for name, parameter in layer.items():
                views[name][...] = parameter.initializer(parameter.shape, generator)

    def _assign_offsets(self) -> dict[tuple[int, str], int]:
        offsets, offset = {}, 0
        for decays in (True, False):
            for index, layer in enumerate(self.declared):
                for name, parameter in layer.items():
                    if parameter.decays is decays:
                        offsets[index, name] = offset
                        offset += parameter.size
        return offsets

    def views(self, flat: NDArray[T], *, decaying: bool = False) -> list[dict[str, NDArray[T]]]:
        """For each layer, its parameters by name as views into `flat` (P,), each in its own shape.

        decaying: only those to which weight decay applies, so that `flat` may end with them.
        """
        return [
            {
                name: flat[self._offsets[index, name] :][: parameter.size].reshape(parameter.shape)
                for name, parameter in layer.items()
                if parameter.decays or not decaying
            }
            for index, layer in enumerate(self.declared)
        ]
