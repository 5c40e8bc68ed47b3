"""What the responses about jobs share: their status and progress."""

from pydantic import Field

from service.schemas.base import OptionalTime, ResponseModel, Time
from service.store.tables import Status
from workers.processes.failure_causes import Cause


class JobProgress(ResponseModel):
    """How far a job is. total: null until a worker has counted its steps."""

    done: int
    total: int | None


class JobState(ResponseModel):
    """A job: work on trained models that workers carry out, one at a time."""

    experiment_id: int
    status: Status
    progress: JobProgress
    attempt: int = Field(description="How often it was started: more than once after a stop or a death.")
    cause: Cause | None = Field(description="Why it failed.")
    message: str | None
    created_at: Time
    started_at: OptionalTime
    finished_at: OptionalTime
