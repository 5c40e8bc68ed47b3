#!/usr/bin/env bash
# Numba 0.68.1: the difference of two bytes is 18446744073709551615.
#
# NumPy subtracts two uint8 in uint8: 1 - 2 is 255. Compiled by Numba, two uint8 scalars become uint64 first, so 1 - 2 is
# 2**64 - 1, and as a float 1.8e19. Whole uint8 arrays stay uint8 in both. Sums of squared differences of pixels are
# therefore right in neither, but the compiled ones are wrong by nineteen orders of magnitude.
#
# Why it matters: a loop over the pixels of two images, moved into @njit for speed, returns other numbers than before.
# Instead: convert to int or float before subtracting.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6

cat >expected <<'TEXT'
numba 0.68.1
NumPy, uint8(1) - uint8(2):    255
Numba, two scalars:            18446744073709551615
Numba, two elements of arrays: 18446744073709551615
Numba, two arrays:             [255]
Numba, as int64:               -1
TEXT

cat >program.py <<'PYTHON'
import numba
import numpy as np

one, two = np.uint8(1), np.uint8(2)
ones, twos = np.array([1], np.uint8), np.array([2], np.uint8)


@numba.njit
def difference(a, b):
    return a - b


@numba.njit
def of_elements(a, b):
    return a[0] - b[0]


@numba.njit
def as_integers(a, b):
    return np.int64(a) - np.int64(b)


print("numba", numba.__version__)
with np.errstate(over="ignore"):
    print("NumPy, uint8(1) - uint8(2):   ", one - two)
print("Numba, two scalars:           ", difference(one, two))
print("Numba, two elements of arrays:", of_elements(ones, twos))
print("Numba, two arrays:            ", difference(ones, twos))
print("Numba, as int64:              ", as_integers(one, two))
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
