"""Reads of the metrics of 100 epochs, from Holdout and from MLflow's tracking server, both on SQLite and one core.

MLflow has an environment of its own, because it needs other versions of shared dependencies; the variable MLFLOW
names its command. A request returns one metric from MLflow and all metrics from Holdout, so the table has two rows:
one for a request, one for all metrics.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

from benchmarks.report import Row, Skipped
from benchmarks.service.load import measure_rate
from benchmarks.service.polling import SPEC
from benchmarks.service.servers import free_port, running, serving, two_cores

MLFLOW = Path(os.environ.get("MLFLOW", Path(sys.prefix) / "mlflow" / "bin" / "mlflow"))
ROUNDS, SECONDS = 5, 1.0
SPLITS = ("train", "validation")
LABELS = ("epoch", "split", "seed", "recorded_at")
"""Columns that are not metrics."""


def measure() -> list[Row]:
    """Requests per second of both."""
    if not MLFLOW.exists():
        raise Skipped(f"MLflow is not installed at {MLFLOW}; make bench does it")
    server, _ = two_cores()
    with serving(workers=1, cores={server}) as service:
        experiment = service.submit(SPEC)
        service.finish(experiment)
        path = f"/experiments/{experiment}/metrics"
        items = service.get(path)["items"]
        with mlflow(server) as port:
            run, key, keys = log(port, items)
            history = f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key={key}&max_results=1000"
            ours, theirs = in_turns((service.port, path), (port, history))
    what = f"metrics of {len(items) // len(SPLITS)} epochs"
    return [
        Row(f"{what}: a request", "MLflow, one metric", _rate(ours), _rate(theirs), ours / theirs, 5),
        Row(f"{what}: the history", "MLflow", _rate(ours), _rate(theirs / keys), ours / theirs * keys, 5),
    ]


@contextmanager
def mlflow(core: int) -> Iterator[int]:
    """Run MLflow's server on an empty SQLite database. Yields its port."""
    with tempfile.TemporaryDirectory(prefix="holdout-mlflow-") as folder:
        port = free_port()
        stores = (f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}")
        command = [str(MLFLOW), "server", "--host=127.0.0.1", f"--port={port}", "--workers=1", *stores]
        with running(command, f"http://127.0.0.1:{port}/health", cores={core}):
            yield port


def log(port: int, items: list[dict[str, Any]]) -> tuple[str, str, int]:
    """Log the same metrics to a run of MLflow. Returns its id, the name of one metric, and the number of metrics."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/2.0/mlflow", timeout=60) as http:
        run = http.post("/runs/create", json={"experiment_id": "0"}).raise_for_status().json()["run"]
        id_, names = run["info"]["run_id"], set[str]()
        for item in items:
            figures = {f"{item['split']}_{name}": item[name] for name in item if name not in LABELS}
            metrics = [
                {"key": name, "value": value, "timestamp": item["epoch"], "step": item["epoch"]}
                for name, value in figures.items()
                if value is not None
            ]
            names |= {metric["key"] for metric in metrics}
            http.post("/runs/log-batch", json={"run_id": id_, "metrics": metrics}).raise_for_status()
    return id_, "validation_loss", len(names)


def in_turns(ours: tuple[int, str], theirs: tuple[int, str]) -> tuple[float, float]:
    """The median rates of two servers, each a port and a path."""
    _, client = two_cores()
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for (port, path), measured in zip((ours, theirs), rates, strict=True):
            measured.append(measure_rate(port, path, seconds=SECONDS, core=client).per_second)
    return median(rates[0]), median(rates[1])


def _rate(per_second: float) -> str:
    return f"{per_second:,.4g}/s"
