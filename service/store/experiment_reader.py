"""What is asked of experiments: one answer is a fixed number of queries, however long the page."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, select

from service.store import claim_order, status_reader
from service.store.errors import UnknownExperiment
from service.store.status_reader import ExperimentState
from service.store.tables import EpochClasses, EpochMetrics, Experiment, ExperimentTag, Run

Rows = Sequence[Row[Any]]

EXPERIMENT = select(Experiment).where(Experiment.id == bindparam("id"))
PLAN = select(Experiment.plan).where(Experiment.id == bindparam("id"))
TAGS = select(ExperimentTag).where(ExperimentTag.experiment_id.in_(bindparam("ids", expanding=True)))
TAGS = TAGS.order_by(ExperimentTag.tag)
RUNS = select(Run).where(Run.experiment_id.in_(bindparam("ids", expanding=True))).order_by(Run.seed)
"""Made once: making them takes longer than SQLite takes to answer."""


@dataclass(frozen=True)
class Filters:
    """What a listed experiment has to be; None is anything."""

    status: str | None = None
    dataset: str | None = None
    loss: str | None = None
    optimizer: str | None = None
    balancing: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class ExperimentDetails:
    """An experiment with all that is answered of it.

    selected: of each run that has one, the selected epoch's figures on the validation part. queue_position: of
    its first run among all queued ones, from 1; None unless the experiment is queued.
    """

    experiment: Row[Any]
    tags: list[str]
    runs: Rows
    selected: Rows
    queue_position: int | None


@dataclass(frozen=True)
class ExperimentListItem:
    """An experiment as one row of a list."""

    experiment: Row[Any]
    tags: list[str]
    runs: Rows


def experiment(connection: Connection, experiment_id: int) -> Row[Any]:
    """The row of one experiment. Raises UnknownExperiment."""
    row = connection.execute(EXPERIMENT, {"id": experiment_id}).one_or_none()
    if row is None:
        raise UnknownExperiment(experiment_id)
    return row


def plan(connection: Connection, experiment_id: int) -> dict[str, Any]:
    """What was known of an experiment before training. Raises UnknownExperiment."""
    found: dict[str, Any] | None = connection.scalar(PLAN, {"id": experiment_id})
    if found is None:
        raise UnknownExperiment(experiment_id)
    return found


def plans(connection: Connection, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What was known of experiments before training."""
    chosen = select(Experiment.id, Experiment.plan).where(Experiment.id.in_(ids))
    return {row.id: row.plan for row in connection.execute(chosen)}


def find_experiment(
    connection: Connection, experiment_id: int, *, queue_position: int | None = None
) -> ExperimentDetails:
    """One experiment in full. Raises UnknownExperiment."""
    row = experiment(connection, experiment_id)
    return ExperimentDetails(
        experiment=row,
        tags=_tags(connection, [experiment_id])[experiment_id],
        runs=_runs(connection, [experiment_id])[experiment_id],
        selected=_selected(connection, experiment_id),
        queue_position=queue_position,
    )


def page(filters: Filters, *, ascending: bool, after: int | None, limit: int) -> Select[int]:
    """The ids of at most `limit` experiments beyond the id `after`, and of one more."""
    chosen, id_ = select(Experiment.id).where(*_conditions(filters)), Experiment.id
    if filters.tag is not None:
        # By the id beside the tag, so that the index of tags gives the page in order: a subquery would be read whole.
        id_ = ExperimentTag.experiment_id
        chosen = chosen.join(ExperimentTag, id_ == Experiment.id).where(ExperimentTag.tag == filters.tag)
    if after is not None:
        chosen = chosen.where(id_ > after if ascending else id_ < after)
    return chosen.order_by(id_.asc() if ascending else id_.desc()).limit(limit + 1)


def list_experiments(
    connection: Connection, page: Select[int], *, limit: int
) -> tuple[list[ExperimentListItem], bool]:
    """The experiments of a page without the last, which only tells whether there are more."""
    rows = connection.execute(page.with_only_columns(*Experiment.__table__.columns)).all()
    ids = [row.id for row in rows[:limit]]
    tags, runs = _tags(connection, ids), _runs(connection, ids)
    return [ExperimentListItem(row, tags[row.id], runs[row.id]) for row in rows[:limit]], len(rows) > limit


def experiments_on(connection: Connection, hashes: Collection[str]) -> Rows:
    """The `id`, `dataset` (its name) and `sha256` of every experiment on one of these contents."""
    sha256 = Experiment.spec["dataset"]["sha256"].as_string()
    chosen = select(Experiment.id, Experiment.dataset, sha256.label("sha256")).where(sha256.in_(hashes))
    return connection.execute(chosen.order_by(Experiment.id)).all()


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    columns = (
        Experiment.status,
        Experiment.dataset,
        Experiment.loss,
        Experiment.optimizer,
        Experiment.balancing,
    )
    wanted = [(column, getattr(filters, column.key)) for column in columns]
    return [column == value for column, value in wanted if value is not None]


def _tags(connection: Connection, ids: list[int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(TAGS, {"ids": ids}):
        tags[row.experiment_id].append(row.tag)
    return tags


def _runs(connection: Connection, ids: list[int]) -> dict[int, list[Row[Any]]]:
    """The runs of each experiment, by seed."""
    runs: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(RUNS, {"ids": ids}):
        runs[row.experiment_id].append(row)
    return runs


def _selected_figures() -> Select[Any]:
    same = and_(
        EpochClasses.run_id == EpochMetrics.run_id,
        EpochClasses.epoch == EpochMetrics.epoch,
        EpochClasses.split == EpochMetrics.split,
    )
    figures: Select[Any] = select(
        Run.seed,
        Run.status,
        EpochMetrics,
        EpochClasses.support,
        EpochClasses.accuracy.label("class_accuracy"),
        EpochClasses.precision.label("class_precision"),
    )
    chosen = (
        figures.join(EpochMetrics, and_(EpochMetrics.run_id == Run.id, EpochMetrics.epoch == Run.best_epoch))
        .join(EpochClasses, same)
        .where(Run.experiment_id == bindparam("id"), EpochMetrics.split == "validation")
    )
    return chosen.order_by(Run.seed)


SELECTED = _selected_figures()


def _selected(connection: Connection, experiment_id: int) -> Rows:
    return connection.execute(SELECTED, {"id": experiment_id}).all()


def standing(connection: Connection, experiment_id: int) -> tuple[ExperimentState, int | None]:
    """How far an experiment is, and its place in the queue. Raises UnknownExperiment."""
    state = status_reader.state(connection, experiment_id)
    return state, claim_order.position(connection, experiment_id) if state.status == "queued" else None
