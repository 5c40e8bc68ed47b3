"""Writes the results as a JSON file and as the table in docs/performance.md."""

import json
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from workers import blas
from workers.nn import kernels

Results = dict[str, Any]
Figures = dict[tuple[str, str], float | None]

HERE = Path(__file__).parent
JSON, PAGE = HERE / "results.json", HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: make bench writes what follows -->", "<!-- end of results -->"
PACKAGES = ("numpy", "numba", "torch", "jax", "scikit-learn", "fastapi", "uvicorn", "sqlalchemy")


class Skipped(Exception):
    """Something that a comparison needs is not installed. The text says how to get it."""


@dataclass(frozen=True)
class Row:
    """One row of the table: what was measured, against what, both results as text, and their ratio with its goal.

    bound: whether the goal is the least or the most that the figure may be. figure: None if it could not be measured
    here; the result then says why.
    """

    what: str
    against: str
    ours: str
    theirs: str
    figure: float | None
    goal: float | None = None
    bound: Literal["least", "most"] = "least"

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached, or there is none."""
        if self.goal is None or self.figure is None:
            return True
        return self.figure >= self.goal if self.bound == "least" else self.figure <= self.goal


def machine() -> Results:
    """The machine on which the figures were measured: processor, versions, kernels."""
    names = [
        line.partition(": ")[2] for line in blas.read_cpuinfo().splitlines() if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "blas": blas.corename(),
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        "gflops": round(blas.gflops(), 1),
        "kernels": kernels.current().NAME,
        "versions": {name: _version(name) for name in PACKAGES},
        "load_before": os.getloadavg()[0],
    }


def figures_before() -> Figures:
    """The figures of the table that is written, by work and what it was compared with."""
    rows = json.loads(JSON.read_text())["comparisons"] if JSON.exists() else []
    return {(row["what"], row["against"]): row["figure"] for row in rows}


def write(about: Results, rows: Iterable[Row]) -> None:
    """Write both files. The page keeps the text around its markers, and shows the figures of the table before."""
    earlier = figures_before()
    results = {"machine": about, "comparisons": [asdict(row) for row in rows]}
    JSON.write_text(json.dumps(results, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{sentence(about)}\n\n{table(rows, earlier)}\n{END}{after}")


def sentence(about: Results) -> str:
    """A sentence that names the machine and the versions."""
    computing = f"OpenBLAS kernel {about['blas']} at {about['gflops']} GFLOP/s, {about['kernels']} kernels"
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items() if number)
    return (
        f"{about['processor']}, {about['cores']} cores, {computing}; Python {about['python']}, {versions}. "
        f"Load before: {about['load_before']:.1f}."
    )


def table(rows: Iterable[Row], earlier: Figures) -> str:
    """The table in Markdown, with the figures of an earlier one; it marks each missed goal."""
    return "\n".join(_lines(rows, earlier)) + "\n"


def _lines(rows: Iterable[Row], earlier: Figures) -> Iterator[str]:
    yield "| work | against | ours | theirs | figure | before | goal | |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        goal = f"{'>=' if row.bound == 'least' else '<='} {row.goal:.4g}" if row.goal is not None else ""
        verdict = "" if row.is_met else "missed"
        verdict = "not measured" if row.figure is None else verdict
        before = shown(earlier.get((row.what, row.against)))
        cells = (row.what, row.against, row.ours, row.theirs, shown(row.figure), before, goal, verdict)
        yield "| " + " | ".join(cells) + " |"


def shown(figure: float | None) -> str:
    """A figure as text."""
    return "" if figure is None else f"{figure:.4g}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
