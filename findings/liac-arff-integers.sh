#!/usr/bin/env bash
# liac-arff 2.5.0: an attribute that the file declares INTEGER loses its fractions.
#
# Weka treats integer, real and numeric alike, and files of that family declare columns of measurements INTEGER. liac-arff
# reads 1.5 in such a column as 1 and 2.9 as 2. SciPy reads 1.5 and 2.9.
#
# Why it matters: a column of shares between 0 and 1 becomes all zeros, without a warning.
# Instead: replace INTEGER with REAL in the header before decoding.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check liac-arff==2.5.0 scipy==1.17.1 numpy==2.4.6

cat >expected <<'TEXT'
liac-arff 2.5.0
INTEGER, liac-arff: [1, 2, -1, 0]
INTEGER, SciPy:     [1.5, 2.9, -1.7, 0.999]
REAL, liac-arff:    [1.5, 2.9, -1.7, 0.999]
TEXT

cat >program.py <<'PYTHON'
import io
from importlib.metadata import version

import arff
from scipy.io import arff as scipy_arff

text = "@RELATION table\n@ATTRIBUTE x INTEGER\n@ATTRIBUTE y {p,q}\n@DATA\n1.5,p\n2.9,q\n-1.7,p\n0.999,q\n"


def column(content):
    return [row[0] for row in arff.loads(content)["data"]]


print("liac-arff", version("liac-arff"))
print("INTEGER, liac-arff:", column(text))
print("INTEGER, SciPy:    ", scipy_arff.loadarff(io.StringIO(text))[0]["x"].tolist())
print("REAL, liac-arff:   ", column(text.replace("INTEGER", "REAL")))
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
