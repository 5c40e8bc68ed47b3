"""`holdout demo`: trains two losses on imbalanced digits, on a service of its own, and reports the accuracies.

Focal loss was made for imbalance, so one expects it to help. The report shows whether it does.
"""

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from service.cli.console import follow
from service.client.api import Api
from service.launcher import serving
from service.settings import Settings

SHARED: dict[str, Any] = {
    "tags": ["demo"],
    "dataset": {"name": "digits", "imbalance": {"kind": "step", "ratio": 20}},
    "optimizer": {"name": "adam", "learning_rate": 0.003},
    "training": {"epochs": 40},
    "seeds": [0, 1, 2],
}
SPECS: tuple[dict[str, Any], ...] = (
    {"name": "cross-entropy", "loss": "cross_entropy", **SHARED},
    {"name": "focal", "loss": {"name": "focal", "gamma": 2.0}, **SHARED},
)
OVERRIDES: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 0,
    "database_url": None,
    "artifacts": None,
    "engine": "none",
    "log_level": "warning",
}
"""Settings of the demo's service, so that it touches neither the user's data folder nor their database."""


def run_demo(settings: Settings, data_dir: Path | None = None, *, serve: bool = False) -> int:
    """Run the demo.

    settings: the user's settings; `OVERRIDES` and `data_dir` replace some for the demo's service.
    data_dir: the folder for the demo's data. None: a temporary folder, which is deleted at the end.
    serve: keep the service running after the report, until Ctrl-C.
    Returns the exit status: 0 if both experiments succeeded, 130 if the demo was interrupted, else 1.
    """
    typer.echo(
        "Digits 5 to 9 keep 1 in 20 of their training rows; validation keeps all of them.\n"
        "Two experiments that differ only in the loss, three seeds each.\n"
    )
    with _folder(data_dir) as folder:
        overrides = OVERRIDES | {"data_dir": folder, "workers": max(1, settings.workers)}
        with serving(settings.model_copy(update=overrides)) as url, Api(url) as client:
            submitted = [client.submit(json.dumps(spec))["id"] for spec in SPECS]
            code = follow(client, submitted, links=serve, service_continues=False)
            if serve and code == 0:
                typer.echo("\nThe demo's service keeps running until you press Ctrl-C.")
                _wait_for_interrupt()
    if code == 0 and not serve:
        typer.echo(_how_to_browse(data_dir))
    return code


def _how_to_browse(data_dir: Path | None) -> str:
    if data_dir is not None:
        return f"The experiments are kept in {data_dir}. To browse them: holdout serve --data-dir {data_dir}"
    return "The demo keeps nothing. To browse its experiments, run it with: make demo ARGS=--serve"


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="holdout-demo-") as folder:
        yield Path(folder)


def _wait_for_interrupt() -> None:
    """Sleep until SIGINT or SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
