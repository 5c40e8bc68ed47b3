#!/usr/bin/env bash
# NumPy 2.4.6: a list of seeds is padded with zeros, so seed 7 and the list (7, 0) are the same stream.
#
# SeedSequence fills its pool of four 32-bit words with zeros. default_rng(7), default_rng([7]), default_rng([7, 0])
# and default_rng([7, 0, 0, 0]) therefore draw the same numbers; only a fifth word tells them apart. An integer
# above 32 bits is cut into words first, so 2**32 is the list [0, 1].
#
# Why it matters: an experiment that shuffles with default_rng(seed) and makes fold 0 with default_rng([seed, 0])
# draws both from one stream. Nothing fails; only the first fold is tied to the shuffling.
# Instead: give the place of the stream as spawn_key, or call spawn(). Both are mixed in after the padding.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6

cat >expected <<'TEXT'
numpy 2.4.6
default_rng([7]) draws the numbers of default_rng(7): True
default_rng([7, 0]) draws the numbers of default_rng(7): True
default_rng([7, 0, 0, 0]) draws the numbers of default_rng(7): True
default_rng([7, 0, 0, 0, 0]) draws the numbers of default_rng(7): False
default_rng([0, 1]) draws the numbers of default_rng(2**32): True
SeedSequence(7, spawn_key=(0,)) draws the numbers of default_rng(7): False
TEXT

cat >program.py <<'PYTHON'
import numpy as np


def draws(seed):
    return np.random.default_rng(seed).integers(2**62, size=4).tolist()


print("numpy", np.__version__)
for seed in ([7], [7, 0], [7, 0, 0, 0], [7, 0, 0, 0, 0]):
    print(f"default_rng({seed}) draws the numbers of default_rng(7):", draws(seed) == draws(7))
print("default_rng([0, 1]) draws the numbers of default_rng(2**32):", draws([0, 1]) == draws(2**32))
spawned = np.random.SeedSequence(7, spawn_key=(0,))
print("SeedSequence(7, spawn_key=(0,)) draws the numbers of default_rng(7):", draws(spawned) == draws(7))
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
