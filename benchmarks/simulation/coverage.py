"""How often the intervals of many draws cover the truth, as a table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Covered:
    """Whether the interval of a figure covers the truth in one draw, and how wide it is."""

    design: str
    figure: str
    covered: bool
    width: float


def table(found: Iterable[Covered], designs: Sequence[str], figures: Sequence[str]) -> str:
    """A Markdown table: a row for each design, a column for each figure, coverage in percent and the mean width.

    Left out are designs and figures without an interval.
    """
    cells: dict[tuple[str, str], list[Covered]] = defaultdict(list)
    for each in found:
        cells[each.design, each.figure].append(each)
    figures = [figure for figure in figures if any(cells[design, figure] for design in designs)]
    designs = [design for design in designs if any(cells[design, figure] for figure in figures)]
    rows = [["design", *figures], ["---"] * (len(figures) + 1)]
    rows += [[design, *(_cell(cells[design, figure]) for figure in figures)] for design in designs]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(draws: list[Covered]) -> str:
    if not draws:
        return "-"
    coverage, width = fmean(each.covered for each in draws), fmean(each.width for each in draws)
    return f"{100 * coverage:.1f} ({width:.3f})"
