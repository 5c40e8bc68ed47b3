"""Fault injection: a seeded sequence of kills, freezes and stops against a deployment."""

import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from threading import Timer

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from service.store.database import Database
from service.store.tables import Run
from tests.chaos.deployment import LEASE_SECONDS, Deployment, Member

WEIGHTS = {
    "kill a worker": 60,
    "kill an agent": 12,
    "kill an API": 10,
    "freeze": 12,
    "stop the database": 6,
    "use up descriptors": 8,
    "hang up": 6,
    "set the clock": 6,
}
PAUSE_SECONDS = (0.1, 0.8)
WORKER_WAIT_SECONDS = 5.0
"""How long to wait for a worker to kill: without work between the faults, nothing would be tested."""
FROZEN_SECONDS = (1.2 * LEASE_SECONDS, 2 * LEASE_SECONDS)
DATABASE_AWAY_SECONDS = (0.5, 3.0)
WITHOUT_DESCRIPTORS_SECONDS = (0.5, 2.0)
CLOCK_STEP_SECONDS = (2 * LEASE_SECONDS, 7200.0)


class FaultInjector:
    """Injects faults until so many have had an effect. What it stops is restarted a little later."""

    def __init__(self, deployment: Deployment, seed: int) -> None:
        self.deployment, self.random = deployment, random.Random(seed)
        self.injected: Counter[str] = Counter()
        self._later: list[Timer] = []

    def inject(self, faults: int) -> None:
        """Inject that many faults, with pauses between them."""
        kinds = {
            "kill a worker": self.kill_worker,
            "kill an agent": lambda: self.kill(serving=False),
            "kill an API": lambda: self.kill(serving=True),
            "freeze": self.freeze,
            "stop the database": self.stop_database,
            "use up descriptors": self.use_up_descriptors,
            "hang up": self.hang_up,
            "set the clock": self.set_clock,
        }
        names = [name for name in WEIGHTS if self.deployment.server or name != "stop the database"]
        while self.injected.total() < faults:
            (name,) = self.random.choices(names, [WEIGHTS[name] for name in names])
            if kinds[name]():
                self.injected[name] += 1
            time.sleep(self.random.uniform(*PAUSE_SECONDS))
        for timer in self._later:
            timer.join()

    def kill_worker(self) -> bool:
        """Kill a worker process; wait for one first if there is none."""
        deadline = time.monotonic() + WORKER_WAIT_SECONDS
        while not (workers := self.deployment.workers()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.kill(self.random.choice(workers), signal.SIGKILL)
            return True
        return False

    def kill(self, *, serving: bool) -> bool:
        """Kill a program that serves the API, or an agent alone."""
        member = self.deployment.choose(self.random, serving=serving)
        if member.program is None or member.program.process.poll() is not None:
            return False
        member.program.signal(signal.SIGKILL)
        member.program.process.wait()
        self._do_later(self.random.uniform(0.0, 1.5), lambda: self._restart(member))
        return True

    def freeze(self) -> bool:
        """Freeze a program for longer than its leases last."""
        running = self.deployment.running()
        if not running:
            return False
        program = self.random.choice(running)
        program.signal(signal.SIGSTOP)

        def thaw() -> None:
            with suppress(ProcessLookupError):
                program.signal(signal.SIGCONT)

        self._do_later(self.random.uniform(*FROZEN_SECONDS), thaw)
        return True

    def use_up_descriptors(self) -> bool:
        """Let a program open no further file, pipe or connection for a while: it has as many as it may."""
        running = self.deployment.running()
        if not running:
            return False
        program = self.random.choice(running)
        with suppress(ProcessLookupError):
            before = resource.prlimit(program.id, resource.RLIMIT_NOFILE)
            resource.prlimit(program.id, resource.RLIMIT_NOFILE, (3, before[1]))

            def allow() -> None:
                with suppress(ProcessLookupError):
                    resource.prlimit(program.id, resource.RLIMIT_NOFILE, before)

            self._do_later(self.random.uniform(*WITHOUT_DESCRIPTORS_SECONDS), allow)
            return True
        return False

    def hang_up(self) -> bool:
        """Close the terminal of an agent: all its processes get SIGHUP. It is restarted a little later."""
        member = self.deployment.choose(self.random, serving=False)
        if member.program is None or member.program.process.poll() is not None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(member.program.id, signal.SIGHUP)
        self._do_later(self.random.uniform(1.0, 3.0), lambda: self._restart(member))
        return True

    def set_clock(self) -> bool:
        """Let all leases look as if the database's clock had been set, ahead or back, since they were renewed."""
        step = self.random.choice([-1, 1]) * self.random.uniform(*CLOCK_STEP_SECONDS)
        running = update(Run).where(Run.status == "running").values(lease_until=Run.lease_until + step)
        with closing(Database(self.deployment.url)) as database, suppress(DBAPIError):
            with database.write() as connection:
                changed = connection.execute(running).rowcount
            return changed > 0
        return False

    def stop_database(self) -> bool:
        """Stop the database server, which ends every session in the middle of its transaction, and restart it."""
        assert self.deployment.server is not None
        self.deployment.server.stop(how=self.random.choice([signal.SIGINT, signal.SIGQUIT]))
        time.sleep(self.random.uniform(*DATABASE_AWAY_SECONDS))
        self.deployment.server.start()
        for member in self.deployment.members:
            self._restart(member)  # a program that tried to start meanwhile has given up
        return True

    def _restart(self, member: Member) -> None:
        self.deployment.start(member)

    def _do_later(self, seconds: float, action: Callable[[], None]) -> None:
        timer = Timer(seconds, action)
        timer.start()
        self._later.append(timer)
