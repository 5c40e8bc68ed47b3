"""Machines that share a Postgres and an artifact store, and nothing else: agents as separate processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.postgresql import PostgreSQL
from tests.program_template import ForkedProgram


class Machine:
    """A working directory with a data folder in it, and perhaps a network of its own."""

    def __init__(self, folder: Path, url: str, artifacts: Path, *, within: Sequence[str] = ()) -> None:
        self.folder, self.url, self.artifacts, self.within = folder, url, artifacts, within
        folder.mkdir()

    def start(self) -> None:
        """Run an agent with one worker process."""
        ours = {
            "HOLDOUT_DATABASE_URL": self.url,
            "HOLDOUT_ENGINE": "procrastinate",
            "HOLDOUT_ARTIFACTS": str(self.artifacts),
            "HOLDOUT_LEASE_SECONDS": "3",
            "HOLDOUT_CHECKPOINT_SECONDS": "0.5",
            "HOLDOUT_ARTIFACT_BYTES": "1000",
            "OMP_NUM_THREADS": "1",
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("HOLDOUT_")}
        command = ["worker", "--workers", "1"]
        with (self.folder / "log").open("ab") as log:
            self.process: ForkedProgram | subprocess.Popen[bytes]
            if self.within:
                self.process = subprocess.Popen(
                    [*self.within, sys.executable, "-m", "service", *command],
                    cwd=self.folder,
                    env=others | ours,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            else:
                self.process = ForkedProgram(
                    command, cwd=self.folder, env=others | ours, stdout=log.fileno(), stderr=log.fileno()
                )

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Tell the agent to stop, or kill it, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        self.process.wait(15)

    def close(self) -> None:
        """Leave nothing that runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Network:
    """A network namespace that reaches the host over one cable."""

    def __init__(self, number: int) -> None:
        self.name, self.cable = f"holdout{os.getpid()}n{number}", f"ho{os.getpid() % 100_000}n{number}"
        subnet = f"10.{100 + os.getpid() % 100}.{number}"
        self.host, self.guest = f"{subnet}.1", f"{subnet}.2"

    def open(self) -> None:
        """Raises OSError where that is not allowed, or the tool is not there."""
        _ip("netns", "add", self.name)
        _ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("address", "add", f"{self.host}/30", "dev", self.cable)
        _ip("-n", self.name, "address", "add", f"{self.guest}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self.name, "link", "set", device, "up")
        self.plug()

    @property
    def within(self) -> list[str]:
        """What a command is preceded by to run in it."""
        return ["ip", "netns", "exec", self.name]

    def plug(self) -> None:
        _ip("link", "set", self.cable, "up")

    def unplug(self) -> None:
        _ip("link", "set", self.cable, "down")

    def close(self) -> None:
        for remove in (("link", "delete", self.cable), ("netns", "delete", self.name)):
            with suppress(OSError):
                _ip(*remove)


@contextmanager
def networks(count: int) -> Iterator[list[Network]]:
    """Namespaces for as long as the context lasts. Raises OSError where there can be none."""
    with ExitStack() as stack:
        made = [Network(number) for number in range(count)]
        for network in made:
            stack.callback(network.close)
            network.open()
        yield made


def let_in(server: PostgreSQL, networks: Sequence[Network]) -> None:
    """Start a private server again, to be reached from networks as well."""
    server.stop()
    with (server.data / "pg_hba.conf").open("a") as rules:
        rules.writelines(f"host all all {network.guest}/32 trust\n" for network in networks)
    server.options += ["-c", f"listen_addresses={','.join(network.host for network in networks)}"]
    server.start()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr}")
