#!/usr/bin/env bash
# statsmodels 0.15.0: McNemar's asymptotic test on two models that agree on every row says p = 0.
#
# With no discordant row the exact test says p = 1. The asymptotic form (exact=False) with its default continuity
# correction computes (|0 - 0| - 1)^2 / 0: the statistic is inf and the p-value 0.0. Without the correction both are
# NaN. There is only a NumPy warning about a division.
#
# Why it matters: "these two models differ, p = 0" is the answer for a model compared with itself.
# Instead: use exact=True below 25 discordant rows (and 1.0 when there is none).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1

cat >expected <<'TEXT'
statsmodels 0.15.0: both models right on 10 rows, both wrong on 5
exact=True: statistic 0.0, p-value 1.0
exact=False, correction=True: statistic inf, p-value 0.0
exact=False, correction=False: statistic nan, p-value nan
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import statsmodels
from statsmodels.stats.contingency_tables import mcnemar

np.seterr(all="ignore")
print(f"statsmodels {statsmodels.__version__}: both models right on 10 rows, both wrong on 5")
for options in ({"exact": True}, {"exact": False, "correction": True}, {"exact": False, "correction": False}):
    result = mcnemar([[10, 0], [0, 5]], **options)
    named = ", ".join(f"{name}={value}" for name, value in options.items())
    print(f"{named}: statistic {result.statistic}, p-value {result.pvalue}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
