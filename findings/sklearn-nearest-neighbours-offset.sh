#!/usr/bin/env bash
# scikit-learn 1.9.1: adding a constant to every column changes the nearest neighbours, from 16 columns on.
#
# For more than 15 columns NearestNeighbors and KNeighborsClassifier choose the brute-force search, which computes
# |x|^2 - 2xy + |y|^2. Far from the origin the squares cancel: with columns around 1e8 and a spread of 1 the distances
# are noise, although float64 holds the values to eight decimals. The tree searches, chosen for 15 columns or fewer,
# subtract first and are right.
#
# Why it matters: neighbours decide k-NN baselines and the partners of SMOTE. Unix times, map coordinates and sensor
# readings with an offset lose them silently, and only in wider tables.
# Instead: subtract the column means (or standardise) before any search for neighbours.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1

cat >expected <<'TEXT'
scikit-learn 1.9.1: k-NN, accuracy with 1e8 added to every column, as a change from the accuracy without
20 columns, algorithm=auto: loses more than 0.1: True
20 columns, algorithm=kd_tree: loses more than 0.1: False
20 columns, algorithm=auto, means subtracted: loses more than 0.1: False
15 columns, algorithm=auto: loses more than 0.1: False
TEXT

cat >program.py <<'PYTHON'
import sklearn
from sklearn.datasets import make_classification
from sklearn.neighbors import KNeighborsClassifier


def loss(columns, algorithm, centred=False):
    """How much accuracy the offset costs."""
    features, labels = make_classification(600, columns, n_informative=10, random_state=0)
    shifted = features + 1e8
    if centred:
        shifted = shifted - shifted[:400].mean(axis=0)
    plain, moved = (KNeighborsClassifier(algorithm=algorithm).fit(table[:400], labels[:400])
                    .score(table[400:], labels[400:]) for table in (features, shifted))
    return plain - moved


print(f"scikit-learn {sklearn.__version__}: k-NN, accuracy with 1e8 added to every column, "
      "as a change from the accuracy without")
print("20 columns, algorithm=auto: loses more than 0.1:", loss(20, "auto") > 0.1)
print("20 columns, algorithm=kd_tree: loses more than 0.1:", loss(20, "kd_tree") > 0.1)
print("20 columns, algorithm=auto, means subtracted: loses more than 0.1:", loss(20, "auto", centred=True) > 0.1)
print("15 columns, algorithm=auto: loses more than 0.1:", loss(15, "auto") > 0.1)
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
