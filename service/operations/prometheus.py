"""The metrics for Prometheus. No experiment and no token is a label."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from service.http.access_log import AccessLogEntry
from service.operations.job_metrics import Jobs
from service.store.database import Database

disable_created_metrics()  # type: ignore[no-untyped-call] # what says when each series began
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class PrometheusMetrics:
    """The registry of one application: its requests, its process, and the jobs in its database."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter(
            "holdout_http_requests_total",
            "Number of answered requests.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._latency = Histogram(
            "holdout_http_request_seconds",
            "Duration of requests, including streams and long polls.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=registry,
        )
        Jobs(database, registry, lease_seconds=lease_seconds)

    def observe(self, exchange: AccessLogEntry) -> None:
        """Count a request."""
        self._requests.labels(exchange.method, exchange.route, exchange.status).inc()
        self._latency.labels(exchange.method, exchange.route).observe(exchange.seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything, in the format that the header Accept prefers, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
