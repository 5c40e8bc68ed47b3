#!/usr/bin/env bash
# CatBoost 1.2.10: predict returns a column for three classes, and comparing it with the labels gives one third.
#
# For two classes CatBoostClassifier.predict returns (n,), as scikit-learn does. For three or more it returns (n, 1).
# (predictions == labels).mean() then compares every prediction with every label: (n, n). A model that is right on
# every row of iris has an accuracy of 0.333.
#
# Why it matters: a comparison of models shows CatBoost at chance. Nothing fails.
# Instead: call ravel() on the predictions, or use a metric function that checks shapes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check catboost==1.2.10 numpy==2.4.6 scikit-learn==1.9.1

cat >expected <<'TEXT'
catboost 1.2.10
2 classes: predictions (100,), compared (100,), right 1.000, after ravel 1.000
3 classes: predictions (150, 1), compared (150, 150), right 0.333, after ravel 1.000
TEXT

cat >program.py <<'PYTHON'
import catboost
from sklearn.datasets import load_iris

features, labels = load_iris(return_X_y=True)
print("catboost", catboost.__version__)
for classes in (2, 3):
    x, y = features[labels < classes], labels[labels < classes]
    model = catboost.CatBoostClassifier(iterations=50, verbose=0, allow_writing_files=False, random_seed=0)
    predictions = model.fit(x, y).predict(x)
    compared = predictions == y
    after = (predictions.ravel() == y).mean()
    print(
        f"{classes} classes: predictions {predictions.shape}, compared {compared.shape}, "
        f"right {compared.mean():.3f}, after ravel {after:.3f}"
    )
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
