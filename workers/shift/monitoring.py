"""Tests a batch of a monitor: against the validation rows, and against the rows before it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from workers.nn.arrays import Array
from workers.shift import earlier_rows
from workers.shift.evidence import ShiftEvidence, share
from workers.shift.report import ShiftReport, compare, detect_all
from workers.shift.rows import Reference, ScoredRows

Detector = Literal["outputs", "classes", "mmd", "classifier", "features"]
Comparison = Literal["validation", "before"]
Score = Callable[[Array, np.random.Generator, int], ScoredRows]
"""Scores rows as they are stored; the number is how many of them the kernel tests use at most."""
SHARE_OF_SAMPLE = 2
"""Of a batch, at most the sample's size divided by this is compared with the sample: so no batch replaces it."""


def detectors_of(*, is_regression: bool) -> list[Detector]:
    """The detectors that there are for a task."""
    of_all: list[Detector] = ["outputs", "classes", "mmd", "classifier", "features"]
    return [name for name in of_all if not (is_regression and name == "classes")]


@dataclass(frozen=True, eq=False)
class MonitorState:
    """What a monitor knows after some batches. earlier: a sample (s, d) of the rows before, as they are stored."""

    evidence: ShiftEvidence
    earlier: Array


@dataclass(frozen=True, eq=False)
class CheckedBatch:
    """A tested batch. level: what its p-value against the validation rows had to reach; p_value: the smallest of the
    detectors in use, corrected for their number. before: the p-value of each against the rows before. alarms: which
    comparisons raise one. state: of the monitor, after the batch.
    """

    report: ShiftReport
    level: float
    p_value: float
    before: Mapping[str, float]
    alarms: list[Comparison]
    state: MonitorState


def first_state(reference: Reference, detectors: Sequence[str], stream: np.random.Generator) -> MonitorState:
    """The state before the first batch: the validation rows are what it is compared with."""
    features = reference.rows.features
    kept = earlier_rows.drawn(features, earlier_rows.capacity(features.shape[1]), stream)
    return MonitorState(ShiftEvidence(dict.fromkeys(detectors, 0.0)), kept)


def threshold(alpha: float) -> float:
    """The evidence that raises an alarm: half of the level is for the comparison with the rows before."""
    return 2 / alpha


def check_batch(
    reference: Reference,
    batch: ScoredRows,
    state: MonitorState,
    alpha: float,
    score: Score,
    stream: np.random.Generator,
) -> CheckedBatch:
    """Test one more batch. With probability 1 - alpha, no batch of a monitor raises an alarm if nothing shifts."""
    chosen = state.evidence.products.keys()
    report = compare(reference, batch, stream)
    p_value = min(1.0, len(chosen) * min(each.p_value for each in report.detections if each.name in chosen))
    before, kept = _against_earlier(reference, batch, state, score, stream)
    evidence = state.evidence.after(before)
    level = alpha / 2 * share(evidence.batches)
    alarms: list[Comparison] = ["validation"] if p_value <= level else []
    if evidence.value >= threshold(alpha):
        alarms.append("before")
    return CheckedBatch(report, level, p_value, before, alarms, MonitorState(evidence, kept))


def _against_earlier(
    reference: Reference,
    batch: ScoredRows,
    state: MonitorState,
    score: Score,
    stream: np.random.Generator,
) -> tuple[dict[str, float], Array]:
    """The p-value of each detector that is in use, and the sample for the next batch."""
    capacity = earlier_rows.capacity(state.earlier.shape[1])
    some = earlier_rows.drawn(batch.features, max(1, capacity // SHARE_OF_SAMPLE), stream)
    known = score(state.earlier, stream, earlier_rows.MOST_ROWS)
    earlier = replace(reference, rows=known)
    found = detect_all(earlier, score(some, stream, earlier_rows.MOST_ROWS), stream)
    p_values = {each.name: each.p_value for each in found if each.name in state.evidence.products}
    return p_values, earlier_rows.drawn(np.concatenate([state.earlier, some]), capacity, stream)
