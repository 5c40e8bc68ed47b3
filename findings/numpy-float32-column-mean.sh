#!/usr/bin/env bash
# NumPy 2.4.6: the mean of a float32 column depends on the memory layout, and is 2 % off at four million rows.
#
# NumPy sums pairwise only along the axis that lies contiguously in memory. X.mean(axis=0) on an ordinary
# (row-major) float32 table adds row after row to one float32, and loses what no longer fits into 24 bits.
# A constant column of 1000.1 gets the mean 1020.7 and the standard deviation 20.3; the same values in Fortran
# order, or one column alone, get 1000.1 and 0.0001.
#
# Why it matters: standard scaling is mean(axis=0) and std(axis=0) of the training rows. A wrong mean shifts the
# column, and a wrong deviation of 20 flattens a column whose true deviation is 1.
# Instead: pass dtype=np.float64 to mean and std when the table is float32.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6

cat >expected <<'TEXT'
numpy 2.4.6: a float32 table of 4194304 rows and 2 columns, every cell 1000.1
row-major, axis=0: mean 1020.7, standard deviation 20.3
column-major, axis=0: mean 1000.1, standard deviation 0.0
first column alone: mean 1000.1, standard deviation 0.0
row-major, axis=0, dtype=float64: mean 1000.1, standard deviation 0.0
TEXT

cat >program.py <<'PYTHON'
import numpy as np

rows = np.full((2**22, 2), 1000.1, dtype=np.float32)


def describe(name, values, **options):
    mean = np.ravel(values.mean(axis=0, **options))[0]
    deviation = np.ravel(values.std(axis=0, **options))[0]
    print(f"{name}: mean {mean:.1f}, standard deviation {deviation:.1f}")


print(f"numpy {np.__version__}: a float32 table of {len(rows)} rows and 2 columns, every cell 1000.1")
describe("row-major, axis=0", rows)
describe("column-major, axis=0", np.asfortranarray(rows))
describe("first column alone", rows[:, 0])
describe("row-major, axis=0, dtype=float64", rows, dtype=np.float64)
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
