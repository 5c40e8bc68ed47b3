#!/usr/bin/env bash
# statsmodels 0.15.0: a NaN among p-values counts as a test for Holm, and turns every Benjamini-Hochberg p-value to NaN.
#
# multipletests does not leave a missing p-value out. Holm and Bonferroni multiply by 3 when two p-values and one NaN
# are given. Benjamini-Hochberg answers NaN for all three p-values, and in the same answer rejects two of them.
#
# Why it matters: a comparison without a p-value (one seed, no discordant row, a diverged run) makes the corrected
# p-values of the other comparisons wrong or missing, while `reject` looks healthy.
# Instead: correct the finite p-values only, and put the NaN back afterwards.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1

cat >expected <<'TEXT'
statsmodels 0.15.0
holm: 0.01 and 0.03 give [0.02, 0.03]; with a NaN [0.03, 0.06, nan], reject [True, False, False]
bonferroni: 0.01 and 0.03 give [0.02, 0.06]; with a NaN [0.03, 0.09, nan], reject [True, False, False]
fdr_bh: 0.01 and 0.03 give [0.02, 0.03]; with a NaN [nan, nan, nan], reject [True, True, False]
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import statsmodels
from statsmodels.stats.multitest import multipletests

print("statsmodels", statsmodels.__version__)
for method in ("holm", "bonferroni", "fdr_bh"):
    _, alone, *_ = multipletests([0.01, 0.03], method=method)
    reject, with_nan, *_ = multipletests([0.01, 0.03, np.nan], method=method)
    print(f"{method}: 0.01 and 0.03 give {alone.round(4).tolist()}; with a NaN {with_nan.round(4).tolist()}, "
          f"reject {reject.tolist()}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
