#!/usr/bin/env bash
# pandas 3.1.1: a comma at the end of each row moves every column by one, without a warning.
#
# Some programs end each row of a table with the delimiter, but not the line with the names. read_csv then has one more
# field than names, and takes the first field of each row as the index: "petal" holds what stands under "sepal", and
# the label is missing everywhere. PyArrow refuses the file.
#
# Why it matters: dropna() leaves an empty table, or a model trains on columns under wrong names.
# Instead: read_csv(..., index_col=False), and check that no column is empty.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6

cat >expected <<'TEXT'
pandas 3.1.1
read_csv: {"petal": [5.1, 6.2], "sepal": ["setosa", "virginica"], "species": [null, null]}
index: [1.4, 5.1]
index_col=False: {"petal": [1.4, 5.1], "sepal": [5.1, 6.2], "species": ["setosa", "virginica"]}
pyarrow: ArrowInvalid
TEXT

cat >program.py <<'PYTHON'
import io
import json
import warnings

import pandas as pd
import pyarrow
import pyarrow.csv

warnings.simplefilter("error")
text = "petal,sepal,species\n1.4,5.1,setosa,\n5.1,6.2,virginica,\n"


def shown(frame):
    return json.dumps({name: [None if pd.isna(x) else x for x in frame[name].tolist()] for name in frame})


print("pandas", pd.__version__)
frame = pd.read_csv(io.StringIO(text))
print("read_csv:", shown(frame))
print("index:", frame.index.tolist())
warnings.simplefilter("ignore")  # with index_col=False pandas does warn
print("index_col=False:", shown(pd.read_csv(io.StringIO(text), index_col=False)))
try:
    pyarrow.csv.read_csv(io.BytesIO(text.encode()))
except pyarrow.ArrowInvalid as error:
    print("pyarrow:", type(error).__name__)
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
