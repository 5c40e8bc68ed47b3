"""The response models of experiments."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import FOLD, REPEAT, Links, Next, OptionalTime, Remark, ResponseModel, Time
from service.schemas.predictions import WITHOUT_NUL
from service.schemas.summary import Summary
from service.store.attempts import distinct
from service.store.experiment_reader import ExperimentDetails, ExperimentListItem
from service.store.run_keys import RunKey
from service.store.tables import Status, WaitingFor
from workers.plan import Plan
from workers.processes.failure_causes import Cause
from workers.spec import ExperimentName, ExperimentTag

Counts = Annotated[
    dict[Literal["train", "validation", "evaluation", "test"], list[int]],
    Field(description="The number of rows of each class in each part."),
]

ResolvedFields = Annotated[dict[str, Any], Field(title="Resolved Fields")]
"""The fields of a spec, with another title than ExperimentSpec: code generators name a class after the title."""


def links(experiment_id: int) -> dict[str, str]:
    """The links to the other resources of an experiment."""
    here = f"/experiments/{experiment_id}"
    below = (
        "metrics",
        "classes",
        "confusion",
        "predictions",
        "errors",
        "cancel",
        "retry",
        "test-evaluations",
    )
    return {"self": here} | {name.replace("-", "_"): f"{here}/{name}" for name in below}


class Accepted(ResponseModel):
    """An experiment that was queued, retried or cancelled."""

    id: int
    name: str
    status: Status
    spec_hash: str
    warnings: list[Remark]
    links: Links

    @classmethod
    def of(cls, row: Any) -> "Accepted":
        return cls.model_validate({**row._mapping, "links": links(row.id)})


class DatasetFacts(ResponseModel):
    """The data set and its content."""

    name: str
    sha256: str
    rows: int
    features: int
    shape: list[int] | None
    classes: list[str]


class FoldFacts(ResponseModel):
    """One fold of a cross-validation."""

    repeat: int
    fold: int
    split_counts: Counts


class ColumnGaps(ResponseModel):
    """A column of a table with missing values, which the preprocessing fills in, or with unknown levels."""

    column: str
    missing_in_training: int = Field(description="Training rows without a value.")
    missing: int = Field(description="Rows without a value in the part that is measured.")
    unknown: int = Field(description="Rows of that part with a level that no training row has.")
    levels: list[str] = Field(description="The most frequent of these levels.")


class PlanFacts(ResponseModel):
    """Facts known before training. parameters: of the network. steps: of the longest run, if not stopped early."""

    task: Literal["classification", "regression"] = Field(
        "classification",
        description="What is predicted. The classes of a regression are bins of its targets.",
    )
    dataset: DatasetFacts
    split_counts: Counts = Field(
        description="The number of rows of each class in each part; of a cross-validation, in its first fold."
    )
    folds: list[FoldFacts] | None = Field(None, description="Null unless it is a cross-validation.")
    runs: int | None = Field(
        None, description="Repeats times folds times seeds. Null in older experiments: one run for each seed."
    )
    repeated_rows: dict[str, int] | None = Field(
        None,
        description="How many rows of each other part but the test are equal to a training row; of a "
        "cross-validation, in its first fold. Null in older experiments.",
    )
    gaps: list[ColumnGaps] | None = Field(
        None,
        description="The columns of a table that lack values or have unknown levels; of a cross-validation, in its "
        "first fold. Null in older experiments.",
    )
    sampled_counts: list[float] = Field(
        description="The expected number of examples of each class in an epoch."
    )
    parameters: int
    steps: int


class Resolved(PlanFacts):
    """A spec with every default filled in and its data set pinned by hash, and facts that follow from it."""

    spec: ResolvedFields
    spec_hash: str
    estimated_seconds: float = Field(
        description="Duration of a run on one core that is not stopped early: by the pace of the latest runs, or, "
        "before there are any, of a typical processor."
    )
    warnings: list[Remark]

    @classmethod
    def of(cls, plan: Plan, estimated_seconds: float) -> "Resolved":
        spec = plan.spec
        resolved = {"spec": spec.model_dump(mode="json"), "spec_hash": spec.spec_hash}
        more = {"estimated_seconds": estimated_seconds, "warnings": list(plan.warnings)}
        return cls.model_validate({**plan.facts(), **resolved, **more})


class Environment(ResponseModel):
    """What the bits of a run depend on besides its spec and data."""

    kernels: str = Field(description="Of training: numba with its version, or numpy.")
    blas: str | None = Field(description="The kernels that OpenBLAS selected. Null with another BLAS.")
    simd: str | None = Field(description="The highest instruction set that NumPy uses.")
    processor: str | None = Field(description="What numba compiles for. Null without numba.")
    machine: str
    numpy: str = Field(description="Its version.")
    holdout: str = Field(description="Its version.")
    bfloat16: str | None = Field(
        None, description="What multiplies it: the processor's unit and MKL. Null without mixed precision."
    )


class RunState(ResponseModel):
    """One run. epoch: the last one stored. best_epoch: the one selected so far. cause: why it failed."""

    seed: int
    repeat: int = REPEAT
    fold: int = FOLD
    status: Status
    attempt: int
    epoch: int
    epochs: int
    best_epoch: int | None
    cause: Cause | None
    message: str | None
    waiting_for: WaitingFor | None = Field(
        None,
        description="What holds it up: the artifact store is away, or its worker could not be started. It goes on by "
        "itself.",
    )
    environments: list[int] = Field(
        [],
        description="Positions in `environments` of what computed its epochs, in this order. If there are several, "
        "it was continued in another one and cannot be repeated to the last bit. Empty in runs of older versions.",
    )
    started_at: OptionalTime
    finished_at: OptionalTime


class ProgressState(ResponseModel):
    """Progress over all runs. An ended run counts as complete; eta_seconds assumes no early stopping."""

    epoch: int
    epochs: int
    eta_seconds: float | None


class ExperimentRow(ResponseModel):
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
    note: str
    metrics: dict[str, float | None] = Field(
        description="The metrics of `fields` and `sort`: means over the runs at their selected epochs.",
        examples=[{"balanced_accuracy": 0.943}],
    )
    links: Links

    @classmethod
    def of(
        cls, listed: ExperimentListItem, progress: ProgressState, metrics: Sequence[str] = ()
    ) -> "ExperimentRow":
        row = listed.experiment
        more = {
            "metrics": {name: getattr(listed.metrics, name, None) for name in metrics},
            "tags": listed.tags,
            "seeds": sorted({run.seed for run in listed.runs}),
            "links": links(row.id),
        }
        return cls.model_validate({**row._mapping, **vars(progress), **more})


class ExperimentEdit(BaseModel):
    """What can be changed of an experiment. Fields that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid")

    name: ExperimentName | None = None
    tags: Annotated[list[ExperimentTag], Field(max_length=32)] | None = None
    note: Annotated[str, Field(strict=True, max_length=10_000, pattern=WITHOUT_NUL)] | None = Field(
        None, description="Text for people, such as why it was run and what it showed."
    )


class ExperimentPage(ResponseModel):
    """A page of experiments."""

    items: list[ExperimentRow]
    next: Next


class Experiment(ResponseModel):
    """An experiment: its spec, status, progress and results, and findings on how far to trust them."""

    id: int
    name: str
    status: Status
    tags: list[str]
    note: str
    priority: int
    sweep_id: int | None = Field(description="The sweep of which it is a candidate, if any.")
    created_at: Time
    started_at: OptionalTime
    finished_at: OptionalTime
    spec: ResolvedFields = Field(
        description="The resolved spec: every default filled in, the data set pinned by hash."
    )
    spec_hash: str = Field(
        description="SHA-256 of the fields that determine the results: not the name, tags, priority or time limit."
    )
    plan: PlanFacts
    runs: list[RunState]
    environments: list[Environment] = Field([], description="What has computed its runs, each once.")
    queue_position: int | None = Field(
        description="The position of its first run; the next free worker takes 1. Null unless queued."
    )
    progress: ProgressState
    summary: Summary | None = Field(description="Null until a run has stored an epoch.")
    warnings: list[Remark]
    links: Links

    @classmethod
    def of(
        cls, found: ExperimentDetails, *, progress: ProgressState, summary: Summary | None
    ) -> "Experiment":
        row, computed = found.experiment, found.computations
        environments = distinct(computed)
        positions = {
            key: [environments.index(each.environment) for each in of_run] for key, of_run in computed.items()
        }
        more = {
            "tags": found.tags,
            "runs": [
                {**run._mapping, "environments": positions.get(RunKey.of(run), [])} for run in found.runs
            ],
            "environments": environments,
            "queue_position": found.queue_position,
            "progress": progress,
            "summary": summary,
            "links": links(row.id),
        }
        return cls.model_validate({**row._mapping, **more})
