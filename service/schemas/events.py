"""The events in the stream of an experiment."""

from service.schemas.base import FOLD, REPEAT, OptionalTime, ResponseModel
from service.schemas.epochs import MetricsRow
from service.schemas.experiments import ProgressState
from service.schemas.summary import Summary
from service.schemas.sweeps import CandidateCounts, SweptValues
from service.store.status_reader import ExperimentState
from service.store.sweep_reader import SweepState
from service.store.tables import Status


class RunStatus(ResponseModel):
    """One run. attempt: how often it was started; a number above 1 means that it was interrupted."""

    seed: int
    status: Status
    attempt: int
    started_at: OptionalTime
    finished_at: OptionalTime
    repeat: int = REPEAT
    fold: int = FOLD


class StatusEvent(ResponseModel):
    """The status of the experiment: the first event of a stream, and sent again at each change."""

    status: Status
    runs: list[RunStatus]

    @classmethod
    def of(cls, state: ExperimentState) -> "StatusEvent":
        return cls.model_validate(state)


class EpochEvent(ResponseModel):
    """One epoch of one run, with its training and validation metrics."""

    seed: int
    epoch: int
    train: MetricsRow
    validation: MetricsRow
    repeat: int = REPEAT
    fold: int = FOLD


class SummaryEvent(ResponseModel):
    """The results of an experiment that has ended, with their intervals. Not sent if no run has a result."""

    status: Status
    summary: Summary


class SweepStatusEvent(ResponseModel):
    """How far a sweep is: the first event of its stream, and sent again at each change."""

    status: Status
    counts: CandidateCounts
    progress: ProgressState

    @classmethod
    def of(cls, state: SweepState, progress: ProgressState) -> "SweepStatusEvent":
        counts = CandidateCounts(**state.candidates)
        return cls(status=state.status, counts=counts, progress=progress)


class CandidateEvent(ResponseModel):
    """A candidate that has ended. value: of the metric that ranks; null if it has none."""

    candidate: int
    experiment_id: int
    name: str
    status: Status
    values: SweptValues
    value: float | None


class EndEvent(ResponseModel):
    """The last event: all runs have ended, and everything was sent."""

    status: Status
