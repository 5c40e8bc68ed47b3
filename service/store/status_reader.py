"""Read the statuses of experiments and runs in one query: enough to know whether a response would have changed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from service.store.errors import UnknownExperiment
from service.store.run_keys import BY_KEY
from service.store.tables import FINAL_STATUSES, Experiment, Run


class RunProgress(NamedTuple):
    """How far one run is. `attempt` tells epochs that were deleted and trained again from those before."""

    seed: int
    repeat: int
    fold: int
    status: str
    attempt: int
    epoch: int
    best_epoch: int | None
    started_at: float | None
    finished_at: float | None
    waiting_for: str | None
    has_baselines: bool


@dataclass(frozen=True)
class ExperimentState:
    """Everything that changes a response about an experiment."""

    status: str
    has_baselines: bool
    revision: int
    runs: tuple[RunProgress, ...]

    @property
    def is_over(self) -> bool:
        return self.status in FINAL_STATUSES


ExperimentStates = dict[int, ExperimentState]
"""By the id of the experiment."""


def state(connection: Connection, experiment_id: int) -> ExperimentState:
    """The state of one experiment. Raises UnknownExperiment."""
    found = _by_experiment(connection.execute(STATE, {"id": experiment_id}))
    if not found:
        raise UnknownExperiment(experiment_id)
    return found[experiment_id]


def states(connection: Connection, ids: Collection[int]) -> ExperimentStates:
    """The states of experiments. Raises UnknownExperiment for the first one that does not exist."""
    found = known_states(connection, ids)
    for experiment_id in ids:
        if experiment_id not in found:
            raise UnknownExperiment(experiment_id)
    return found


def known_states(connection: Connection, ids: Collection[int] | Select[Any]) -> ExperimentStates:
    """The states of the experiments that exist. ids: their numbers, or a query that has them as `id`."""
    if isinstance(ids, Select):
        page = ids.subquery()
        found = connection.execute(ALL_STATES.where(Experiment.id.in_(select(page.c.id))))
    else:
        found = connection.execute(STATES, {"ids": list(ids)})
    return _by_experiment(found)


def _by_experiment(rows: Iterable[Any]) -> ExperimentStates:
    groups = groupby(rows, lambda row: (row[0], row[1], row[2], row[3]))
    return {
        id_: ExperimentState(status, has_baselines, revision, tuple(RunProgress(*row[4:]) for row in group))
        for (id_, status, has_baselines, revision), group in groups
    }


def _all_states() -> Select[Any]:
    """A row for each run."""
    names = (name for name in RunProgress._fields if name != "has_baselines")
    figures = [getattr(Run, name).label(f"run_{name}") for name in names]
    figures.append(Run.baselines.is_not(None).label("run_has_baselines"))
    experiment = (Experiment.id, Experiment.status, Experiment.baselines.is_not(None), Experiment.revision)
    chosen: Select[Any] = select(*experiment, *figures).join(Run, Run.experiment_id == Experiment.id)
    return chosen.order_by(Experiment.id, *BY_KEY)


ALL_STATES = _all_states()
STATE = ALL_STATES.where(Experiment.id == bindparam("id"))
STATES = ALL_STATES.where(Experiment.id.in_(bindparam("ids", expanding=True)))
"""Built once: each poll that finds a commit executes one, and to build it takes longer than to execute it."""
