"""The exponential of an array, as losses need it: for numbers up to 0, and 0 if the result is negligible."""

import math
from typing import Any

import numpy as np

from workers.nn.arrays import Array, negligible_limit
from workers.nn.kernels.compiled.compiler import inlined

LIMIT_FLOAT32, LIMIT_FLOAT64 = negligible_limit(np.float32), negligible_limit(np.float64)
LOWEST_FLOAT32, LOWEST_FLOAT64 = math.log(LIMIT_FLOAT32), math.log(LIMIT_FLOAT64)


@inlined
def limit_of(array: Array) -> float:
    """arrays.negligible_limit of the array's dtype, for compiled code."""
    return LIMIT_FLOAT32 if array.itemsize == 4 else LIMIT_FLOAT64


@inlined
def exponentials(x: Array) -> None:
    """x (n,) = exp(x), for x <= 0; 0 if x is below the logarithm of the limit; NaN if x is NaN.

    libm computes one element per call, and takes several times as long if the result is close to underflow. This
    loop becomes vector instructions in float32.
    """
    real = x.dtype.type
    lowest, zero = real(LOWEST_FLOAT32 if x.itemsize == 4 else LOWEST_FLOAT64), real(0)
    for i in range(len(x)):
        e = _exp_float32(x[i]) if x.itemsize == 4 else np.exp(x[i])
        x[i] = zero if x[i] < lowest else real(e)


@inlined
def _exp_float32(x: float) -> Any:
    """exp(x) with a relative error of 1e-7 for -87 < x <= 0: 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2.

    ln 2 is subtracted in two parts, the first of which is exact in few bits. Source: Moshier, Cephes, expf.c.
    """
    real = np.float32
    n = np.rint(real(x) * real(1.44269504))
    r = real(x) - n * real(0.693359375) - n * real(-2.12194440e-4)
    p = real(1.9875691500e-4)
    p = p * r + real(1.3981999507e-3)
    p = p * r + real(8.3334519073e-3)
    p = p * r + real(4.1665795894e-2)
    p = p * r + real(1.6666665459e-1)
    p = p * r + real(5.0000001201e-1)
    p = p * r * r + r + real(1)
    exponent = (np.int32(n) + np.int32(127)) << np.int32(23)
    return p * np.int32(exponent).view(np.float32)
