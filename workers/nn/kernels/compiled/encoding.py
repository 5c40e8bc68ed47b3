"""Encodes and scales the rows of a table, directly from the stored columns."""

from workers.nn.arrays import Array, Integers
from workers.nn.kernels.compiled.compiler import compiled

BYTES, FLOATS = (f"Array({stored}, 2, 'C', readonly=True)" for stored in ("uint8", "float32"))
STATISTICS = "Array(float32, 1, 'C', readonly=True)"
INTEGERS = "Array(int64, 1, 'C', readonly=True)"
LAYOUT = f"{INTEGERS}, {STATISTICS}, {INTEGERS}, {INTEGERS}, {INTEGERS}, {STATISTICS}"
ARGUMENTS = f"{INTEGERS}, {LAYOUT}, {STATISTICS}, {STATISTICS}, real[:,::1]"


@compiled(f"void({BYTES}, {ARGUMENTS})", f"void({FLOATS}, {ARGUMENTS})")
def encode(  # noqa: C901 -- one sweep: a value is a number, a missing one or a level
    features: Array | Integers,
    rows: Integers,
    starts: Integers,
    fills: Array,
    indicators: Integers,
    tables: Integers,
    places: Integers,
    values: Array,
    offset: Array,
    factor: Array,
    x: Array,
) -> None:
    real = x.dtype.type
    for i in range(x.shape[0]):
        row = rows[i]
        for j in range(x.shape[1]):
            x[i, j] = (real(0) - offset[j]) * factor[j]
        for column in range(features.shape[1]):
            value = real(features[row, column])
            missing = value != value
            start, levels = starts[column], tables[column + 1] - tables[column] - 1
            if levels < 0:
                if missing:
                    value = real(fills[column])
                    at = indicators[column]
                    if at >= 0:
                        x[i, at] = (real(1) - offset[at]) * factor[at]
                x[i, start] = (value - offset[start]) * factor[start]
            elif missing or (0 <= value < levels):
                entry = tables[column] + (levels if missing else int(value))
                at = places[entry]
                if at >= 0:
                    x[i, at] = (real(values[entry]) - offset[at]) * factor[at]
