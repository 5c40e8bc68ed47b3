"""The request and the responses of reports on corrupted rows."""

from typing import Any

from pydantic import Field

from service.schemas.base import FOLD, REPEAT, Next, ResponseModel
from service.schemas.jobs import JobProgress, JobState


class RobustnessDrop(ResponseModel):
    """A metric on corrupted rows, mean over the models.

    drop: how much worse it is than on the same rows as they are, with its 95 % interval for new rows and new seeds,
    paired over both. Null of the rows as they are; the interval also if nothing varies.
    """

    metric: str
    value: float
    drop: float | None
    low: float | None
    high: float | None


class CorruptedRows(ResponseModel):
    """The models under one corruption. severity: null of the mean over the severities; corruption: of that over all.

    level: what the severity means, in the unit of the corruption.
    """

    corruption: str | None
    severity: int | None
    level: float | None
    figures: list[RobustnessDrop]
    worst_class: str | None
    worst_class_accuracy: float | None
    classes: list[float | None] = Field(
        description="The accuracy of each class: its recall. Empty of a regression."
    )


class RobustnessRun(ResponseModel):
    """A run whose model was measured."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD


class RobustnessReport(ResponseModel):
    """rows: how many were measured. clean: the same rows as they are. items: each corruption in each severity. means:
    of each corruption. mean: over all.
    """

    runs: list[RobustnessRun]
    rows: int
    classes: list[str]
    clean: CorruptedRows
    items: list[CorruptedRows]
    means: list[CorruptedRows]
    mean: CorruptedRows


class RobustnessJob(JobState):
    """The report on corrupted rows, or how far it is."""

    report: RobustnessReport | None = Field(description="Null until the job has succeeded.")

    @classmethod
    def of(cls, job: Any) -> "RobustnessJob":
        progress = JobProgress(done=job.done, total=job.total)
        names = ("experiment_id", "status", "attempt", "cause", "message")
        times = ("created_at", "started_at", "finished_at")
        facts = {name: getattr(job, name) for name in (*names, *times)}
        return cls(**facts, progress=progress, report=job.result and RobustnessReport(**job.result))


class RobustnessRow(ResponseModel):
    """One metric under one corruption in one severity, for CSV."""

    corruption: str
    severity: int
    level: float
    metric: str
    value: float
    drop: float | None
    low: float | None
    high: float | None
    worst_class: str | None
    worst_class_accuracy: float | None


class RobustnessRows(ResponseModel):
    """The rows of a CSV."""

    items: list[RobustnessRow]
    next: Next = None

    @classmethod
    def of(cls, report: RobustnessReport | None) -> "RobustnessRows":
        cells = report.items if report else ()
        return cls(
            items=[
                RobustnessRow(**each.model_dump(exclude={"figures", "classes"}), **figure.model_dump())
                for each in cells
                for figure in each.figures
            ]
        )
