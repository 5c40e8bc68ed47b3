#!/usr/bin/env bash
# pandas 3.1.1, PyArrow 26.0.1, Polars 2.1.0, DuckDB 2.0.1: one label column has another number of classes in each.
#
# All four read the same CSV column with their defaults and decide by different rules whether labels are numbers,
# booleans or text. PyArrow takes 0x10 for 16 and mixes true with 1; DuckDB takes Yes and yes for one boolean and
# keeps 01 apart from 1; Polars reads +1 as text but 01 as a number. No pair of readers agrees on every column,
# and none of them warns.
#
# Why it matters: a network gets one output per class. The same file is a 1-class, 2-class or 4-class problem
# depending on the reader, and majority baselines and macro averages move with it.
# Instead: read every cell of a label column as text, and type it by one rule of your own.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1

cat >expected <<'TEXT'
pandas 3.1.1, pyarrow 26.0.1, polars 2.1.0, duckdb 2.0.1
cells                 | pandas     | pyarrow    | polars     | duckdb
+1 -1 1 -1            | int64 2    | double 2   | String 3   | VARCHAR 3
01 1 01 1             | int64 1    | int64 1    | Int64 1    | VARCHAR 2
1. 1 1.0 1            | float64 1  | double 1   | Float64 1  | DOUBLE 1
true 1 false 0        | str 4      | bool 2     | String 4   | VARCHAR 4
Yes No yes no         | str 4      | string 4   | String 4   | BOOLEAN 2
T F t f               | str 4      | string 4   | String 4   | BOOLEAN 2
0x10 16 0x11 17       | str 4      | int64 2    | String 4   | BIGINT 2
inf Infinity INF 1    | float64 2  | double 2   | String 4   | VARCHAR 4
NA a null b           | str 2      | string 4   | String 4   | VARCHAR 4
TEXT

cat >program.py <<'PYTHON'
from importlib.metadata import version

import duckdb
import pandas
import polars
import pyarrow.csv

COLUMNS = ("+1 -1 1 -1", "01 1 01 1", "1. 1 1.0 1", "true 1 false 0", "Yes No yes no", "T F t f", "0x10 16 0x11 17",
           "inf Infinity INF 1", "NA a null b")
READERS = ("pandas", "pyarrow", "polars", "duckdb")


def read(reader, path):
    """The type of the column `label`, and its values."""
    match reader:
        case "pandas":
            column = pandas.read_csv(path)["label"]
            return column.dtype, column.dropna().tolist()
        case "pyarrow":
            column = pyarrow.csv.read_csv(path)["label"]
            return column.type, column.to_pylist()
        case "polars":
            column = polars.read_csv(path)["label"]
            return column.dtype, column.to_list()
        case _:
            column = duckdb.read_csv(path).project("label")
            return column.types[0], [row[0] for row in column.fetchall()]


print(", ".join(f"{reader} {version(reader)}" for reader in READERS))
print(f"{'cells':21} |", " | ".join(f"{reader:10}" for reader in READERS).rstrip())
for cells in COLUMNS:
    with open("table.csv", "w") as file:
        file.write("feature,label\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells.split())))
    seen = []
    for reader in READERS:
        kind, values = read(reader, "table.csv")
        seen.append(f"{kind} {len(set(values))}")
    print(f"{cells:21} |", " | ".join(f"{entry:10}" for entry in seen).rstrip())
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
