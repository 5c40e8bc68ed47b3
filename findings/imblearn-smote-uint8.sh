#!/usr/bin/env bash
# imbalanced-learn 0.14.2: SMOTE on uint8 images interpolates in uint8, and makes pixels far outside both parents.
#
# The synthetic point is x + u (neighbour - x). On uint8 arrays the difference wraps around (100 - 104 = 252), and the
# sum is cut to uint8. All parents here lie between 100 and 109; the synthetic rows run over most of 0 to 255. The
# same rows as float stay between their parents.
#
# Why it matters: image data sets (IDX, PNG, NPZ) are uint8. Their minority classes get noise instead of pictures, and
# the result still has the right shape and type.
# Instead: convert to float before SMOTE (as scaling does anyway).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imbalanced-learn==0.14.2 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1

cat >expected <<'TEXT'
imbalanced-learn 0.14.2: 8 minority rows, every pixel from 100 to 109
uint8: 32 synthetic rows of uint8, all pixels from 100 to 109: False
uint8: some pixel below 50: True; some pixel above 200: True
float64: 32 synthetic rows of float64, all pixels from 100 to 109: True
TEXT

cat >program.py <<'PYTHON'
from importlib.metadata import version

import numpy as np
from imblearn.over_sampling import SMOTE

generator = np.random.default_rng(0)
images = np.concatenate([generator.integers(0, 256, (40, 3)), generator.integers(100, 110, (8, 3))]).astype(np.uint8)
labels = np.repeat([0, 1], [40, 8])


def synthetic(rows):
    """What SMOTE appends."""
    return SMOTE(random_state=0).fit_resample(rows, labels)[0][len(rows):]


print(f"imbalanced-learn {version('imbalanced-learn')}: 8 minority rows, every pixel from 100 to 109")
for rows in (images, images.astype(float)):
    made = synthetic(rows)
    inside = bool(made.min() >= 100 and made.max() <= 109)
    print(f"{rows.dtype}: {len(made)} synthetic rows of {made.dtype}, all pixels from 100 to 109: {inside}")
    if not inside:
        print(f"{rows.dtype}: some pixel below 50: {made.min() < 50}; some pixel above 200: {made.max() > 200}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
