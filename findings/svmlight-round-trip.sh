#!/usr/bin/env bash
# scikit-learn 1.9.1: dump_svmlight_file and load_svmlight_file, both with their defaults, shift the columns.
#
# dump_svmlight_file numbers columns from 0. load_svmlight_file guesses (zero_based="auto"): when no index is 0, it
# takes the file for one-based and moves every column to the left. An SVMlight file leaves zeros out, so a table
# whose first column is 0 in every row has no index 0. Passing the right n_features does not help.
#
# Why it matters: a training file and a test file of one data set can be read with different columns, because only
# one of them has a row with ink on the first pixel. The model then scores shifted features, without an error.
# Instead: always pass zero_based=True or zero_based=False, or load the parts together with load_svmlight_files.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1

cat >expected <<'TEXT'
scikit-learn 1.9.1
written: [[0.0, 1.0, 5.0], [0.0, 2.0, 6.0]]
read back, n_features=3: [[1.0, 5.0, 0.0], [2.0, 6.0, 0.0]]
read back, n_features=3, zero_based=True: [[0.0, 1.0, 5.0], [0.0, 2.0, 6.0]]
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import sklearn
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

features = np.array([[0.0, 1.0, 5.0], [0.0, 2.0, 6.0]])
dump_svmlight_file(features, [0, 1], "table.svm")
guessed, _ = load_svmlight_file("table.svm", n_features=3)
declared, _ = load_svmlight_file("table.svm", n_features=3, zero_based=True)

print("scikit-learn", sklearn.__version__)
print("written:", features.tolist())
print("read back, n_features=3:", guessed.toarray().tolist())
print("read back, n_features=3, zero_based=True:", declared.toarray().tolist())
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
