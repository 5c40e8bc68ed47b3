#!/usr/bin/env bash
# pandas 3.1.1: the intervals that qcut and cut return do not contain all of their own rows.
#
# The rows are divided at exact quantiles, but the returned intervals have edges that are rounded to three digits
# ("precision", documented as the precision of the labels). A row between the exact and the rounded edge lies outside
# the interval that it was given, and cutting the same values with these intervals moves it to the neighbouring bin.
#
# Why it matters: bins of a target that were made on training rows are applied to other rows, so the two parts are
# binned by different rules. The error is small, silent, and grows with the number of bins.
# Instead: keep the exact edges, qcut(..., retbins=True), and widen the first and the last one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6

cat >expected <<'TEXT'
pandas 3.1.1
100,000 normal values,   10 bins by intervals: outside their own interval    52, in another bin    52, without a bin    0
100,000 normal values,   10 bins by edges    : in another bin     0
100,000 normal values,  100 bins by intervals: outside their own interval   728, in another bin   728, without a bin    0
100,000 normal values,  100 bins by edges    : in another bin     0
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import pandas as pd

print("pandas", pd.__version__)
values = np.random.default_rng(0).normal(size=100_000)
for bins in (10, 100):
    by_quantile, edges = pd.qcut(values, bins, retbins=True)
    intervals = by_quantile.categories
    own = intervals.take(by_quantile.codes)
    outside = ((values <= own.left) | (values > own.right)).sum()
    again = pd.cut(values, intervals)
    moved, lost = (again.codes != by_quantile.codes).sum(), (again.codes < 0).sum()
    title = f"100,000 normal values, {bins:4} bins by"
    print(f"{title} intervals: outside their own interval {outside:5}, in another bin {moved:5}, without a bin {lost:4}")
    exact = pd.cut(values, edges, include_lowest=True)
    print(f"{title} edges    : in another bin {(exact.codes != by_quantile.codes).sum():5}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
