"""Gathers the rows of a batch and scales them, directly from the stored bytes or floats."""

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled

BYTES, FLOATS = (f"Array({stored}, 2, 'C', readonly=True)" for stored in ("uint8", "float32"))
STATISTICS = "Array(float32, 1, 'C', readonly=True)"
INTEGERS = "Array(int64, 1, 'C', readonly=True)"


def for_bytes_and_floats(arguments: str, returns: str = "void") -> tuple[str, str]:
    """Signatures for features stored as bytes and as floats."""
    return f"{returns}({BYTES}, {arguments})", f"{returns}({FLOATS}, {arguments})"


@compiled(
    *for_bytes_and_floats(f"{INTEGERS}, {INTEGERS}, {STATISTICS}, {STATISTICS}, real[:,::1], int64[::1]")
)
def gather(
    features: Array | Integers,
    labels: Integers,
    rows: Integers,
    offset: Array,
    factor: Array,
    x: Array,
    y: Integers,
) -> None:
    real = x.dtype.type
    for i in range(x.shape[0]):
        row = rows[i]
        y[i] = labels[row]
        for j in range(x.shape[1]):
            x[i, j] = (real(features[row, j]) - offset[j]) * factor[j]


@compiled(*for_bytes_and_floats(f"{STATISTICS}, {STATISTICS}, real[:,::1]"))
def scale(features: Array | Integers, offset: Array, factor: Array, x: Array) -> None:
    real = x.dtype.type
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = (real(features[i, j]) - offset[j]) * factor[j]


@compiled(*for_bytes_and_floats(f"{INTEGERS}, {STATISTICS}, {STATISTICS}, {STATISTICS}, real[:,::1]"))
def mix(
    features: Array | Integers, rows: Integers, mixing: Array, offset: Array, factor: Array, x: Array
) -> None:
    real = x.dtype.type
    for i in range(x.shape[0]):
        row = rows[i]
        for j in range(x.shape[1]):
            towards = (real(features[row, j]) - offset[j]) * factor[j]
            x[i, j] += mixing[i] * (towards - x[i, j])
