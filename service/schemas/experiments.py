"""Experiments, as they are answered."""

from typing import Annotated, Any, Literal

from pydantic import Field

from service.experiments.progress import Progress
from service.experiments.summary import summarise
from service.schemas.answer import Answer, Links, Next, OptionalTime, Remark, Time
from service.schemas.summary import Summary
from service.store.queries import Found, Listed
from workers.causes import Cause
from workers.plan import Plan

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Counts = Annotated[
    dict[Literal["train", "validation", "test"], list[int]],
    Field(description="Rows of each class in each part."),
]

ResolvedFields = Annotated[dict[str, Any], Field(title="Resolved Fields")]
"""Of a spec, under a title of its own: generators name a class after it, and there is an ExperimentSpec."""


def links(experiment_id: int) -> dict[str, str]:
    """Where the rest of an experiment is."""
    here = f"/experiments/{experiment_id}"
    below = ("metrics", "classes", "confusion", "cancel", "retry", "test-evaluations")
    return {"self": here} | {name.replace("-", "_"): f"{here}/{name}" for name in below}


class Accepted(Answer):
    """An experiment that was taken into the queue, or told to stop."""

    id: int
    name: str
    status: Status
    spec_hash: str
    warnings: list[Remark]
    links: Links

    @classmethod
    def of(cls, row: Any) -> "Accepted":
        return cls.model_validate({**row._mapping, "links": links(row.id)})


class DatasetFacts(Answer):
    """The data set, by its content."""

    name: str
    sha256: str
    rows: int
    features: int
    shape: list[int] | None
    classes: list[str]


class PlanFacts(Answer):
    """What is known before training. parameters: of the network. steps: of one run, if it is not stopped early."""

    dataset: DatasetFacts
    split_counts: Counts
    sampled_counts: list[float] = Field(description="How often an epoch draws each class, as expected.")
    parameters: int
    steps: int


class Resolved(PlanFacts):
    """A spec with every default filled in and its data set pinned, and what follows from it."""

    spec: ResolvedFields
    spec_hash: str
    estimated_seconds: float = Field(
        description="Of one run on one core, if it is not stopped early: by the pace of the latest runs here, or, "
        "before there are any, of a typical processor."
    )
    warnings: list[Remark]

    @classmethod
    def of(cls, plan: Plan, estimated_seconds: float) -> "Resolved":
        spec = plan.spec
        resolved = {"spec": spec.model_dump(mode="json"), "spec_hash": spec.spec_hash}
        more = {"estimated_seconds": estimated_seconds, "warnings": list(plan.warnings)}
        return cls.model_validate({**plan.facts(), **resolved, **more})


class RunState(Answer):
    """One seed. epoch: the last one stored. best_epoch: the selected one so far. cause: why it failed."""

    seed: int
    status: Status
    attempt: int
    epoch: int
    epochs: int
    best_epoch: int | None
    cause: Cause | None
    message: str | None
    started_at: OptionalTime
    finished_at: OptionalTime


class ProgressState(Answer):
    """Over all runs. A run that is over counts as complete; eta_seconds expects no early stopping."""

    epoch: int
    epochs: int
    eta_seconds: float | None


class ExperimentRow(Answer):
    """An experiment in a list."""

    id: int
    name: str
    status: Status
    tags: list[str]
    priority: int
    dataset: str
    loss: str
    optimizer: str
    balancing: str
    seeds: list[int]
    epoch: int
    epochs: int
    eta_seconds: float | None
    spec_hash: str
    created_at: Time
    started_at: OptionalTime
    finished_at: OptionalTime
    links: Links

    @classmethod
    def of(cls, listed: Listed) -> "ExperimentRow":
        row, progress = listed.experiment, Progress.of(listed.runs)
        more = {"tags": listed.tags, "seeds": [run.seed for run in listed.runs], "links": links(row.id)}
        return cls.model_validate({**row._mapping, **vars(progress), **more})


class ExperimentPage(Answer):
    """A page of experiments."""

    items: list[ExperimentRow]
    next: Next


class Experiment(Answer):
    """An experiment: what was asked for, where it stands, what came out, and what that is worth."""

    id: int
    name: str
    status: Status
    tags: list[str]
    priority: int
    created_at: Time
    started_at: OptionalTime
    finished_at: OptionalTime
    spec: ResolvedFields = Field(description="As resolved: every default filled in, the data set pinned.")
    spec_hash: str = Field(description="SHA-256 of what determines the numbers.")
    plan: PlanFacts
    runs: list[RunState]
    queue_position: int | None = Field(description="1: the next free worker takes it. Null unless queued.")
    progress: ProgressState
    summary: Summary | None = Field(description="Null until a run has stored an epoch.")
    warnings: list[Remark]
    links: Links

    @classmethod
    def of(cls, found: Found) -> "Experiment":
        row = found.experiment
        more = {
            "tags": found.tags,
            "runs": found.runs,
            "queue_position": found.queue_position,
            "progress": Progress.of(found.runs),
            "summary": summarise(found),
            "links": links(row.id),
        }
        return cls.model_validate({**row._mapping, **more})
