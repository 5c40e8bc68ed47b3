"""Results as a JSON file, and as the table in docs/performance.md."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workers import blas
from workers.nn import kernels

Results = dict[str, Any]

HERE = Path(__file__).parent
JSON, PAGE = HERE / "results.json", HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: make bench writes what follows -->", "<!-- end of results -->"

GOALS: dict[str, dict[str, float]] = {
    "plain S": {"pytorch": 8, "jax": 2.4, "scikit-learn": 8},
    "plain M": {"pytorch": 2.5, "jax": 1.2},
    "plain L": {"pytorch": 2.6, "jax": 1.15, "scikit-learn": 3, "products": 1 / 1.28},
    "plain XL": {"pytorch": 1.9, "jax": 1.08, "products": 1 / 1.12},
    "regularised S": {"pytorch": 6},
    "regularised M": {"pytorch": 2},
    "regularised L": {"pytorch": 2},
    "regularised XL": {"pytorch": 1.6},
    "convolution C": {"pytorch": 0.6},
}
"""How many times as fast as each contestant; over the bare products, the share of the step that they are."""


def machine() -> Results:
    """What the figures are worth on: processor, versions, kernels."""
    names = [
        line.partition(": ")[2] for line in blas.read_cpuinfo().splitlines() if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.processor(),
        "python": platform.python_version(),
        "blas": blas.corename(),
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        "gflops": round(blas.gflops(), 1),
        "kernels": kernels.current().NAME,
        "versions": {name: _version(name) for name in ("numpy", "numba", "torch", "jax", "scikit-learn")},
        "load_before": os.getloadavg()[0],
    }


def write(results: Results) -> None:
    """Both files; the page keeps what stands around its markers."""
    JSON.write_text(json.dumps(results, indent=1) + "\n")
    if PAGE.exists():
        before, _, rest = PAGE.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{after}")


def table(results: Results) -> str:
    """Markdown: a row for each work, microseconds a step, and ratios beside their goals."""
    about = results["machine"]
    blas_and_passes = (
        f"OpenBLAS kernel {about['blas']} at {about['gflops']} GFLOP/s, passes by {about['kernels']}"
    )
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    lines = [
        f"{about['processor']}, one core, {blas_and_passes}; Python {about['python']}, {versions}. "
        f"Load before: {about['load_before']:.1f}.",
        "",
        "| work | against | µs a step, ours | theirs | ratio | goal |",
        "|---|---|---|---|---|---|",
    ]
    for key, times in results["seconds"].items():
        for name, seconds in times.items():
            if name != "holdout":
                ratio, goal = seconds / times["holdout"], GOALS.get(key, {}).get(name)
                own, other = 1e6 * times["holdout"], 1e6 * seconds
                shown = f"{goal:.2f}" if goal else ""
                lines.append(f"| {key} | {name} | {own:,.0f} | {other:,.0f} | {ratio:.2f} | {shown} |")
    if results["two_workers"]:
        lines.append(f"| two workers | one | | | {results['two_workers']:.2f} | 1.90 |")
    return "\n".join(lines) + "\n"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
