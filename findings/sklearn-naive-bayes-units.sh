#!/usr/bin/env bash
# scikit-learn 1.9.1: GaussianNB depends on the units of its columns; one large column of noise blinds it.
#
# A Gaussian naive Bayes classifier should not care in which unit a column is measured. GaussianNB adds
# var_smoothing (1e-9) times the largest variance of all columns to the variance of every column. With one column of
# spread 1e6 this adds about 1000 to variances of about 0.1, and iris drops from 95 % to chance.
#
# Why it matters: a timestamp, an amount or an identifier among the features makes this baseline useless, and any
# network looks good beside it.
# Instead: standardise the columns before GaussianNB.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1

cat >expected <<'TEXT'
scikit-learn 1.9.1: iris and one column of noise, accuracy by 5-fold cross-validation
spread of the noise 1: above 0.9: True
spread of the noise 1000000: above 0.9: False
spread of the noise 1000000: below 0.5: True
spread of the noise 1000000, standardised: above 0.9: True
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import sklearn
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

features, labels = load_iris(return_X_y=True)
noise = np.random.default_rng(0).normal(size=len(labels))


def accuracy(model, spread):
    return cross_val_score(model, np.column_stack([features, noise * spread]), labels, cv=5).mean()


print(f"scikit-learn {sklearn.__version__}: iris and one column of noise, accuracy by 5-fold cross-validation")
print("spread of the noise 1: above 0.9:", accuracy(GaussianNB(), 1) > 0.9)
large = accuracy(GaussianNB(), 1_000_000)
print("spread of the noise 1000000: above 0.9:", large > 0.9)
print("spread of the noise 1000000: below 0.5:", large < 0.5)
scaled = accuracy(make_pipeline(StandardScaler(), GaussianNB()), 1_000_000)
print("spread of the noise 1000000, standardised: above 0.9:", scaled > 0.9)
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
