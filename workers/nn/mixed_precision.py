"""Mixed precision: the operands of matrix products are rounded to bfloat16, and everything else is float32.

A product of two numbers of bfloat16 is exact in float32, and the products are summed in float32. So the results are
those of float32 for rounded operands, up to the order of the sums. Only training rounds: a network is evaluated, and
predicts, in float32.
Source: Micikevicius et al. 2018, Mixed precision training; Kalamkar et al. 2019, A study of BFLOAT16 for deep
learning training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol, cast

import numpy as np

from workers import bfloat16
from workers.nn.arrays import Array, Bits
from workers.nn.execution import Operation

Operand = Array | Bits
"""A factor of a product: numbers, or in mixed precision bits."""


class RoundedProducts(Protocol):
    """What multiplies matrices of bfloat16. name: what takes the products."""

    name: str

    def plan(
        self,
        a: Bits,
        b: Bits,
        out: Array,
        *,
        a_transposed: bool = False,
        b_transposed: bool = False,
    ) -> Operation:
        """Plan out (m, n) = a b in float32, for C-contiguous a (m, k) and b (k, n), or for their transposes."""


@dataclass(frozen=True, eq=False)
class MixedPrecision:
    """What a layer multiplies with. weights: its weights by name, rounded; the optimizer's pass writes them."""

    products: RoundedProducts
    weights: Mapping[str, Bits]


def plan_product(
    a: Operand, b: Operand, out: Array, mixed: MixedPrecision | None, *, a_transposed: bool = False
) -> Operation:
    """Plan out = a b, or a^T b; the product of bits in mixed precision."""
    if mixed is not None:
        return mixed.products.plan(cast("Bits", a), cast("Bits", b), out, a_transposed=a_transposed)
    return partial(np.dot, a.T if a_transposed else a, b, out)


@cache
def products() -> RoundedProducts:
    """The products of this processor's bfloat16 unit. Raises bfloat16.NoUnit."""
    return bfloat16.products()


class EmulatedProducts:
    """The same products without a unit, by widening the operands: slower than float32. For tests and comparisons."""

    name = "emulated"

    def plan(
        self,
        a: Bits,
        b: Bits,
        out: Array,
        *,
        a_transposed: bool = False,
        b_transposed: bool = False,
    ) -> Operation:
        def multiply() -> None:
            left, right = widened(a), widened(b)
            np.dot(left.T if a_transposed else left, right.T if b_transposed else right, out)

        return multiply


def widened(bits: Bits) -> Array:
    """Numbers in bfloat16 as float32, which is exact."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
