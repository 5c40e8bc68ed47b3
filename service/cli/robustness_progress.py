"""Requests a report on corrupted rows, and shows how far it is until it has ended."""

import time
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from service.store.tables import FINAL_STATUSES

POLL_SECONDS = 0.2


class RobustnessClient(Protocol):
    """Requests and reads reports on corrupted rows."""

    def measure_robustness(self, experiment_id: int) -> dict[str, Any]: ...

    def robustness(self, experiment_id: int) -> dict[str, Any]: ...


def wait_for_robustness(
    console: Console, client: RobustnessClient, experiment_id: int
) -> dict[str, Any] | None:
    """The report once it has succeeded; None if it has not, which is printed."""
    found, said = client.measure_robustness(experiment_id), ""
    while found["status"] not in FINAL_STATUSES:
        progress = found["progress"]
        line = f"{found['status']}: {progress['done']} of {progress['total'] or '?'} steps"
        if line != said:
            console.print(line)
        said = line
        time.sleep(POLL_SECONDS)
        found = client.robustness(experiment_id)
    if found["status"] == "succeeded":
        return found
    console.print(Text(f"The report has {found['status']}: {found['message'] or 'it was cancelled'}"))
    return None
