"""A page after the positions of the seeds: exactly the rows after them, at the cost of new rows alone."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from service.store import queue
from service.store.database import Database
from service.store.epochs.epoch_reader import EpochQuery, RunPosition, RunPositions, read_page
from service.store.tables import EpochMetrics

SEEDS, SPLITS = (3, 8, 2**62), ("train", "validation")
FIGURES = dict.fromkeys(
    ["rows", "loss", "weighted_loss", "accuracy", "balanced_accuracy", "macro_f1", "mcc", "recorded_at"], 1
)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection
        connection.rollback()


def trained(connection: Connection, epochs: int) -> int:
    """An experiment whose seeds have all trained so many epochs."""
    names = ["name", "owner", "spec_hash", "dataset", "loss", "optimizer", "balancing"]
    of_nothing: dict[str, Any] = dict.fromkeys(names, "x") | {
        "priority": 0,
        "spec": {},
        "plan": {},
        "warnings": [],
    }
    id_ = queue.submit(connection, seeds=SEEDS, epochs=epochs, tags=(), **of_nothing)
    for _ in SEEDS:
        claim = queue.claim(connection, agent="x", lease_seconds=60, max_deaths=3)
        assert claim is not None
        rows = [
            {"run_id": claim.lease.run_id, "epoch": epoch, "split": split, **FIGURES}
            for epoch in range(1, epochs + 1)
            for split in SPLITS
        ]
        connection.execute(insert(EpochMetrics), rows)
    return id_


@pytest.mark.sampled(4)
@pytest.mark.parametrize("after_epoch", [0, 1, 2, 9])
def test_a_page_after_positions_has_every_row_after_them(connection: Connection, after_epoch: int) -> None:
    id_ = trained(connection, 3)
    places = [(0, ""), (1, "train"), (2, "validation"), (3, "train")]
    for reached in itertools.product(places, repeat=len(SEEDS)):
        seen = dict(zip(SEEDS, reached, strict=True))
        after: RunPositions = [RunPosition(seed, *place) for seed, place in seen.items() if place[0]]
        page = read_page(
            connection, EpochMetrics, id_, EpochQuery(after=after or None, after_epoch=after_epoch)
        )
        assert [(row.epoch, row.seed, row.split) for row in page.rows] == [
            (epoch, seed, split)
            for epoch in (1, 2, 3)
            for seed in SEEDS
            for split in SPLITS
            if epoch > after_epoch and (epoch, split) > seen[seed]
        ]


def steps(connection: Connection, id_: int, after: RunPositions) -> int:
    """The cost of a page, in steps of SQLite's virtual machine."""
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(step, 1)
    assert len(read_page(connection, EpochMetrics, id_, EpochQuery(after=after)).rows) == 2 * len(SEEDS)
    driver.set_progress_handler(None, 1)
    return taken


def test_rows_that_were_read_are_not_scanned_again(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        pytest.skip("SQLite counts its steps")
    short, long = trained(connection, 20), trained(connection, 1000)
    ends = {
        id_: [RunPosition(seed, last - 1, "validation") for seed in SEEDS]
        for id_, last in ((short, 20), (long, 1000))
    }
    assert steps(connection, long, ends[long]) < 1.5 * steps(connection, short, ends[short])
