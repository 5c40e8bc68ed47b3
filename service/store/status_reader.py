"""How far experiments are, in one query: enough to know whether an answer would be another than before."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from service.store.errors import UnknownExperiment
from service.store.tables import TERMINAL, Experiment, Run


class RunState(NamedTuple):
    """Of one run. `attempt` tells epochs that were forgotten and trained once more from those before."""

    seed: int
    status: str
    attempt: int
    epoch: int
    best_epoch: int | None
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True)
class ExperimentState:
    """All that the answers about an experiment change with."""

    status: str
    has_baselines: bool
    runs: tuple[RunState, ...]

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL


ExperimentStates = dict[int, ExperimentState]


def state(connection: Connection, experiment_id: int) -> ExperimentState:
    """The state of one experiment. Raises UnknownExperiment."""
    found = _by_experiment(connection.execute(OF_EXPERIMENT, {"id": experiment_id}))
    if not found:
        raise UnknownExperiment(experiment_id)
    return found[experiment_id]


def states(connection: Connection, ids: Collection[int]) -> ExperimentStates:
    """The states of experiments. Raises UnknownExperiment for the first that is not there."""
    found = known_states(connection, ids)
    for experiment_id in ids:
        if experiment_id not in found:
            raise UnknownExperiment(experiment_id)
    return found


def known_states(connection: Connection, ids: Collection[int] | Select[int]) -> ExperimentStates:
    """The states of those of the experiments that are there."""
    if isinstance(ids, Select):
        found = connection.execute(STATES.where(Experiment.id.in_(ids)))
    else:
        found = connection.execute(OF_EXPERIMENTS, {"ids": list(ids)})
    return _by_experiment(found)


def _by_experiment(rows: Iterable[Any]) -> ExperimentStates:
    of_each = groupby(rows, lambda row: (row[0], row[1], row[2]))
    return {
        experiment_id: ExperimentState(status, has_baselines, tuple(RunState(*row[3:]) for row in its))
        for (experiment_id, status, has_baselines), its in of_each
    }


def _states() -> Select[Any]:
    """A row for each run."""
    figures = (getattr(Run, name).label(f"run_{name}") for name in RunState._fields)
    experiment = (Experiment.id, Experiment.status, Experiment.baselines.is_not(None))
    chosen: Select[Any] = select(*experiment, *figures).join(Run, Run.experiment_id == Experiment.id)
    return chosen.order_by(Experiment.id, Run.seed)


STATES = _states()
OF_EXPERIMENT = STATES.where(Experiment.id == bindparam("id"))
OF_EXPERIMENTS = STATES.where(Experiment.id.in_(bindparam("ids", expanding=True)))
"""Made once: they are asked with every poll that finds a commit, and making them takes longer than SQLite does."""
