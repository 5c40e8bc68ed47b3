"""Everything that a worker process and its parent send each other: an assignment and commands down, events up.

    WorkerEvent
    ├── ProgressEvent   TrainingStarted, EpochsEnded, CheckpointTaken, BaselinesFitted
    └── FinalEvent      Succeeded, Failed, Stopped, Held: the worker's last message; Died: it ended without one

A worker sends events in the order in which they happened, and a final event last.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workers.environment import Environment
from workers.epoch_columns import EpochColumns
from workers.evaluation.baselines import Baseline
from workers.evaluation.evaluation import Evaluation
from workers.processes.failure_causes import Cause

Command = Literal["cancel", "timeout", "release"]
"""What a parent may tell a worker. cancel: stop, the run was cancelled. timeout: stop, the run has used up its time.
release: send a checkpoint and stop, so that another worker can continue the run."""


@dataclass(frozen=True)
class Assignment:
    """One run to train: what a worker process is started with.

    spec: the experiment's spec as JSON. seed: the run's seed; its streams start from seed, repeat and fold.
    split_folder: the prepared split, with the training and validation rows and, of a fold, the evaluation rows.
    checkpoint: where to resume; None starts with the first epoch. checkpoint_seconds: the most time between two
    checkpoints. memory_bytes: the most that the process may allocate; None sets no limit. has_baselines: whether the
    baselines of the experiment are stored already, so that the worker need not fit them. until_epoch: where to stop,
    with a checkpoint, even though the training would go on; None trains to its end.
    """

    spec: str
    seed: int
    split_folder: Path
    checkpoint: bytes | None = None
    checkpoint_seconds: float = 30.0
    memory_bytes: int | None = None
    has_baselines: bool = False
    until_epoch: int | None = None
    repeat: int = 0
    fold: int = 0


@dataclass(frozen=True)
class ArtifactReference:
    """Names bytes in the artifact store. It replaces a large content of an event."""

    name: str
    sha256: str


Content = bytes | ArtifactReference | Future[ArtifactReference]
"""Bytes, or where they are in the artifact store, or where they will be once their upload is done."""


@dataclass(frozen=True)
class TrainingStarted:
    """The worker is about to take the first step of its attempt: what computes it, and whether it resumes."""

    environment: Environment
    resumed: bool


@dataclass(frozen=True)
class EpochsEnded:
    """The figures of consecutive epochs, at least one."""

    epochs: EpochColumns


@dataclass(frozen=True)
class CheckpointTaken:
    """All that a bit-identical resume needs. The worker has sent the epochs that it includes before."""

    epoch: int
    best_epoch: int | None
    content: Content


@dataclass(frozen=True)
class BaselinesFitted:
    """Models to beat on these parts, besides the majority class."""

    baselines: tuple[Baseline, ...]


@dataclass(frozen=True)
class Succeeded:
    """The training is complete. `model` contains the weights of the best epoch.

    row_results: what that epoch predicted for each row (`workers.evaluation.row_results`). None if it was trained by
    a version that did not keep this. evaluation: of that epoch on the evaluation part of a fold, and then the row
    results are of that part too; None without such a part.
    """

    best_epoch: int
    model: Content
    row_results: Content | None = None
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Failed:
    """The run cannot continue: a cause for programs, and a sentence for people."""

    cause: Cause
    message: str


@dataclass(frozen=True)
class Stopped:
    """The worker obeyed a command. A released run has sent its checkpoint before."""

    command: Command


@dataclass(frozen=True)
class Held:
    """The run has reached the epoch until which it was to train, and has sent its checkpoint."""


@dataclass(frozen=True)
class Died:
    """The process ended without sending a final event.

    exit_code: a negative one is the signal that killed the process; None if it is not known.
    """

    exit_code: int | None


ProgressEvent = TrainingStarted | EpochsEnded | CheckpointTaken | BaselinesFitted
FinalEvent = Succeeded | Failed | Stopped | Held | Died
WorkerEvent = ProgressEvent | FinalEvent
