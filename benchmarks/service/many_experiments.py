"""Reads and lists with 100,000 experiments and 5 million rows of epochs stored, beside the same with 100.

The experiments are copies of one that was trained for 25 epochs: with both parts, that makes 5 million rows of
metrics and as many of class metrics. In both databases, twenty experiments at regular distances have a rare tag,
loss, optimizer, balancing and status, so a filter finds equally many. No URL is requested twice, so that no response
comes from a cache.
"""

import http.client
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, insert, literal, select

from benchmarks.report import Row
from benchmarks.service.servers import Service, serving, two_cores
from service.store import spec_values
from service.store.database import Database
from service.store.tables import (
    EpochClasses,
    EpochMetrics,
    Experiment,
    ExperimentTag,
    Exposure,
    Run,
    SpecValue,
)

FEW, MANY = 100, 100_000
EPOCHS = 25
RARE = 20
ROUNDS = 60
SPEC = {"dataset": "iris", "training": {"epochs": EPOCHS}, "model": {"hidden": [8]}, "tags": ["common"]}

PathOf = Callable[[int, int], str]
"""The path of the n-th request if so many experiments are stored."""
REQUESTS: dict[str, PathOf] = {
    "GET status": lambda n, stored: f"/experiments/{_experiment_id(n, stored)}",
    "GET metrics": lambda n, stored: f"/experiments/{_experiment_id(n, stored)}/metrics",
    "GET classes": lambda n, stored: f"/experiments/{_experiment_id(n, stored)}/classes",
    "list the newest": lambda n, stored: f"/experiments?limit={RARE + n}",
    "list from the oldest": lambda n, stored: f"/experiments?sort=id&limit={RARE + n}",
    "list by status": lambda n, stored: f"/experiments?status=failed&limit={RARE + n}",
    "list by a rare loss": lambda n, stored: f"/experiments?loss=focal&limit={RARE + n}",
    "list by a rare optimizer": lambda n, stored: f"/experiments?optimizer=sgd&limit={RARE + n}",
    "list by a rare balancing": lambda n, stored: f"/experiments?balancing=smote&limit={RARE + n}",
    "list by a rare tag": lambda n, stored: f"/experiments?tag=rare&limit={RARE + n}",
    "list by a common tag": lambda n, stored: f"/experiments?tag=common&limit={RARE + n}",
    "list by a rare field of the spec": lambda n, stored: (
        f"/experiments?where=spec.loss=focal&limit={RARE + n}"
    ),
    "list by two filters": lambda n, stored: f"/experiments?loss=focal&status=failed&limit={RARE + n}",
}


def measure() -> list[Row]:
    """Milliseconds per request, with few and with many experiments."""
    server, _ = two_cores()
    with ExitStack() as stack:
        folders = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdout-many-"))) for _ in range(2)
        ]
        for folder, count in zip(folders, (FEW, MANY), strict=True):
            fill(folder, count)
        few, many = (stack.enter_context(serving(folder, cores={server})) for folder in folders)
        return [_row(what, *_in_turns(few, many, path_of)) for what, path_of in REQUESTS.items()]


def _row(what: str, few: float, many: float) -> Row:
    return Row(
        f"{what}, {MANY:,} experiments",
        f"{FEW} experiments",
        f"{1e3 * many:.2f} ms",
        f"{1e3 * few:.2f} ms",
        many / few,
        1.5,
        "most",
    )


def _in_turns(few: Service, many: Service, path_of: PathOf) -> tuple[float, float]:
    """The median seconds of both, which take turns."""
    connections = [http.client.HTTPConnection("127.0.0.1", service.port) for service in (few, many)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for n in range(ROUNDS):
        for connection, stored, times in zip(connections, (FEW, MANY), seconds, strict=True):
            times.append(_timed(connection, path_of(n, stored)))
    return median(seconds[0]), median(seconds[1])


def _timed(connection: http.client.HTTPConnection, path: str) -> float:
    started = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"{path}: {response.status}")
    return time.perf_counter() - started


def _experiment_id(n: int, stored: int) -> int:
    """The id of an experiment; consecutive requests get different ones."""
    return 1 + (n * 37 % FEW) * (stored // FEW)


def fill(folder: Path, count: int) -> None:
    """Create a database of `count` experiments: the first is trained, the others are copies of it."""
    with serving(folder, workers=1) as service:
        service.finish(service.submit(SPEC))
    database = Database(f"sqlite:///{folder / 'holdout.db'}")
    with database.write() as connection:
        _copy(connection, count)
    database.close()  # the last connection to close checkpoints the WAL


def _copy(connection: Connection, count: int) -> None:
    """Copy the experiment with its run, tags and epochs to the ids from 2 to `count`."""
    numbers = select(literal(2).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count))
    n = numbers.c.n
    rare: ColumnElement[bool] = n % (count // RARE) == 0
    odd = {"loss": "focal", "optimizer": "sgd", "balancing": "smote", "status": "failed"}
    changed = {name: case((rare, value), else_=getattr(Experiment, name)) for name, value in odd.items()}
    _insert(connection, Experiment, select(numbers), id=n, **changed)
    _insert(connection, Run, select(numbers), id=n, experiment_id=n)
    _insert(connection, ExperimentTag, select(numbers), experiment_id=n)
    _insert(connection, ExperimentTag, select(numbers).where(rare), experiment_id=n, tag=literal("rare"))
    loss = spec_values.number_of("loss.name")
    of_loss = and_(SpecValue.field == loss, rare)
    value = case((of_loss, literal(spec_values.as_bytes("focal"))), else_=SpecValue.value)
    _insert(connection, SpecValue, select(numbers), experiment_id=n, value=value)
    _insert(connection, Exposure, select(numbers), experiment_id=n)
    for table in (EpochMetrics, EpochClasses):
        _insert(connection, table, select(numbers), run_id=n)


def _insert(connection: Connection, table: type, numbers: Select[int], **changed: ColumnElement[Any]) -> None:
    """Insert the first experiment's rows of a table once for each number, with some columns changed."""
    columns = table.__table__.columns  # type: ignore[attr-defined]
    first = columns[
        "experiment_id" if "experiment_id" in columns else "run_id" if "run_id" in columns else "id"
    ]
    chosen = numbers.join_from(numbers.get_final_froms()[0], table, first == 1)
    chosen = chosen.with_only_columns(*(changed.get(column.key, column) for column in columns))
    if table is ExperimentTag:
        chosen = chosen.where(ExperimentTag.tag == "common")
    connection.execute(insert(table).from_select(list(columns.keys()), chosen))
