"""The demo: a service on a free port, two losses on imbalanced digits, and what came out of it.

Focal loss was made for imbalance, so one expects it to help. The report shows whether it does.
"""

import json
from typing import Any

import typer

from service.launcher import serving
from service.settings import Settings
from service.terminal.client import Client
from service.terminal.screen import follow

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


def demonstrate(settings: Settings) -> int:
    """Run the demo on `settings`, but for the port; 0 if both experiments succeeded."""
    typer.echo(
        "Digits 5 to 9 keep 1 in 20 of their training rows; validation keeps all of them.\n"
        "Two experiments, alike but for the loss, with three seeds each.\n"
    )
    own = {"host": "127.0.0.1", "port": 0, "workers": max(1, settings.workers), "log_level": "warning"}
    later = f"http://127.0.0.1:{settings.port}"
    with serving(settings.model_copy(update=own)) as url, Client(url) as client:
        accepted = [client.submit(json.dumps(spec))["id"] for spec in SPECS]
        code = follow(client, accepted, look_at=later)
    typer.echo(
        f"\nThe demo's own service has stopped. To look at these experiments: make serve, then {later}/docs"
    )
    return code
