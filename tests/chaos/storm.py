"""A storm: clients use a site while it is attacked; then it is left alone, and must come to rest in order."""

import signal
import time
from pathlib import Path

from tests.chaos.audit import Audit
from tests.chaos.blows import Attacker
from tests.chaos.clients import Clients
from tests.chaos.site import Site, site
from tests.service_process import all_ended


def storm(
    folder: Path, kind: str, *, seed: int, blows: int, most_active: int = 8, patience: float = 300
) -> dict[str, int]:
    """Attack a site on `sqlite` or `postgresql`; what happened. Raises AssertionError where a promise broke."""
    with site(folder, kind) as attacked:
        clients, attacker = Clients(attacked.ports, seed, most_active), Attacker(attacked, seed)
        clients.start()
        try:
            _wait_for(lambda: bool(attacked.workers()), seconds=60)
            attacker.strike(blows)
        finally:
            clients.stop()
        audit = Audit(attacked)
        _come_to_rest(attacked, audit, patience)
        report = audit.report(clients)
        audit.close()
        return dict(attacker.hits) | report


def _come_to_rest(attacked: Site, audit: Audit, patience: float) -> None:
    """All work gets done, nobody computes on, everything stops when told to, and nothing is left behind."""
    for place in attacked.places:
        attacked.start(place)
    _wait_for(lambda: not audit.unfinished(), seconds=patience)
    assert all_ended(attacked.workers(), within=3), "a worker computes on though nothing is running"
    codes = set(attacked.stop())
    assert codes <= {0, -signal.SIGTERM}, codes
    assert all_ended(attacked.left_behind(), within=3), "a process was left behind"


def _wait_for(condition: object, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
