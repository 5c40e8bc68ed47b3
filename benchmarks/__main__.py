"""Every comparison of training in one run: make bench."""

import os
from dataclasses import replace
from importlib import import_module

from benchmarks import report
from benchmarks.contestants import Steps
from benchmarks.measure import require_same_work, seconds_per_step
from benchmarks.work import CONVOLUTION, Work, shapes
from benchmarks.workers import scaling

MODULES = {
    "holdout": "holdout",
    "pytorch": "pytorch",
    "jax": "jax_jit",
    "scikit-learn": "sklearn_mlp",
    "products": "products",
}


def main() -> None:
    print("Two workers against one ...")
    two_workers = scaling()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    results: report.Results = {"machine": report.machine(), "two_workers": two_workers, "seconds": {}}
    for work in shapes(regularised=False):
        results["seconds"][f"plain {work.name}"] = compared(work, list(MODULES))
    for work in shapes(regularised=True):
        results["seconds"][f"regularised {work.name}"] = compared(work, ["holdout", "pytorch"])
    results["seconds"][f"convolution {CONVOLUTION.name}"] = compared(CONVOLUTION, ["holdout", "pytorch"])
    report.write(results)
    print(f"\n{report.table(results)}\nWritten to {report.JSON} and {report.PAGE}")


def compared(work: Work, names: list[str]) -> dict[str, float]:
    """Seconds a step of each contestant that is installed, once they are known to do the same work."""
    print(work)
    # Masks of dropout are everybody's own, and so are the kernels that a convolution starts with.
    if not work.filters:
        require_same_work(work, contestants(replace(work, dropout=0.0), names))
    measured = seconds_per_step(contestants(work, names))
    print("   " + ", ".join(f"{name} {1e6 * seconds:,.0f} µs" for name, seconds in measured.items()))
    return measured


def contestants(work: Work, names: list[str]) -> dict[str, Steps]:
    """Those that are installed."""
    found: dict[str, Steps] = {}
    for name in names:
        try:
            module = import_module(f"benchmarks.contestants.{MODULES[name]}")
        except ImportError as error:
            print(f"   {name} is left out: {error}")
            continue
        found[name] = module.contestant(work)
    return found


if __name__ == "__main__":
    main()
