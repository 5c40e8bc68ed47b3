"""Training throughput of two worker processes against one: what a second core adds."""

import json
import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.report import Row
from benchmarks.workload import shapes

ROUNDS, SECONDS = 7, 1.0


def measure() -> list[Row]:
    """Steps of two processes on two cores, divided by those of one on the first core. No row on a single core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return []
    one, two = [], []
    for _ in range(ROUNDS):
        one.append(sum(_run(cores[:1])))
        two.append(sum(_run(cores[:2])))
    ratio = median(both / alone for both, alone in zip(two, one, strict=True))
    return [Row("two workers", "one", f"{median(two):,.0f}/s", f"{median(one):,.0f}/s", ratio, 1.9)]


def _run(cores: list[int]) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.workers"]
    started = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True) for core in cores]
    return [float(json.loads(process.communicate()[0])) for process in started]


def main() -> None:
    """Print the steps per second of shape L on one core."""
    from benchmarks.frameworks.holdout import build_steps

    os.sched_setaffinity(0, {int(sys.argv[1])})
    steps, done = build_steps(shapes(regularised=False)[2]), 0
    steps(10)
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        steps(10)
        done += 10
    print(done / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
