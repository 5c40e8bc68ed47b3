"""Fault injection: a seeded sequence of kills, freezes and stops against a deployment."""

import os
import random
import resource
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from threading import Timer

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from service.store.database import Database
from service.store.tables import Job, Run
from tests.chaos.deployment import LEASE_SECONDS, Deployment, Member
from tests.chaos.health import HealthProbe

WEIGHTS = {
    "kill a worker": 60,
    "kill an agent": 12,
    "kill an API": 10,
    "freeze": 12,
    "stop the database": 6,
    "use up descriptors": 8,
    "hang up": 6,
    "set the clock": 6,
    "take the store away": 6,
    "slow the network": 6,
}
OF_A_SERVER = {"stop the database", "slow the network"}
"""Faults that SQLite cannot have."""
RESTARTING_SECONDS = 20.0
"""An API that was killed is up again after so long, on a busy machine."""
PAUSE_SECONDS = (0.1, 0.8)
WORKER_WAIT_SECONDS = 5.0
"""How long to wait for a worker to kill: without work between the faults, nothing would be tested."""
FROZEN_SECONDS = (1.2 * LEASE_SECONDS, 2 * LEASE_SECONDS)
DATABASE_AWAY_SECONDS = (0.5, 3.0)
WITHOUT_DESCRIPTORS_SECONDS = (0.5, 2.0)
STORE_AWAY_SECONDS = (0.5, 5.0)
SLOW_SECONDS = (2.0, 6.0)
SLOW_NETWORK = (0.3, 0.05)
"""Its latency in seconds, and which share of its packets is lost."""
CLOCK_STEP_SECONDS = (2 * LEASE_SECONDS, 7200.0)


class FaultInjector:
    """Injects faults until so many have had an effect. What it stops is restarted a little later."""

    def __init__(self, deployment: Deployment, seed: int, health: HealthProbe) -> None:
        self.deployment, self.random, self.health = deployment, random.Random(seed), health
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
            "take the store away": self.take_store_away,
            "slow the network": self.slow_network,
        }
        names = [name for name in WEIGHTS if self.deployment.server or name not in OF_A_SERVER]
        while self.injected.total() < faults:
            self.deployment.supervise()
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
        self.health.disturb(member.port, RESTARTING_SECONDS)
        member.program.signal(signal.SIGKILL)
        member.program.process.wait()
        self._do_later(self.random.uniform(0.0, 1.5), lambda: self._restart(member))
        return True

    def freeze(self) -> bool:
        """Freeze a program for longer than its leases last."""
        if (member := self._any_running()) is None or (program := member.program) is None:
            return False
        seconds = self.random.uniform(*FROZEN_SECONDS)
        self.health.disturb(member.port, seconds)
        program.signal(signal.SIGSTOP)

        def thaw() -> None:
            with suppress(ProcessLookupError):
                program.signal(signal.SIGCONT)

        self._do_later(seconds, thaw)
        return True

    def use_up_descriptors(self) -> bool:
        """Let a program open no further file, pipe or connection for a while: it has as many as it may."""
        if (member := self._any_running()) is None or (program := member.program) is None:
            return False
        seconds = self.random.uniform(*WITHOUT_DESCRIPTORS_SECONDS)
        self.health.disturb(member.port, seconds)
        with suppress(ProcessLookupError):
            before = resource.prlimit(program.id, resource.RLIMIT_NOFILE)
            resource.prlimit(program.id, resource.RLIMIT_NOFILE, (3, before[1]))

            def allow() -> None:
                with suppress(ProcessLookupError):
                    resource.prlimit(program.id, resource.RLIMIT_NOFILE, before)

            self._do_later(seconds, allow)
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
        moved = [
            update(table).where(table.status == "running").values(lease_until=table.lease_until + step)
            for table in (Run, Job)
        ]
        with closing(Database(self.deployment.url)) as database, suppress(DBAPIError):
            with database.write() as connection:
                changed = sum(connection.execute(statement).rowcount for statement in moved)
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

    def take_store_away(self) -> bool:
        """Let the artifact store refuse everything for a while: a file stands where its folder was."""
        folder, aside = self.deployment.folder / "artifacts", self.deployment.folder / "artifacts-away"
        if not folder.is_dir() or aside.exists():
            return False
        folder.rename(aside)
        with suppress(OSError):
            folder.touch(exist_ok=False)  # else a program has just made it anew

        def back() -> None:
            if folder.is_dir():
                shutil.copytree(folder, aside, dirs_exist_ok=True)
                shutil.rmtree(folder)
            else:
                folder.unlink()
            aside.rename(folder)

        self._do_later(self.random.uniform(*STORE_AWAY_SECONDS), back)
        return True

    def slow_network(self) -> bool:
        """Make the network to the database slow and lossy for a while, and break its connections at first."""
        network = self.deployment.network
        if network is None or network.latency:
            return False
        network.latency, network.loss = SLOW_NETWORK
        if self.random.random() < 0.5:
            network.break_connections()

        def recover() -> None:
            network.latency = network.loss = 0.0

        self._do_later(self.random.uniform(*SLOW_SECONDS), recover)
        return True

    def _any_running(self) -> Member | None:
        running = self.deployment.running_members()
        return self.random.choice(running) if running else None

    def _restart(self, member: Member) -> None:
        self.deployment.start(member)

    def _do_later(self, seconds: float, action: Callable[[], None]) -> None:
        timer = Timer(seconds, action)
        timer.start()
        self._later.append(timer)
