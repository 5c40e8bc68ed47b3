#!/usr/bin/env bash
# safetensors 0.8.0: safetensors.numpy writes the memory of an array as it lies, and reads it back in another order.
#
# A transposed array, a column-major one and every second column of a table are saved without an error. The header has
# their shape; the bytes are those of the memory they point to. Loading gives the right shape and dtype with values
# in the wrong places. safetensors.torch refuses such a tensor.
#
# Why it matters: scikit-learn and LAPACK return column-major arrays. A model stored from them predicts nonsense, and
# nothing fails.
# Instead: pass numpy.asarray(array, order="C").
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6

cat >expected <<'TEXT'
safetensors 0.8.0
saved:            [[0, 1, 2], [3, 4, 5]]
row-major:        equal after loading: True
column-major:     equal after loading: False, [[0, 3, 1], [4, 2, 5]]
transposed:       equal after loading: False, [[0, 1], [2, 3], [4, 5]]
columns 0 and 2:  equal after loading: False, [[0, 1], [2, 3]]
order="C":        equal after loading: True
TEXT

cat >program.py <<'PYTHON'
import numpy as np
import safetensors
from safetensors.numpy import load, save

table = np.arange(6, dtype=np.float32).reshape(2, 3)


def report(name, array):
    loaded = load(save({"array": array}))["array"]
    equal = np.array_equal(loaded, array)
    shown = "" if equal else f", {loaded.astype(int).tolist()}"
    print(f"{name + chr(58):17} equal after loading: {equal}{shown}")


print("safetensors", safetensors.__version__)
print("saved:           ", table.astype(int).tolist())
report("row-major", table)
report("column-major", np.asfortranarray(table))
report("transposed", table.T)
report("columns 0 and 2", table[:, ::2])
report("order=\"C\"", np.asarray(np.asfortranarray(table), order="C"))
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
