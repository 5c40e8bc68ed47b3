#!/usr/bin/env bash
# XGBoost 3.2.0: the same numbers as a sparse matrix are predicted differently, because a zero there is missing.
#
# A SciPy sparse matrix does not store zeros. XGBoost takes what is not stored for missing, and sends it down the default
# branch of each split. A model that was fitted to a dense array and is right on every row falls to chance on
# csr_matrix of the same array. scikit-learn and LightGBM predict the same for both.
#
# Why it matters: one-hot encoders return sparse matrices. A pipeline that is dense in training and sparse in production,
# or the other way round, changes every prediction.
# Instead: use one representation for both, or sparse input throughout.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check xgboost==3.2.0 lightgbm==4.7.0 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6

cat >expected <<'TEXT'
XGBoost 3.2.0, LightGBM 4.7.0, scikit-learn 1.9.1: accuracy of a model fitted to a dense array
XGBClassifier           dense 1.000, sparse below 0.6: True
LGBMClassifier          dense 1.000, sparse below 0.6: False
DecisionTreeClassifier  dense 1.000, sparse below 0.6: False
TEXT

cat >program.py <<'PYTHON'
import lightgbm
import numpy as np
import sklearn
import xgboost
from scipy.sparse import csr_matrix
from sklearn.tree import DecisionTreeClassifier

features = np.random.default_rng(0).integers(0, 2, (1000, 5)).astype(float)
labels = (features[:, 0] == 0).astype(int)
print(
    f"XGBoost {xgboost.__version__}, LightGBM {lightgbm.__version__}, scikit-learn {sklearn.__version__}: "
    "accuracy of a model fitted to a dense array"
)
for model in (
    xgboost.XGBClassifier(n_estimators=10, n_jobs=1),
    lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1),
    DecisionTreeClassifier(),
):
    model.fit(features, labels)
    dense, sparse = ((model.predict(x) == labels).mean() for x in (features, csr_matrix(features)))
    print(f"{type(model).__name__:23} dense {dense:.3f}, sparse below 0.6: {sparse < 0.6}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
