"""Two worker processes against one: what a second core adds."""

import json
import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.work import shapes

ROUNDS, SECONDS = 7, 1.0


def scaling() -> float | None:
    """Steps of two processes on two cores, over those of one on the first; None on a single core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    ratios = []
    for _ in range(ROUNDS):
        alone = sum(_run(cores[:1]))
        ratios.append(sum(_run(cores[:2])) / alone)
    return median(ratios)


def _run(cores: list[int]) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.workers"]
    started = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True) for core in cores]
    return [float(json.loads(process.communicate()[0])) for process in started]


def main() -> None:
    """Steps a second of shape L on one core, printed."""
    from benchmarks.contestants.holdout import contestant

    os.sched_setaffinity(0, {int(sys.argv[1])})
    steps, done = contestant(shapes(regularised=False)[2]), 0
    steps(10)
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        steps(10)
        done += 10
    print(done / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
