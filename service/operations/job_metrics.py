"""Prometheus metrics of experiments, runs, jobs and monitors, read from the database at each scrape: replicas report
the same.

Counters start at zero with the process and only grow, even if experiments are deleted: each run is counted when it
ends. Every replica counts all runs, so do not sum counters over replicas.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.store import jobs, monitors
from service.store.database import Database
from service.store.queue_stats import QueueStats, current_time, finished_since, queue_stats
from service.store.tables import ACTIVE_STATUSES, FINAL_STATUSES, Rows
from workers.processes.failure_causes import Cause

log = logging.getLogger("holdout.metrics")

BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
COMMIT_DELAY_SECONDS = 60.0
"""A run may become visible this long after its `finished_at`, when its transaction commits."""

FARTHEST_BACK_SECONDS = 3600.0
"""A clock that is set back by more than that may let runs be counted again that ended before."""


class JobCollector(Collector):
    """Reads gauges from the database. If the database does not respond, it reports only that."""

    def __init__(self, database: Database, registry: CollectorRegistry, *, lease_seconds: float) -> None:
        self._database, self._lease_seconds = database, lease_seconds
        registry.register(self)  # before its counters, which are collected after `collect` has updated them
        self._finished = FinishedRunCounters(registry)

    def describe(self) -> Iterator[Metric]:
        """Describes nothing, so that registering does not query the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        try:
            with self._database.read() as connection:
                stats = queue_stats(connection, lease_seconds=self._lease_seconds)
                of_jobs, of_monitors = jobs.counts(connection), monitors.counts(connection)
                clock = current_time(connection)
                self._finished.count(finished_since(connection, self._finished.since(clock)), clock)
        except (DBAPIError, PoolTimeout) as error:
            log.warning("the metrics of the jobs could not be read: %s", type(error).__name__)
            yield _gauge("database_up", "Whether the database answers (1) or not (0).", 0)
        else:
            yield _gauge("database_up", "Whether the database answers (1) or not (0).", 1)
            yield from _gauges(stats)
            yield _gauges_by(
                "jobs", "Number of queued and running jobs on trained models.", "status", of_jobs
            )
            yield _gauges_by(
                "monitors", "Number of monitors without and with an alarm.", "status", of_monitors
            )


class FinishedRunCounters:
    """Counts each run when it ends; a retried run counts again when it ends again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outcomes = Counter(
            "holdout_runs_finished_total",
            "Number of runs that have ended.",
            ("status", "cause"),
            registry=registry,
        )
        for status in FINAL_STATUSES:
            for cause in get_args(Cause) if status == "failed" else ("none",):
                self._outcomes.labels(status, cause)
        self._attempts = Counter(
            "holdout_run_attempts_total", "Number of attempts of the runs that have ended.", registry=registry
        )
        self._deaths = Counter(
            "holdout_run_deaths_total",
            "Number of attempts that ended because a worker process or agent died.",
            registry=registry,
        )
        self._wait_seconds, self._work_seconds = (
            Histogram(f"holdout_run_{name}_seconds", text, buckets=BUCKETS, registry=registry)
            for name, text in (
                ("wait", "Time that ended runs waited in the queue."),
                ("work", "Time that workers spent on ended runs, in all attempts."),
            )
        )
        self._lock = Lock()
        self._newest, self._read_at = time.time(), time.monotonic()
        self._late = 0.0
        self._counted: set[tuple[int, float]] = set()

    def since(self, now: float) -> float:
        """Runs that ended from this time on are read. now: by the clock of the database.

        Some may have been committed since the last scrape. And the clock may have been set: what was read up to is
        found again by its own time if the clock went forward, and by the time that has passed if it went back.
        """
        passed = time.monotonic() - self._read_at
        return min(self._newest, now - passed) - self._late

    def count(self, runs: Rows, now: float) -> None:
        """Count the runs that were not counted before."""
        with self._lock:
            since = self.since(now)
            for run in runs:
                if (run.id, run.finished_at) not in self._counted:
                    self._counted.add((run.id, run.finished_at))
                    self._newest = max(self._newest, run.finished_at)
                    self._observe(run)
            self._counted = {each for each in self._counted if each[1] >= since - FARTHEST_BACK_SECONDS}
            self._read_at, self._late = time.monotonic(), COMMIT_DELAY_SECONDS

    def _observe(self, run: Row[Any]) -> None:
        self._outcomes.labels(run.status, run.cause or "none").inc()
        self._attempts.inc(run.attempt)
        self._deaths.inc(run.deaths)
        if run.waited_seconds is not None:
            self._wait_seconds.observe(run.waited_seconds)
            self._work_seconds.observe(run.worked_seconds)


def _gauges(stats: QueueStats) -> Iterator[Metric]:
    experiments = dict.fromkeys((*ACTIVE_STATUSES, *FINAL_STATUSES), 0) | dict(stats.experiments)
    yield _gauges_by("experiments", "Number of experiments.", "status", experiments)
    runs = dict.fromkeys(ACTIVE_STATUSES, 0) | dict(stats.runs)
    yield _gauges_by("runs", "Number of queued and running runs.", "status", runs)
    yield _gauge(
        "queue_oldest_seconds",
        "Age of the oldest queued run; 0 if the queue is empty.",
        stats.oldest_seconds,
    )
    yield _gauge("epochs_per_second", "Epochs per second, over all running runs.", stats.epochs_per_second)
    yield _gauge("agents", "Number of agents that hold runs.", len(stats.silent_seconds))
    silent: dict[str, float] = {}
    for agent, seconds in stats.silent_seconds.items():
        host = agent.partition(":")[0]
        silent[host] = max(seconds, silent.get(host, 0.0))
    text = "Time since the last heartbeat of an agent that holds runs; the longest on each host."
    yield _gauges_by("heartbeat_age_seconds", text, "host", silent)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"holdout_{name}", text, value)


def _gauges_by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"holdout_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
