"""The Prometheus metrics of one application. No label grows: neither experiments nor tokens are labels."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from service.free_space import FreeSpace
from service.http.access_log import AccessLogEntry
from service.operations.job_metrics import JobCollector
from service.store.database import Database

disable_created_metrics()  # type: ignore[no-untyped-call] # no series with the time of creation
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class PrometheusMetrics:
    """Metrics of the requests, the process, the disk, and the jobs in the database."""

    def __init__(self, database: Database, space: FreeSpace, *, lease_seconds: float) -> None:
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
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        free = Gauge(
            "holdout_disk_free_bytes", "Free space on the disk of the data folder.", registry=registry
        )
        free.set_function(space.measure)
        reserved = "Free space below which uploads and experiments are refused (HOLDOUT_MIN_FREE_BYTES)."
        Gauge("holdout_disk_reserved_bytes", reserved, registry=registry).set(space.least)
        JobCollector(database, registry, lease_seconds=lease_seconds)

    def observe(self, request: AccessLogEntry) -> None:
        """Count a request and its duration."""
        self._requests.labels(request.method, request.route, request.status).inc()
        self._latency.labels(request.method, request.route).observe(request.seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the Accept header prefers, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
