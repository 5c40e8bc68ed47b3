"""No detector raises more alarms about unshifted batches than its level says, and each finds what it says it would.

The same with 300 batches of images and tables: `make simulate`.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.shift.detection import Detection
from workers.shift.features import compare_features
from workers.shift.kernel_sample import KernelSample
from workers.shift.mmd import compare_means
from workers.shift.predictions import compare_classes, compare_outputs
from workers.shift.two_sample_classifier import compare_by_classifier

M, N, DRAWS = 150, 40, 80
COLUMNS = (*(Column(str(index)) for index in range(3)), Column("colour", "category", ("r", "g", "b", "k")))
Rows = NDArray[np.float32]
Detector = Callable[[Rows, Rows, np.random.Generator], Detection]


def draw(rows: int, stream: np.random.Generator) -> Rows:
    """Three numbers, some of one missing, and a level of which one is rare."""
    numbers = stream.standard_normal((rows, 3))
    numbers[stream.random(rows) < 0.1, 1] = np.nan
    levels = stream.choice(4, rows, p=[0.5, 0.3, 0.19, 0.01])
    return np.column_stack([numbers, levels]).astype(np.float32)


def probabilities(rows: Rows) -> NDArray[np.float64]:
    scores = np.exp(np.nan_to_num(rows[:, :3]).astype(np.float64))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def kernel(before: Rows, after: Rows) -> KernelSample:
    return KernelSample.of(before, after)


DETECTORS: dict[str, Detector] = {
    "outputs": lambda a, b, stream: compare_outputs(probabilities(a), probabilities(b)),
    "classes": lambda a, b, stream: compare_classes(
        probabilities(a).argmax(axis=1), probabilities(b).argmax(axis=1), 4, stream
    ),
    "mmd": lambda a, b, stream: compare_means(kernel(a, b), stream),
    "classifier": lambda a, b, stream: compare_by_classifier(a, b, stream),
    "features": lambda a, b, stream: compare_features(a, b, COLUMNS, stream)[1],
}


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=list(DETECTORS))
def test_few_alarms_about_unshifted_batches(detector: Detector) -> None:
    stream = np.random.default_rng(0)
    alarms = sum(detector(draw(M, stream), draw(N, stream), stream).is_alarm for _ in range(DRAWS))
    assert alarms <= 10  # of 80 at 5 %: more in 1 of 250 series


FOREIGN = np.array([40.0, 40.0, 40.0, 0.0], np.float32)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["outputs", "classes", "mmd", "classifier"])
def test_the_smallest_shift_that_a_detector_states_is_found_in_four_of_five_batches(name: str) -> None:
    stream = np.random.default_rng(1)
    detector = DETECTORS[name]
    share = detector(draw(M, stream), draw(N, stream), stream).smallest_share
    assert share is not None
    found = 0
    for _ in range(60):
        before, after = draw(M, stream), draw(N, stream)
        foreign = stream.random(N) < share
        after[foreign, :3] += FOREIGN[:3] * stream.choice([-1, 1], 3) if name in ("mmd", "classifier") else 0
        after[foreign, :3] = np.where(name in ("outputs", "classes"), [9, -9, -9], after[foreign, :3])
        found += detector(before, after, stream).is_alarm
    assert found >= 40  # fewer than two of three would be seen in 1 of 100 series if 80 % were right


@pytest.mark.parametrize(("m", "n", "units"), [(300, 20, 3), (60, 60, 3), (200, 40, 30)])
def test_the_smallest_shift_of_the_classifier_is_found_at_other_sizes(m: int, n: int, units: int) -> None:
    stream = np.random.default_rng(2)
    before, after = stream.standard_normal((m, units)), stream.standard_normal((n, units))
    share = compare_by_classifier(before, after, stream).smallest_share
    assert share is not None
    found = 0
    for _ in range(40):
        before, after = stream.standard_normal((m, units)), stream.standard_normal((n, units))
        after[stream.random(n) < share] += 40 * stream.choice([-1, 1], units)
        found += compare_by_classifier(before, after, stream).is_alarm
    assert found >= 25  # fewer would be seen in 1 of 150 series if 80 % were right
