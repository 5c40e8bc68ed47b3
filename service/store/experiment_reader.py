"""Read experiments: one, a page, those on a data set. The number of queries does not grow with the page."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from service.store import attempts, claim_order, experiment_metrics, spec_values, status_reader
from service.store.attempts import Computations
from service.store.epochs.selected_epoch_reader import selected_epochs, slopes
from service.store.errors import UnknownExperiment
from service.store.run_keys import BY_KEY
from service.store.spec_facts import is_solved, measured_part
from service.store.status_reader import ExperimentState
from service.store.tables import Experiment, ExperimentTag, Rows, Run, SpecValue

EXPERIMENT = select(Experiment).where(Experiment.id == bindparam("id"))
PLAN = select(Experiment.plan).where(Experiment.id == bindparam("id"))
ALL_TAGS = select(ExperimentTag).order_by(ExperimentTag.tag)
TAGS = ALL_TAGS.where(ExperimentTag.experiment_id.in_(bindparam("ids", expanding=True)))
TAGS_OF_ONE = ALL_TAGS.where(ExperimentTag.experiment_id == bindparam("id"))
RUNS = select(Run).where(Run.experiment_id.in_(bindparam("ids", expanding=True))).order_by(*BY_KEY)
RUNS_OF_ONE = select(Run).where(Run.experiment_id == bindparam("id")).order_by(*BY_KEY)
COLUMNS_OF_A_LIST: list[Any] = [
    Run.experiment_id,
    *BY_KEY,
    Run.status,
    Run.epoch,
    Run.epochs,
    Run.training_seconds,
]
RUNS_OF_A_LIST = RUNS.with_only_columns(*COLUMNS_OF_A_LIST)
"""Built once: to build a statement takes longer than to execute it on SQLite. Those of one experiment are for polls:
an expanding parameter is compiled again at each execution.
"""


@dataclass(frozen=True)
class ExperimentDetails:
    """An experiment with everything that its response needs.

    selected: the figures of each run at its selected epoch, if it has one, on the `measured_part`.
    slopes: the `gradient_norm` of each of these runs, if the model is solved.
    computations: what computed each of its runs.
    queue_position: that of its first run among all queued ones, from 1; None unless the experiment is queued.
    """

    experiment: Row[Any]
    tags: list[str]
    runs: Rows
    selected: Rows
    slopes: Rows
    computations: Computations
    queue_position: int | None


@dataclass(frozen=True)
class ExperimentListItem:
    """An experiment as one row of a list. runs: with the columns of `RUNS_OF_A_LIST`. metrics: its stored means."""

    experiment: Row[Any]
    tags: list[str]
    runs: Rows
    metrics: Row[Any] | None


def experiment(connection: Connection, experiment_id: int) -> Row[Any]:
    """The row of one experiment. Raises UnknownExperiment."""
    row = connection.execute(EXPERIMENT, {"id": experiment_id}).one_or_none()
    if row is None:
        raise UnknownExperiment(experiment_id)
    return row


def experiments(connection: Connection, ids: Collection[int]) -> dict[int, Row[Any]]:
    """The rows of the experiments that exist, by id."""
    chosen = select(Experiment).where(Experiment.id.in_(ids))
    return {row.id: row for row in connection.execute(chosen)}


def plan(connection: Connection, experiment_id: int) -> dict[str, Any]:
    """The plan of an experiment: the facts known before training. Raises UnknownExperiment."""
    found: dict[str, Any] | None = connection.scalar(PLAN, {"id": experiment_id})
    if found is None:
        raise UnknownExperiment(experiment_id)
    return found


def plans(connection: Connection, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The plans of the experiments that exist, by id."""
    chosen = select(Experiment.id, Experiment.plan).where(Experiment.id.in_(ids))
    return {row.id: row.plan for row in connection.execute(chosen)}


def find_experiment(
    connection: Connection, experiment_id: int, *, queue_position: int | None = None
) -> ExperimentDetails:
    """One experiment in full. Raises UnknownExperiment."""
    row = experiment(connection, experiment_id)
    return ExperimentDetails(
        experiment=row,
        tags=[row.tag for row in connection.execute(TAGS_OF_ONE, {"id": experiment_id})],
        runs=connection.execute(RUNS_OF_ONE, {"id": experiment_id}).all(),
        selected=selected_epochs(connection, experiment_id, measured_part(row.spec)),
        slopes=slopes(connection, experiment_id) if is_solved(row.spec) else (),
        computations=attempts.computations(connection, [experiment_id])[experiment_id],
        queue_position=queue_position,
    )


def list_experiments(
    connection: Connection, ids: Sequence[int], *, with_metrics: bool = False
) -> list[ExperimentListItem]:
    """The experiments of a page, in the order of their ids; those that were deleted meanwhile are left out."""
    found, tags, runs = experiments(connection, ids), _tags(connection, ids), _runs(connection, ids)
    metrics = experiment_metrics.metrics_of(connection, ids) if with_metrics else {}
    return [
        ExperimentListItem(found[id_], tags[id_], runs[id_], metrics.get(id_)) for id_ in ids if id_ in found
    ]


def experiments_on(connection: Connection, hashes: Collection[str]) -> Rows:
    """The `id`, `dataset` (its name) and `sha256` of every experiment on data with one of these hashes."""
    sha256 = Experiment.spec["dataset"]["sha256"].as_string()
    chosen = select(Experiment.id, Experiment.dataset, sha256.label("sha256"))
    chosen = chosen.join(SpecValue, SpecValue.experiment_id == Experiment.id)
    of_hashes = SpecValue.value.in_([spec_values.as_bytes(each) for each in hashes])
    chosen = chosen.where(SpecValue.field == spec_values.number_of("dataset.sha256"), of_hashes)
    return connection.execute(chosen.order_by(Experiment.id)).all()


def state_and_position(connection: Connection, experiment_id: int) -> tuple[ExperimentState, int | None]:
    """The state of an experiment, and its position in the queue if it is queued. Raises UnknownExperiment."""
    state = status_reader.state(connection, experiment_id)
    return state, claim_order.position(connection, experiment_id) if state.status == "queued" else None


def _tags(connection: Connection, ids: Collection[int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(TAGS, {"ids": ids}):
        tags[row.experiment_id].append(row.tag)
    return tags


def _runs(connection: Connection, ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """The runs of each experiment in a list, by repeat, fold and seed."""
    runs: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(RUNS_OF_A_LIST, {"ids": ids}):
        runs[row.experiment_id].append(row)
    return runs
