"""The metrics of the queue, the agents and the requests, read by Prometheus' own parser."""

import time
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError

from service.free_space import free_bytes
from service.operations.job_metrics import FinishedRunCounters
from service.settings import Settings
from service.store.database import Database
from service.store.engine.clock import now
from service.store.queue_stats import current_time, finished_since
from service.store.tables import Run
from tests.service.fake_worker import FakeWorker

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
Scrape = Callable[[], Samples]
PAIR = {"dataset": {"name": "synthetic", "counts": [90, 30], "features": 2}}


@pytest.fixture
def scrape(client: TestClient) -> Scrape:
    def scrape() -> Samples:
        response = client.get("/metrics")
        assert response.status_code == 200
        return {
            (sample.name.removeprefix("holdout_"), tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    return scrape


def by(**labels: object) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in labels.items()))


def test_the_free_space_is_that_of_the_disk(scrape: Scrape, settings: Settings) -> None:
    found = scrape()
    assert found["disk_free_bytes", ()] == pytest.approx(free_bytes(settings.data_dir), rel=0.1)
    assert found["disk_reserved_bytes", ()] == settings.min_free_bytes


def test_the_metrics_of_the_queue_are_those_of_the_database(fake_worker: FakeWorker, scrape: Scrape) -> None:
    before = scrape()
    assert before["database_up", ()] == 1
    assert before["runs", by(status="queued")] == before["runs", by(status="running")] == 0
    assert before["queue_oldest_seconds", ()] == before["agents", ()] == before["epochs_per_second", ()] == 0
    for seeds in ([0, 1], [0], [0]):
        fake_worker.submit(**PAIR, seeds=seeds)
    first, _ = fake_worker.claim()
    fake_worker.epoch(first, 1, [[9, 1], [1, 9]])
    fake_worker.epoch(first, 2, [[9, 1], [1, 9]])
    after = scrape()
    assert after["runs", by(status="queued")] == 3
    assert after["runs", by(status="running")] == 1
    assert after["experiments", by(status="queued")] == 2
    assert after["experiments", by(status="running")] == 1
    assert after["experiments", by(status="failed")] == 0
    assert 0 < after["queue_oldest_seconds", ()] < 60
    assert after["epochs_per_second", ()] == pytest.approx(0.5)  # the fake worker's epochs take two seconds
    assert after["agents", ()] == 1


def test_the_heartbeat_age_of_a_silent_agent_grows(
    fake_worker: FakeWorker, database: Database, settings: Settings, scrape: Scrape
) -> None:
    fake_worker.submit(**PAIR)
    fake_worker.claim()
    with database.write() as connection:
        silent = now() + settings.lease_seconds - 40
        connection.execute(update(Run).values(lease_until=silent, agent="alpha:12:ab", lease_seconds=None))
    assert 40 <= scrape()["heartbeat_age_seconds", by(host="alpha")] < 60  # a slow machine adds to it


def test_the_heartbeat_of_an_agent_that_was_killed_while_the_clock_was_ahead_is_old(
    fake_worker: FakeWorker, database: Database, scrape: Scrape
) -> None:
    fake_worker.submit(**PAIR)
    fake_worker.claim()
    with database.write() as connection:
        connection.execute(update(Run).values(lease_until=now() + 7200, agent="alpha:12:ab"))
    assert scrape()["heartbeat_age_seconds", by(host="alpha")] == pytest.approx(7200 - 60, abs=20)


def test_every_run_is_counted_once_when_it_ends(fake_worker: FakeWorker, scrape: Scrape) -> None:
    outcomes = "runs_finished_total"
    assert scrape()[outcomes, by(status="failed", cause="diverged")] == 0
    for number in range(3):
        fake_worker.submit(**PAIR)
        id_, _ = fake_worker.claim()
        if number == 0:
            fake_worker.finish(id_, "failed", cause="diverged")
        else:
            fake_worker.finish(id_, "succeeded")
    cancelled = fake_worker.submit(**PAIR)
    fake_worker.client.post(f"/experiments/{cancelled}/cancel")
    for samples in (scrape(), scrape()):
        assert samples[outcomes, by(status="succeeded", cause="none")] == 2
        assert samples[outcomes, by(status="failed", cause="diverged")] == 1
        assert samples[outcomes, by(status="cancelled", cause="none")] == 1
        assert samples["run_attempts_total", ()] == 3
        assert samples["run_deaths_total", ()] == 0
        assert samples["run_wait_seconds_count", ()] == samples["run_work_seconds_count", ()] == 3


def test_runs_are_counted_once_whatever_the_clock_was_set_to(
    fake_worker: FakeWorker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start the clock was half an hour ahead. Later it is set back by ten minutes, and then forward."""
    registry, started = CollectorRegistry(), time.time() + 1800
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: started)
        counters = FinishedRunCounters(registry)
    for number, clock_error in enumerate((0, -600, -600, 900), 1):
        fake_worker.submit(**PAIR)
        fake_worker.finish(fake_worker.claim()[0], "succeeded")
        with database.write() as connection:
            newest = select(func.max(Run.id)).scalar_subquery()
            moved = update(Run).where(Run.id == newest).values(finished_at=Run.finished_at + clock_error)
            connection.execute(moved)
        for _ in range(2):
            with database.read() as connection:
                clock = current_time(connection) + clock_error
                counters.count(finished_since(connection, counters.since(clock)), clock)
        counted = registry.get_sample_value(
            "holdout_runs_finished_total", {"status": "succeeded", "cause": "none"}
        )
        assert counted == number


def test_counters_do_not_fall_when_experiments_are_deleted_or_retried(
    fake_worker: FakeWorker, scrape: Scrape
) -> None:
    failed = "runs_finished_total", by(status="failed", cause="error")
    first = fake_worker.submit(**PAIR)
    for count in (1, 2):
        fake_worker.claim()
        fake_worker.finish(first, "failed", cause="error")
        assert scrape()[failed] == count
        fake_worker.client.post(f"/experiments/{first}/retry")
        assert scrape()[failed] == count
    fake_worker.client.post(f"/experiments/{first}/cancel")
    assert fake_worker.client.delete(f"/experiments/{first}").status_code == 204
    assert scrape()[failed] == 2


def test_requests_are_counted_by_route_without_ids(fake_worker: FakeWorker, scrape: Scrape) -> None:
    client = fake_worker.client
    for path in ("/experiments/1", "/experiments/2", "/experiments/3", "/nothing", "/nothing/at/all"):
        client.get(path)
    client.post("/experiments", content=b"{")
    samples = scrape()
    requests = "http_requests_total"
    assert samples[requests, by(method="GET", route="/experiments/{experiment_id}", status=404)] == 3
    assert samples[requests, by(method="GET", route="none", status=404)] == 2
    assert samples[requests, by(method="POST", route="/experiments", status=415)] == 1
    latency = "http_request_seconds_count"
    assert samples[latency, by(method="GET", route="/experiments/{experiment_id}")] == 3


def test_no_label_grows_with_the_experiments(fake_worker: FakeWorker, scrape: Scrape) -> None:
    fake_worker.submit(**PAIR, name="name-of-mine", tags=["tag-of-mine"])
    series = set(scrape())
    for _ in range(5):
        id_, _ = fake_worker.claim()
        fake_worker.finish(id_, "succeeded")
        fake_worker.client.get(f"/experiments/{id_}")
        fake_worker.submit(**PAIR)
    grown = {key for key in scrape() if key not in series}
    assert {dict(labels).get("route") for _, labels in grown} <= {
        "/experiments/{experiment_id}",
        "/metrics",
        "/experiments",
        None,
    }
    assert not any("of-mine" in str(key) for key in scrape())
    assert len(grown) < 60


def test_without_the_database_the_other_metrics_are_still_reported(
    client: TestClient, database: Database, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError("SELECT", {}, RuntimeError("gone"))

    client.get("/health")
    assert client.get("/metrics").status_code == 200
    metrics = client.app.state.metrics  # type: ignore[attr-defined]
    monkeypatch.setattr(database, "read", fail)
    reported = metrics.exposition("")[0].decode()
    assert "holdout_database_up 0.0" in reported
    assert "holdout_queue_oldest_seconds" not in reported
    assert 'route="/health"' in reported


MANY = "WITH RECURSIVE n(i) AS (SELECT 1000001 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000 + :count)"
"""So many ids: every tenth experiment is queued, the others succeeded long ago."""
EXPERIMENTS = f"""
    INSERT INTO experiments (id, name, status, priority, owner, spec, spec_hash, plan, warnings, dataset, loss,
                             optimizer, balancing, created_at, finished_at)
    {MANY} SELECT i, '', CASE WHEN i % 10 = 0 THEN 'queued' ELSE 'succeeded' END, 0, 'local', '{{}}', '', '{{}}',
                  '[]', 'digits', 'focal', 'adam', 'none', 1.0, 3.0 FROM n"""
RUNS = f"""
    INSERT INTO runs (id, experiment_id, seed, status, priority, owner, attempt, deaths, cancel_requested, epochs,
                      epoch, training_seconds, worked_seconds, created_at, started_at, finished_at)
    {MANY} SELECT i, i, 0, CASE WHEN i % 10 = 0 THEN 'queued' ELSE 'succeeded' END, 0, 'local', 1, 0, false, 9,
                  9, 1.0, 1.0, 1.0, 2.0, CASE WHEN i % 10 = 0 THEN NULL ELSE 3.0 END FROM n"""


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.thorough)])
def test_a_scrape_of_many_experiments_is_cheap(database: Database, scrape: Scrape, count: int) -> None:
    with database.write() as connection:
        connection.execute(text(EXPERIMENTS), {"count": count})
        if not database.is_sqlite:
            # PostgreSQL may check foreign keys by a plan of when the table was empty, which reads all of it.
            connection.execute(text("ANALYZE experiments"))
        connection.execute(text(RUNS), {"count": count})
    scrape()
    started = time.perf_counter()
    samples = scrape()
    seconds = time.perf_counter() - started
    print(  # noqa: T201 -- a measurement, shown with -s
        f"a scrape at {count:,} experiments takes {1000 * seconds:.0f} ms on {database.engine.dialect.name}"
    )
    assert samples["experiments", by(status="succeeded")] == 0.9 * count
    assert samples["runs", by(status="queued")] == 0.1 * count
    assert seconds < 1
