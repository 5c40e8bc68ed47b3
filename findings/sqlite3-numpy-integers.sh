#!/usr/bin/env bash
# NumPy 2.4.6 and Python's sqlite3: a NumPy integer is stored as bytes, and every number compares as smaller.
#
# sqlite3 has no rule for numpy.int64 or numpy.float32, but both offer their memory as a buffer, so sqlite3 takes them
# for a BLOB. The column's type INTEGER does not convert it. In SQLite a BLOB is greater than any number, so epoch 5
# passes WHERE epoch > 100. numpy.float64 is a Python float and is stored as a number, which hides the fault.
#
# Why it matters: epochs, counts and metrics come from NumPy. The INSERT succeeds; filters and sorting are wrong later.
# Instead: call .item() or int() and float() first, or create the table as STRICT, which refuses the BLOB.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6

cat >expected <<'TEXT'
numpy 2.4.6
int64 5 is stored as blob, 5 > 100: True
float32 0.5 is stored as blob, 0.5 > 100: True
float64 0.5 is stored as real, 0.5 > 100: False
STRICT table: cannot store BLOB value in INTEGER column metrics.epoch
TEXT

cat >program.py <<'PYTHON'
import sqlite3

import numpy as np

connection = sqlite3.connect(":memory:")
connection.execute("CREATE TABLE plain (value INTEGER)")
connection.execute("CREATE TABLE metrics (epoch INTEGER) STRICT")

print("numpy", np.__version__)
for value in (np.int64(5), np.float32(0.5), np.float64(0.5)):
    connection.execute("DELETE FROM plain")
    connection.execute("INSERT INTO plain VALUES (?)", (value,))
    kind, larger = connection.execute("SELECT typeof(value), value > 100 FROM plain").fetchone()
    print(f"{type(value).__name__} {value} is stored as {kind}, {value} > 100: {bool(larger)}")
try:
    connection.execute("INSERT INTO metrics VALUES (?)", (np.int64(5),))
except sqlite3.Error as error:
    print("STRICT table:", error)
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
