"""One flat vector for all the parameters of a network, and one for their gradient; layers hold views."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from workers.nn.arrays import Array, Shape


class Initial(Protocol):
    """Draws the initial values of a parameter, as float64, from a generator."""

    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array: ...


@dataclass(frozen=True)
class Constant:
    """Every element starts as `value`."""

    value: float

    def __call__(self, shape: Shape, generator: np.random.Generator) -> Array:
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Parameter:
    """What a layer declares of one of its arrays. Weight decay applies to weights alone (`decays`)."""

    shape: Shape
    initial: Initial
    decays: bool = False

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


class Parameters:
    """The flat `values` and `gradient`, shape (P,); the first `decayed` elements are subject to weight decay.

    Decaying parameters of all layers come first, so that an optimizer decays one contiguous slice.
    Initial values are drawn in float64, layer by layer in the order declared, whatever the dtype.
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
        self.values: Array = np.empty(self.size, dtype)
        self.gradient: Array = np.zeros(self.size, dtype)
        self._offsets = self._lay_out()
        for views, layer in zip(self.views(self.values), declared, strict=True):
            for name, parameter in layer.items():
                views[name][...] = parameter.initial(parameter.shape, generator)

    def _lay_out(self) -> dict[tuple[int, str], int]:
        offsets, offset = {}, 0
        for decays in (True, False):
            for index, layer in enumerate(self.declared):
                for name, parameter in layer.items():
                    if parameter.decays is decays:
                        offsets[index, name] = offset
                        offset += parameter.size
        return offsets

    def views(self, flat: Array) -> list[dict[str, Array]]:
        """Per layer, each declared parameter as a view into `flat` (P,) in its own shape."""
        return [
            {
                name: flat[self._offsets[index, name] :][: parameter.size].reshape(parameter.shape)
                for name, parameter in layer.items()
            }
            for index, layer in enumerate(self.declared)
        ]
