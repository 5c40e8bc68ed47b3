#!/usr/bin/env bash
# DuckDB 2.0.1 on Parquet (PyArrow 26.0.1): whether WHERE x > 5 returns a NaN row depends on the row's neighbours.
#
# In DuckDB a NaN is greater than every number, so x > 5 is true for it. A Parquet file also carries the minimum and
# maximum of each row group, and by the format's rules these leave NaN out. DuckDB skips a row group whose maximum is
# at most 5, with the NaN rows in it; if one other value of the group exceeds 5, they are returned. MAX(x) is likewise
# answered from these figures (9.0), while MAX(x + 0) reads the rows (nan).
#
# Why it matters: metrics of diverged runs are NaN. A leaderboard or filter over exported Parquet files changes its
# rows when unrelated runs are added, or when the file is loaded into a table first.
# Instead: store missing and diverged values as NULL, or add AND NOT isnan(x) to every comparison.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1

cat >expected <<'TEXT'
duckdb 2.0.1, pyarrow 26.0.1
values 0.8 nan 0.9, Parquet: WHERE x > 5 returns []
values 0.8 nan 0.9, table: WHERE x > 5 returns [nan]
values 0.8 nan 9.0, Parquet: WHERE x > 5 returns [nan, 9.0]
values 0.8 nan 9.0, table: WHERE x > 5 returns [nan, 9.0]
Parquet: MAX(x) is 9.0, MAX(x + 0) is nan
TEXT

cat >program.py <<'PYTHON'
from importlib.metadata import version

import duckdb
import pyarrow
import pyarrow.parquet

NAN = float("nan")


def query(sql):
    return [row[0] for row in duckdb.sql(sql).fetchall()]


print(f"duckdb {version('duckdb')}, pyarrow {version('pyarrow')}")
for values in ([0.8, NAN, 0.9], [0.8, NAN, 9.0]):
    pyarrow.parquet.write_table(pyarrow.table({"x": values}), "metrics.parquet")
    duckdb.sql("CREATE OR REPLACE TABLE metrics AS SELECT * FROM 'metrics.parquet'")
    written = " ".join(map(str, values))
    print(f"values {written}, Parquet: WHERE x > 5 returns", query("SELECT x FROM 'metrics.parquet' WHERE x > 5"))
    print(f"values {written}, table: WHERE x > 5 returns", query("SELECT x FROM metrics WHERE x > 5"))
(plain,), (read,) = query("SELECT max(x) FROM 'metrics.parquet'"), query("SELECT max(x + 0) FROM 'metrics.parquet'")
print(f"Parquet: MAX(x) is {plain}, MAX(x + 0) is {read}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
