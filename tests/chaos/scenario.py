"""A chaos test: clients use a deployment while faults are injected; then all work must finish, and an audit pass."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.audit import Audit
from tests.chaos.clients import Clients
from tests.chaos.deployment import Deployment, deploy
from tests.chaos.faults import FaultInjector
from tests.chaos.health import HealthProbe
from tests.service_process import all_ended, described
from workers.processes.pool import IDLE_SECONDS

IMPORTS_SECONDS = 30.0
"""A fork server whose agent was killed notices that when its imports are done, on a busy machine after so long."""


def run_scenario(
    folder: Path, kind: str, *, seed: int, faults: int, most_active: int = 8, patience: float = 300
) -> dict[str, int]:
    """Test a deployment on `sqlite` or `postgresql`, and return counts of what happened.

    Work must be finished `patience` seconds after the last fault. Raises AssertionError if a promise is broken.
    """
    with deploy(folder, kind) as deployment:
        clients = Clients(deployment.ports, seed, most_active)
        health = HealthProbe(deployment.ports, deployment.process_at)
        injector = FaultInjector(deployment, seed, health)
        clients.start()
        health.start()
        try:
            _wait_for(lambda: bool(deployment.workers()), seconds=180)
            injector.inject(faults)
        finally:
            health.stop()
            clients.stop()
        audit = Audit(deployment)
        _finish(deployment, audit, patience)
        report = audit.report(clients)
        audit.close()
        return dict(injector.injected) | report | health.figures()


def _finish(deployment: Deployment, audit: Audit, patience: float) -> None:
    """Wait until all work is finished, then stop everything. No worker may go on, no process may be left behind."""

    def is_finished() -> bool:
        deployment.supervise()
        return audit.is_finished()

    for member in deployment.members:
        deployment.start(member)
    _wait_for(is_finished, seconds=patience)
    assert all_ended(deployment.workers(), within=IDLE_SECONDS + 3), (
        "a worker trains although no run is running"
    )
    codes = set(deployment.stop())
    assert codes <= {0, -signal.SIGTERM}, codes
    left = deployment.left_behind()
    found = [described(each) for each in left]
    assert all_ended(left, within=IMPORTS_SECONDS), f"processes were left behind: {found}"


def _wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.1)
