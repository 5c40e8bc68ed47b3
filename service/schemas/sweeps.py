"""The response models of sweeps."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import Field

from service.schemas.base import Links, Next, OptionalTime, Remark, ResponseModel, Time
from service.schemas.experiments import ProgressState, ResolvedFields
from service.schemas.experiments import links as links_of_experiment
from service.store.sweep_reader import SweepState
from service.store.tables import Status
from workers.sweeps.candidate import Candidate, SweepPlan
from workers.sweeps.strategies import Package

SweptValues = Annotated[
    dict[str, Any],
    Field(
        description="What the candidate changes in the base spec, by the path of each field.",
        examples=[{"optimizer.learning_rate": 0.01}],
    ),
]
REPEATED: Any = Field(description="How many candidates were left out, as another has the same spec.")


TO_COME: Any = Field(
    description="How many of the candidates the strategy chooses later, by the results of earlier ones."
)


def links(sweep_id: int) -> dict[str, str]:
    """The links to the other resources of a sweep."""
    here = f"/sweeps/{sweep_id}"
    below = {
        name: f"{here}/{name}"
        for name in ("candidates", "leaderboard", "importance", "events", "cancel", "retry")
    }
    return {"self": here, **below}


class CandidateCounts(ResponseModel):
    """How many candidates have each status."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0


class SweepRow(ResponseModel):
    """A sweep in a list, or one that was just submitted, cancelled or retried."""

    id: int
    name: str
    status: Status = Field(
        description="Once all candidates have ended: cancelled if the sweep was, else succeeded if any of them has."
    )
    strategy: str
    candidates: int
    to_come: int = TO_COME
    repeated: int = REPEATED
    waiting_for: Package | None = Field(
        description="What no agent has installed, and the choice of the candidates to come needs: optuna, or torch. "
        "Start an agent that has it."
    )
    counts: CandidateCounts
    runs: int
    progress: ProgressState
    max_seconds: float | None
    stopped_at: OptionalTime = Field(
        description="When `max_seconds` were used up: what had not started was cancelled then."
    )
    created_at: Time
    started_at: OptionalTime
    finished_at: OptionalTime
    links: Links

    @classmethod
    def facts(cls, row: Any, state: SweepState, progress: ProgressState) -> dict[str, Any]:
        """The fields by name."""
        started = [each.started_at for each in state.runs.values() if each.started_at is not None]
        finished = [each.finished_at for each in state.runs.values() if each.finished_at is not None]
        return {
            **row._mapping,
            "status": state.status,
            "strategy": row.request["strategy"]["name"],
            "candidates": sum(state.candidates.values()) + state.to_come,
            "to_come": state.to_come,
            "waiting_for": state.waiting_for,
            "counts": dict(state.candidates),
            "runs": sum(each.runs for each in state.runs.values()),
            "progress": progress,
            "stopped_at": state.stopped_at,
            "started_at": min(started, default=None),
            "finished_at": max(finished, default=None) if state.is_over else None,
            "links": links(row.id),
        }

    @classmethod
    def of(cls, row: Any, state: SweepState, progress: ProgressState) -> "SweepRow":
        return cls.model_validate(cls.facts(row, state, progress))


class SweepPage(ResponseModel):
    """A page of sweeps."""

    items: list[SweepRow]
    next: Next


class Sweep(SweepRow):
    """A sweep: what was requested, and how far it is."""

    spec: ResolvedFields = Field(description="The base spec, with every default.")
    space: dict[str, Any] | None = Field(description="The range of each field, as an object.")
    preset: str | None
    settings: dict[str, Any] = Field(description="The strategy with its fields.")

    @classmethod
    def of(cls, row: Any, state: SweepState, progress: ProgressState) -> "Sweep":
        request = row.request
        more = {name: request[name] for name in ("spec", "space", "preset")}
        return cls.model_validate(
            {**cls.facts(row, state, progress), **more, "settings": request["strategy"]}
        )


class SweepCandidate(ResponseModel):
    """One candidate: an experiment of the sweep."""

    candidate: int = Field(description="Its number in the sweep, from 0.")
    experiment_id: int
    name: str
    status: Status
    values: SweptValues
    spec_hash: str
    epoch: int
    epochs: int
    links: Links

    @classmethod
    def of(cls, row: Any) -> "SweepCandidate":
        more = {"experiment_id": row.id, "values": row.swept, "links": links_of_experiment(row.id)}
        return cls.model_validate({**row._mapping, **more})


class SweepCandidatePage(ResponseModel):
    """A page of candidates."""

    items: list[SweepCandidate]
    next: Next


class ResolvedCandidate(ResponseModel):
    """One candidate that would be trained."""

    candidate: int
    name: str
    values: SweptValues
    spec_hash: str
    parameters: int
    steps: int
    estimated_seconds: float

    @classmethod
    def of(cls, number: int, candidate: Candidate, seconds: float) -> "ResolvedCandidate":
        plan = candidate.plan
        return cls(
            candidate=number,
            name=plan.spec.name,
            values=candidate.values,
            spec_hash=plan.spec_hash,
            parameters=plan.parameters,
            steps=plan.steps,
            estimated_seconds=round(seconds, 3),
        )


class ResolvedSweep(ResponseModel):
    """What a sweep would train."""

    candidates: int
    to_come: int = TO_COME
    repeated: int = REPEATED
    runs: int
    epochs: int = Field(description="Of all runs together, if none is stopped early.")
    estimated_seconds: float = Field(description="Of all runs together, on one core.")
    items: list[ResolvedCandidate]
    warnings: list[Remark] = Field(description="Those of any candidate, each once.")

    @classmethod
    def of(cls, plan: SweepPlan, seconds: Sequence[float]) -> "ResolvedSweep":
        pairs = list(zip(plan.candidates, seconds, strict=True))
        return cls(
            candidates=len(plan.candidates) + plan.to_come,
            to_come=plan.to_come,
            repeated=plan.repeated,
            runs=plan.runs,
            epochs=sum(each.plan.runs * each.plan.spec.training.epochs for each in plan.candidates),
            estimated_seconds=round(sum(each.plan.runs * of_run for each, of_run in pairs), 3),
            items=[ResolvedCandidate.of(i, each, of_run) for i, (each, of_run) in enumerate(pairs)],
            warnings=_distinct(warning for each in plan.candidates for warning in each.plan.warnings),
        )


def _distinct(warnings: Iterable[Any]) -> list[Remark]:
    by_code: dict[str, Remark] = {}
    for each in warnings:
        by_code.setdefault(each.code, Remark.model_validate(each))
    return list(by_code.values())
