"""Rounding to bfloat16. Its bits are kept as unsigned integers: neither NumPy nor numba has the type."""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from workers.nn.arrays import Array, Bits
from workers.nn.kernels.compiled.compiler import compiled

HALF, QUIET = 0x7FFF, 0x40
"""Half a unit in the last place, less one; and the bit that keeps a NaN a NaN, whatever else is cut off."""


@intrinsic
def _bits_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 -- numba's interface
    """The bits of the bfloat16 that is nearest to a float32; of two equally near ones, the even one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        word, (number,) = ir.IntType(32), arguments
        bits = builder.bitcast(number, word)
        upper = builder.lshr(bits, word(16))
        odd = builder.and_(upper, word(1))
        nearest = builder.lshr(builder.add(builder.add(bits, word(HALF)), odd), word(16))
        is_nan = builder.fcmp_unordered("uno", number, number)
        chosen = builder.select(is_nan, builder.or_(upper, word(QUIET)), nearest)
        return builder.trunc(chosen, ir.IntType(16))

    return types.uint16(types.float32), generate


bits_of = cast("Callable[[float], int]", _bits_of)


@compiled("void(real[::1], uint16[::1])")
def round_to_bfloat16(x: Array, y: Bits) -> None:
    for i in range(len(y)):
        y[i] = bits_of(x[i])
