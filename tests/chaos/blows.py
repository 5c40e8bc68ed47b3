"""The blows: a seeded sequence of kills, freezes and stops against a site."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from threading import Timer

from tests.chaos.site import LEASE_SECONDS, Place, Site

WEIGHTS = {"kill a worker": 60, "kill an agent": 12, "kill an API": 10, "freeze": 12, "stop the database": 6}
PAUSE_SECONDS = (0.1, 0.8)
PATIENCE_SECONDS = 5.0
"""For a worker to kill: the site must get to work between the blows, or nothing is put to the test."""
FROZEN_SECONDS = (1.2 * LEASE_SECONDS, 2 * LEASE_SECONDS)
DATABASE_AWAY_SECONDS = (0.5, 3.0)


class Attacker:
    """Strikes until `blows` have hit something; what was hit comes back a little later."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site, self.chance = site, random.Random(seed)
        self.hits: Counter[str] = Counter()
        self._later: list[Timer] = []

    def strike(self, blows: int) -> None:
        """Deal that many blows, with pauses between them."""
        strikes = {
            "kill a worker": self.kill_a_worker,
            "kill an agent": lambda: self.kill(serving=False),
            "kill an API": lambda: self.kill(serving=True),
            "freeze": self.freeze,
            "stop the database": self.stop_the_database,
        }
        names = [name for name in WEIGHTS if self.site.server or name != "stop the database"]
        while self.hits.total() < blows:
            (name,) = self.chance.choices(names, [WEIGHTS[name] for name in names])
            if strikes[name]():
                self.hits[name] += 1
            time.sleep(self.chance.uniform(*PAUSE_SECONDS))
        for timer in self._later:
            timer.join()

    def kill_a_worker(self) -> bool:
        """One that is at work; there may have to be one first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (workers := self.site.workers()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.kill(self.chance.choice(workers), signal.SIGKILL)
            return True
        return False

    def kill(self, *, serving: bool) -> bool:
        place = self.site.a_place(self.chance, serving=serving)
        if place.program is None or place.program.process.poll() is not None:
            return False
        place.program.signal(signal.SIGKILL)
        place.program.process.wait()
        self._restart_later(place)
        return True

    def freeze(self) -> bool:
        """Stop a program for longer than its leases last, and let it go on."""
        running = self.site.running()
        if not running:
            return False
        program = self.chance.choice(running)
        program.signal(signal.SIGSTOP)

        def thaw() -> None:
            with suppress(ProcessLookupError):
                program.signal(signal.SIGCONT)

        self._do_later(self.chance.uniform(*FROZEN_SECONDS), thaw)
        return True

    def stop_the_database(self) -> bool:
        """Every session ends in the middle of what it was doing."""
        assert self.site.server is not None
        self.site.server.stop(how=self.chance.choice([signal.SIGINT, signal.SIGQUIT]))
        time.sleep(self.chance.uniform(*DATABASE_AWAY_SECONDS))
        self.site.server.start()
        for place in self.site.places:
            self.site.start(place)  # who wanted to start meanwhile has given up
        return True

    def _restart_later(self, place: Place) -> None:
        self._do_later(self.chance.uniform(0.0, 1.5), lambda: self.site.start(place))

    def _do_later(self, seconds: float, action: object) -> None:
        timer = Timer(seconds, action)  # type: ignore[arg-type]
        timer.start()
        self._later.append(timer)
