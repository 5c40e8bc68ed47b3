"""A table of a million rows as a CSV file: 20 numbers, 10 texts of 50 levels, 5 in 100 cells empty, two classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS = 1_000_000
NUMBERS, TEXTS, LEVELS, MISSING = 20, 10, 50, 0.05
STEP = 100_000


def write_table(file: Path, *, rows: int = ROWS, quoted: bool = False) -> None:
    """Write it, about 300 bytes a row. `quoted`: with quotes around texts."""
    draw = np.random.default_rng(0)
    style = "needed" if quoted else "none"
    names = [*(f"x{n}" for n in range(NUMBERS)), *(f"c{n}" for n in range(TEXTS)), "kind"]
    schema = pa.schema([(name, pa.float64() if name.startswith("x") else pa.string()) for name in names])
    options = pyarrow.csv.WriteOptions(quoting_style=style)
    with pyarrow.csv.CSVWriter(file, schema, write_options=options) as writer:
        for start in range(0, rows, STEP):
            size = min(STEP, rows - start)
            columns = [_column(name, size, draw) for name in names[:-1]]
            columns.append(pa.array(np.where(draw.random(size) < 0.3, "yes", "no")))
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _column(name: str, rows: int, draw: np.random.Generator) -> Any:
    missing = draw.random(rows) < MISSING
    if name.startswith("x"):
        return pa.array(draw.normal(scale=100, size=rows).round(6), mask=missing)
    codes = pa.array(draw.integers(0, LEVELS, rows), mask=missing)
    levels = pa.array([f"level-{name}-{level}" for level in range(LEVELS)])
    return pa.DictionaryArray.from_arrays(codes, levels).cast(pa.string())
