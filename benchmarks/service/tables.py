"""A table of a million rows: its upload beside pyarrow, a step beside PyTorch, and the memory of eight workers.

The encoded table, which the memory is compared with, is what a program that trains on all its rows holds: 2.2 GB.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.large_table import LEVELS, NUMBERS, ROWS, TEXTS, write_table
from benchmarks.report import Row, Skipped
from benchmarks.service.memory import MEGABYTE, megabytes
from benchmarks.service.servers import Service, on_cores, serving
from benchmarks.timing import seconds_per_step

WORKERS = 8
ENCODED_WIDTH = 2 * NUMBERS + TEXTS * (LEVELS + 1)
"""Each number with its indicator; of each text its levels, and one for missing."""
READ = """
import sys, time, pyarrow.csv
started = time.perf_counter()
pyarrow.csv.read_csv(sys.argv[1], read_options=pyarrow.csv.ReadOptions(use_threads=False))
print(time.perf_counter() - started)
"""


def measure() -> list[Row]:
    """Seconds, microseconds and gigabytes."""
    return [*_steps(), *_service()]


def _steps() -> Iterator[Row]:
    try:
        from benchmarks.frameworks.encoded_table import build_all
    except ImportError as error:
        raise Skipped(f"PyTorch is missing: {error}") from None
    with on_cores({0}):
        seconds = seconds_per_step(build_all())
    ours, theirs = seconds["holdout"], seconds["pytorch"]
    yield Row(
        "step on a table", "pytorch", f"{1e6 * ours:,.0f} µs", f"{1e6 * theirs:,.0f} µs", theirs / ours, 3
    )


def _service() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="holdout-table-") as name:
        file = Path(name) / "table.csv"
        write_table(file)
        with serving(Path(name) / "data", workers=WORKERS) as service:
            times = [(_uploaded(service, file), read_by_pyarrow(file)) for _ in range(2)]
            ours, theirs = min(times, key=lambda pair: pair[0] / pair[1])
            yield Row(
                "upload of 1,000,000 rows",
                "pyarrow",
                f"{ours:.1f} s",
                f"{theirs:.1f} s",
                ours / theirs,
                2.5,
                "most",
            )
            used, encoded = _memory(service), ROWS * ENCODED_WIDTH * 4 / MEGABYTE
    what = "memory of eight workers on it"
    yield Row(what, "the encoded table", f"{used:,.0f} MB", f"{encoded:,.0f} MB", used / encoded, 1.3, "most")


def _uploaded(service: Service, file: Path) -> float:
    """The seconds until the table is typed and stored."""
    with file.open("rb") as content:
        started = time.perf_counter()
        service.http.post("/datasets", data={"name": "table"}, files={"file": content}).raise_for_status()
        return time.perf_counter() - started


def read_by_pyarrow(file: Path) -> float:
    """The seconds that pyarrow's reader takes, with one thread, in a process of its own."""
    program = [sys.executable, "-c", READ, str(file)]
    return float(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


def _memory(service: Service) -> float:
    """The megabytes of all worker processes together while each trains on the table, beyond what the API takes."""
    spec = {"dataset": "table", "training": {"epochs": 100, "batch_size": 256}, "seeds": list(range(WORKERS))}
    experiment = service.submit(spec)
    while any(run["epoch"] < 1 for run in service.get(f"/experiments/{experiment}")["runs"]):
        time.sleep(1)
    used = megabytes(service.program.descendants())
    service.cancel(experiment)
    return used
