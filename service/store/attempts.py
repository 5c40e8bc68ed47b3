"""What computed each attempt of a run: recorded when its worker starts, and read for the epochs that are stored."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Row, Select, bindparam, exists, insert, select

from service.store.engine.clock import now
from service.store.run_keys import BY_KEY, RunKey
from service.store.tables import FINAL_STATUSES, Checkpoint, Run, RunAttempt
from workers.processes.messages import TrainingStarted

RESUMED_FROM = select(Checkpoint.attempt).where(
    Checkpoint.run_id == bindparam("run"), Checkpoint.kind == "newest"
)


def _record() -> Insert:
    """Insert an attempt, unless it is recorded."""
    names = ("run_id", "attempt", "continues", "environment")
    table: Any = RunAttempt.__table__
    given = {name: bindparam(f"its_{name}", type_=table.c[name].type) for name in names}
    recorded = exists().where(RunAttempt.run_id == Run.id, RunAttempt.attempt == given["attempt"])
    row = select(*given.values(), Run.epoch, now()).where(Run.id == given["run_id"], ~recorded)
    return insert(RunAttempt).from_select([*names, "after_epoch", "started_at"], row)


RECORD = _record()
"""Built once: to build a statement takes longer than to execute it on SQLite."""


class Computed(NamedTuple):
    """The epochs of a run after `after_epoch` were computed in `environment`, until the next one continues."""

    after_epoch: int
    environment: dict[str, Any]


Computations = dict[RunKey, list[Computed]]
"""What computed each run of an experiment, in order. More than one: it was continued in another environment."""


class Started(NamedTuple):
    """An attempt of a run whose worker has started."""

    run_id: int
    attempt: int
    event: TrainingStarted


def record(connection: Connection, run_id: int, attempt: int, started: TrainingStarted) -> None:
    """Record what computes an attempt, once: an event is written again if a commit seemed to fail."""
    record_all(connection, [Started(run_id, attempt, started)])


def record_all(connection: Connection, started: Sequence[Started]) -> None:
    """The same for attempts of several runs."""
    if started:
        connection.execute(RECORD, [_parameters(connection, each) for each in started])


def _parameters(connection: Connection, started: Started) -> dict[str, Any]:
    run_id, attempt, event = started
    resumed_from = connection.scalar(RESUMED_FROM, {"run": run_id}) if event.resumed else None
    environment = asdict(event.environment)
    if environment["bfloat16"] is None:  # as before there was mixed precision
        del environment["bfloat16"]
    facts = {"its_run_id": run_id, "its_attempt": attempt, "its_continues": resumed_from}
    return facts | {"its_environment": environment}


def computations(connection: Connection, ids: Collection[int]) -> dict[int, Computations]:
    """What computed the stored epochs of each run, by experiment. Runs of older versions are left out."""
    found: dict[int, Computations] = defaultdict(dict)
    if len(ids) == 1:  # a poll: an expanding parameter is compiled again at each execution
        (id_,) = ids
        rows = connection.execute(ATTEMPTS_OF_ONE, {"id": id_})
    else:
        rows = connection.execute(ATTEMPTS, {"ids": list(ids)})
    for _, of_run in groupby(rows, lambda row: row.run_id):
        attempts = list(of_run)
        if computed := _merged(_contributing(attempts)):
            found[attempts[0].experiment_id][RunKey.of(attempts[0])] = computed
    return found


def distinct(computed: Computations) -> list[dict[str, Any]]:
    """The environments of runs, each once, in the order of the runs."""
    environments: list[dict[str, Any]] = []
    for each in chain.from_iterable(computed[key] for key in sorted(computed)):
        if each.environment not in environments:
            environments.append(each.environment)
    return environments


def described(environment: Mapping[str, Any]) -> str:
    """An environment in a few words."""
    words = (environment.get(name) for name in ("kernels", "blas", "bfloat16", "processor", "machine"))
    return ", ".join(word for word in words if word) + f", numpy {environment['numpy']}"


def _attempts() -> Select[Any]:
    columns: list[Any] = [Run.experiment_id, *BY_KEY, Run.status, Run.epoch, *RunAttempt.__table__.columns]
    chosen: Select[Any] = select(*columns).join(RunAttempt, RunAttempt.run_id == Run.id)
    return chosen.order_by(RunAttempt.run_id, RunAttempt.attempt)


ATTEMPTS = _attempts().where(Run.experiment_id.in_(bindparam("ids", expanding=True)))
ATTEMPTS_OF_ONE = _attempts().where(Run.experiment_id == bindparam("id"))


def _contributing(attempts: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The attempts that the newest state comes from: the last one, and those whose checkpoints it continues.

    Until the last one has stored an epoch, it is left out: so this changes only when the status of the run does.
    """
    by_number = {row.attempt: row for row in attempts}
    last = row = attempts[-1]
    found = [row]
    while row.continues in by_number:
        row = by_number[row.continues]
        found.insert(0, row)
    has_stored = last.epoch > last.after_epoch or last.status in FINAL_STATUSES
    return found if has_stored else found[:-1]


def _merged(attempts: Sequence[Row[Any]]) -> list[Computed]:
    """The first of each group of successive attempts in the same environment."""
    groups = groupby(attempts, lambda row: row.environment)
    return [Computed(next(group).after_epoch, environment) for environment, group in groups]
