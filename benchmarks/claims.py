"""Time of a claim with 100 and with 5,000 queued runs: python -m benchmarks.claims

Eight clients submit runs of one, fifty or five hundred owners. Then once more where each of five hundred owners has a
running run already, so that a claim has to look at all of them. The benchmark also checks that every run is claimed
exactly once.
"""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from benchmarks.recovery import database
from service.store import migrations, queue
from service.store.database import Database
from service.store.tables import Run

CLIENTS = 8
FEW, MANY = 100, 5_000
SAMPLE = 200
EXPERIMENT: dict[str, Any] = {
    "name": "",
    "spec": {},
    "spec_hash": "",
    "plan": {},
    "warnings": [],
    "dataset": "digits",
    "loss": "cross_entropy",
    "optimizer": "adam",
    "balancing": "none",
}


def submit(store: Database, runs: int, owners: int) -> None:
    """Submit experiments from eight clients at once, each in a transaction."""

    def one(number: int) -> None:
        with store.write() as connection:
            fields: dict[str, Any] = {"owner": f"owner-{number % owners}", "priority": number % 3}
            queue.submit(connection, seeds=[0], epochs=1, tags=[], **fields, **EXPERIMENT)

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(one, range(runs)))


def claim(store: Database, runs: int) -> tuple[float, list[int]]:
    """Claim and finish so many runs. Returns the median seconds of a claim, without its commit, and the runs' ids."""
    times, claimed_ids = [], []
    for _ in range(runs):
        with store.write() as connection:
            seconds, lease = _timed(connection)
            queue.finish(connection, lease, "succeeded")
        times.append(seconds)
        claimed_ids.append(lease.run_id)
    return statistics.median(times), claimed_ids


def _timed(connection: Connection) -> tuple[float, queue.Lease]:
    started = time.perf_counter()
    claimed = queue.claim(connection, agent="bench", lease_seconds=1e6, max_deaths=5)
    assert claimed is not None
    return time.perf_counter() - started, claimed.lease


def occupy(store: Database, owners: int) -> None:
    """Let each owner have a running run."""
    submit(store, owners, owners)
    for _ in range(owners):
        with store.write() as connection:
            _timed(connection)


def measure(url: str, owners: int, *, busy: bool = False) -> None:
    """Fill and empty one queue, and print how long claims took. busy: while each owner has a running run."""
    store = Database(url)
    migrations.upgrade(store)
    if busy:
        occupy(store, owners)
    submit(store, FEW + SAMPLE // 2, owners)
    few, first = claim(store, SAMPLE)
    submit(store, MANY + SAMPLE // 2, owners)
    many, second = claim(store, SAMPLE)
    with store.read() as connection:
        left = connection.execute(select(func.count()).where(Run.status == "queued")).scalar_one()
    _, rest = claim(store, left)
    assert len({*first, *second, *rest}) == FEW + MANY + SAMPLE, "a run was lost or claimed twice"
    kind = "busy owners" if busy else "owners"
    print(
        f"  {owners:4} {kind}: {1e3 * few:6.2f} ms with {FEW} queued, {1e3 * many:6.2f} ms with {MANY:,}: "
        f"{many / few:.2f} x   (promised 2 x)",
        flush=True,
    )
    store.close()


def main() -> None:
    """Measure on SQLite and PostgreSQL."""
    for kind in ("sqlite", "postgresql"):
        print(kind)
        for owners in (1, 50, 500):
            with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
                measure(url, owners)
        with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
            measure(url, 500, busy=True)


if __name__ == "__main__":
    main()
