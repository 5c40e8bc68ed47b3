"""What the process of a job and its parent send each other: an assignment down, events up.

    JobEvent    JobPlanned, StepDone: progress;  JobSucceeded, JobFailed: the last message

A process that ends without a last message has died. To stop a job, the parent kills its process: it has the steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.processes.failure_causes import Cause


@dataclass(frozen=True)
class AssignedModel:
    """A model of a run: the bytes of its checkpoint. folder: the prepared split with the rows of its fold."""

    repeat: int
    fold: int
    seed: int
    content: bytes
    folder: Path


@dataclass(frozen=True)
class JobAssignment:
    """What the process of a job is started with.

    spec: of the experiment, as JSON. request: what was asked for, as JSON. classes, shape: of the data set.
    class_counts: rows of each class in the sample that tells how frequent the classes are, or None. steps: what
    earlier attempts have computed.
    """

    kind: str
    spec: str
    request: Mapping[str, Any]
    models: Sequence[AssignedModel]
    classes: Sequence[str]
    shape: tuple[int, ...] | None
    class_counts: Sequence[int] | None
    steps: Mapping[int, bytes]
    memory_bytes: int | None = None


@dataclass(frozen=True)
class JobPlanned:
    """How many steps the job has."""

    total: int


@dataclass(frozen=True)
class StepDone:
    """What a step has computed."""

    step: int
    content: bytes


@dataclass(frozen=True)
class JobSucceeded:
    """The answer, in types that JSON has."""

    result: dict[str, Any]


@dataclass(frozen=True)
class JobFailed:
    """The job cannot continue: a cause for programs, and a sentence for people."""

    cause: Cause
    message: str


JobEvent = JobPlanned | StepDone | JobSucceeded | JobFailed
"""Everything that the process of a job sends."""
