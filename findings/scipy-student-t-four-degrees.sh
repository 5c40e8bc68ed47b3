#!/usr/bin/env bash
# SciPy 1.17.1: near the middle, the quantile of Student's t is wrong for 4 degrees of freedom, and right for nearly all.
#
# scipy.stats.t.ppf(0.5 + d, 4), and scipy.special.stdtrit below it, is wrong in the fifth digit for d = 1e-6, in the
# fourth for 1e-7, 12 % too large for 1e-8, and 0 for 1e-9, where it is 0 for 6 degrees of freedom too. For all others
# from 1 to 100 the relative error at these places is below 1e-5. The right value is known: the quantile of 0.5 + d is
# d divided by the density at 0, up to a relative error of the order of d squared.
#
# Why it matters: 4 degrees of freedom are those of five folds or five seeds, and t4 is a usual heavy-tailed noise. The
# function agrees with every table of critical values. A test that takes SciPy as its oracle for another implementation
# fails for one parameter out of many, at a place where the other one is right.
# Instead: next to the middle use d / pdf(0), or compare with an absolute tolerance. isf has the same fault.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6

cat >expected <<'TEXT'
degrees of freedom with an error above 1e-5 at 0.5 + 1e-06: [4]
degrees of freedom with an error above 1e-5 at 0.5 + 1e-07: [4]
degrees of freedom with an error above 1e-5 at 0.5 + 1e-08: [4]
degrees of freedom with an error above 1e-5 at 0.5 + 1e-09: [4, 6]
4 degrees, 0.5 + 1e-06: 2.66677e-06, right 2.66667e-06
4 degrees, 0.5 + 1e-07: 2.66560e-07, right 2.66667e-07
4 degrees, 0.5 + 1e-08: 2.98023e-08, right 2.66667e-08
4 degrees, 0.5 + 1e-09: 0.00000e+00, right 2.66667e-09
isf is the same: True
TEXT

cat >program.py <<'PYTHON'
from scipy import stats

DISTANCES = (1e-6, 1e-7, 1e-8, 1e-9)


def right(degrees, distance):
    """The quantile of 0.5 + distance, to first order: the density has its maximum at 0."""
    return distance / stats.t.pdf(0, degrees)


def error(degrees, distance):
    return abs(stats.t.ppf(0.5 + distance, degrees) / right(degrees, distance) - 1)


for distance in DISTANCES:
    wrong = [degrees for degrees in range(1, 101) if error(degrees, distance) > 1e-5]
    print(f"degrees of freedom with an error above 1e-5 at 0.5 + {distance:g}: {wrong}")
for distance in DISTANCES:
    found = stats.t.ppf(0.5 + distance, 4)
    print(f"4 degrees, 0.5 + {distance:g}: {found:.5e}, right {right(4, distance):.5e}")
print("isf is the same:", stats.t.isf(0.5 - 1e-9, 4) == stats.t.ppf(0.5 + 1e-9, 4))
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
