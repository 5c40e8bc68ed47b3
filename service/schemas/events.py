"""The events of an experiment, as they are streamed."""

from service.schemas.answer import Answer, OptionalTime
from service.schemas.epochs import MetricsRow
from service.schemas.experiments import Status
from service.store.states import State


class RunStatus(Answer):
    """One seed. attempt counts how often it was started, so a higher one says that it was interrupted."""

    seed: int
    status: Status
    attempt: int
    started_at: OptionalTime
    finished_at: OptionalTime


class StatusEvent(Answer):
    """Where the experiment stands. The first event of a stream, and each time that this changes."""

    status: Status
    runs: list[RunStatus]

    @classmethod
    def of(cls, state: State) -> "StatusEvent":
        return cls.model_validate(state)


class EpochEvent(Answer):
    """One epoch of one seed, of which both parts were stored at once."""

    seed: int
    epoch: int
    train: MetricsRow
    validation: MetricsRow


class EndEvent(Answer):
    """The last event: all runs are over, and every epoch was sent."""

    status: Status
