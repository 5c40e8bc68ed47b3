"""What a soak test measures of a process and of the database, and how it judges the growth."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Sample:
    """Measured at one moment: bytes resident and open files of the API and the agent, bytes of database and log."""

    seconds: float
    api_bytes: int
    api_files: int
    agent_bytes: int
    agent_files: int
    database_bytes: int
    wal_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.seconds / 60:5.1f} min  API {self.api_bytes / 1e6:6.1f} MB {self.api_files:4} files"
            f"   agent {self.agent_bytes / 1e6:6.1f} MB {self.agent_files:4} files"
            f"   database {self.database_bytes / 1e6:6.1f} MB   WAL {self.wal_bytes / 1e6:5.1f} MB"
        )


@dataclass(frozen=True)
class Growth:
    """A figure of a steady state, and at the end: medians, because single samples depend on what runs just then."""

    name: str
    steady: float
    end: float

    @property
    def ratio(self) -> float:
        return self.end / self.steady

    def __str__(self) -> str:
        return f"{self.name}: {self.steady / 1e6:.1f} MB, at the end {self.end / 1e6:.1f} MB ({self.ratio:.3f} times)"


def sample(started: float, api: int, agent: int, database: Path) -> Sample:
    """Measure now. api, agent: the ids of the processes."""
    wal = database.with_name(f"{database.name}-wal")
    return Sample(
        time.monotonic() - started,
        _resident_bytes(api),
        _open_files(api),
        _resident_bytes(agent),
        _open_files(agent),
        database.stat().st_size,
        wal.stat().st_size if wal.exists() else 0,
    )


def growth(samples: Sequence[Sample], name: str, *, after: float, window: float) -> Growth:
    """How a figure grew between `after` seconds and the end: medians of the samples within `window` seconds."""
    last = samples[-1].seconds
    steady = [getattr(each, name) for each in samples if after <= each.seconds <= after + window]
    end = [getattr(each, name) for each in samples if each.seconds >= last - window]
    return Growth(name, median(steady), median(end))


def _resident_bytes(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmRSS"].split()[0]) * 1024


def _open_files(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
