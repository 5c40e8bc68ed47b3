"""Turn the leaderboard of a sweep, and the effects of its fields, into the figures of charts."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.charts.forest import ForestFigure, ForestRow, Mark
from service.charts.parallel import Group, ParallelFigure, ParallelLine
from service.experiments.swept_axes import field_axis, value_axis
from service.figure_text import figure_text
from service.schemas.leaderboards import Leaderboard, RankedCandidate, SweepImportance
from workers.sweeps.candidate import label
from workers.sweeps.paths import steps
from workers.sweeps.ranges import value_text

MOST_ROWS = 40
"""Candidates on the chart of a leaderboard, and levels on the chart of fields."""
MOST_AXES = 11
INDENTED = "\N{EM SPACE}"
MARKS: Mapping[Group, Mark] = {"recommended": "diamond", "top": "square", "others": "circle"}
MEANINGS: Mapping[Group, str] = {
    "recommended": "recommended: the simplest of the top group",
    "top": "top group: cannot be told from the best",
    "others": "worse than the best, or not compared",
}


def leaderboard_figure(name: str, board: Leaderboard) -> ForestFigure:
    """The value of each candidate with its interval; the marks say which are as good as the best."""
    shown = _shown(board.items)
    present = {_group(each) for each in shown}
    paths = {tuple(each.values) for each in shown}
    same = list(next(iter(paths))) if len(paths) == 1 else []
    fields = f"; candidates by {', '.join(_titles(same))}" if same else ""
    return ForestFigure(
        title="Leaderboard",
        subtitle=f"{name}: {_metric(board)} on the {board.split} part, {_which(shown, board)}; "
        f"{board.level:.0%} intervals{fields}",
        axis=_metric(board),
        rows=[_row(each, named=not same) for each in shown],
        of_differences=False,
        key=[(mark, MEANINGS[group]) for group, mark in MARKS.items() if group in present],
    )


def parallel_figure(name: str, board: Leaderboard) -> ParallelFigure:
    """A line for each candidate through its values of the swept fields, and its value of the metric."""
    paths = list(dict.fromkeys(path for each in board.items for path in each.values))
    shown = paths[:MOST_AXES]
    left_out = f"; the first {len(shown)} of {len(paths)} fields" if len(paths) > len(shown) else ""
    axes = [
        field_axis(title, [each.values.get(path) for each in board.items])
        for path, title in zip(shown, _titles(shown), strict=True)
    ]
    better = value_axis(
        _metric(board), [each.value for each in board.items], larger_is_better=board.direction == "max"
    )
    places = zip(*(each.places for each in [*axes, better]), strict=True)
    lines = [
        ParallelLine(f"{_metric(board)} {figure_text(each.value)}: {label(each.values)}", place, _group(each))
        for each, place in zip(board.items, places, strict=True)
    ]
    return ParallelFigure(
        title="Candidates and their values",
        subtitle=f"{name}: {len(lines):,} candidates, {_metric(board)} on the {board.split} part{left_out}",
        summary=_best_in_words(board),
        axes=[each.axis for each in [*axes, better]] if lines else [],
        lines=lines,
    )


def effects_figure(name: str, found: SweepImportance) -> ForestFigure:
    """The mean value at each level of each field, and the share of the variation that the field explains."""
    rows: list[ForestRow] = []
    for field, title in zip(found.fields, _titles([each.path for each in found.fields]), strict=True):
        share = "" if field.share is None else f"explains {max(0.0, field.share):.0%}"
        rows.append(ForestRow(title, None, None, None, share or "too few candidates to tell"))
        rows += [
            ForestRow(f"{INDENTED}{each.level}", each.mean, each.low, each.high, "") for each in field.levels
        ]
    metric = found.metric.replace("_", " ")
    return ForestFigure(
        title="Which field mattered",
        subtitle=f"{name}: mean {metric} at each level, as if the other fields were the same, with 95 % intervals; "
        "share of the variation between candidates",
        axis=f"mean {metric}",
        rows=rows[:MOST_ROWS],
        of_differences=False,
    )


def _shown(items: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """The best candidates, and the recommended one."""
    return [*items[:MOST_ROWS], *(each for each in items[MOST_ROWS:] if each.recommended)]


def _which(shown: Sequence[Any], board: Leaderboard) -> str:
    best = (
        f"the first {len(shown)} of {board.ranked:,}" if len(shown) < board.ranked else f"all {board.ranked}"
    )
    top = f", {board.top:,} in the top group" if board.top else ""
    return f"{best} candidates{top}"


def _row(each: RankedCandidate, *, named: bool) -> ForestRow:
    name = f"{each.rank}. {_in_short(each.values, named=named)}"
    return ForestRow(name, each.value, each.low, each.high, "", MARKS[_group(each)])


def _in_short(values: Mapping[str, Any], *, named: bool) -> str:
    """The values of a candidate; named: numbers have the names of their fields."""
    return ", ".join(_word(path, value, named=named) for path, value in values.items()) or "the base spec"


def _word(path: str, value: Any, *, named: bool) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value_text(value).replace("_", " ")
    return f"{steps(path)[-1]} {value:.3g}".replace("_", " ") if named else f"{value:.3g}"


def _group(each: RankedCandidate) -> Group:
    return "recommended" if each.recommended else "top" if each.top else "others"


def _metric(board: Leaderboard) -> str:
    return board.metric.replace("_", " ")


def _titles(paths: Sequence[str]) -> list[str]:
    """The last steps of the paths in words; whole paths where these are the same."""
    last = [str(steps(path)[-1]) for path in paths]
    return [
        name.replace("_", " ") if last.count(name) == 1 and not name.isdecimal() else path
        for name, path in zip(last, paths, strict=True)
    ]


def _best_in_words(board: Leaderboard) -> str:
    if not board.items:
        return "No candidate has succeeded yet."
    best = board.items[0]
    said = f"The best has {figure_text(best.value)}: {label(best.values)}."
    if (chosen := next((each for each in board.items if each.recommended), None)) and chosen is not best:
        said += f" Recommended is one with {figure_text(chosen.value)}: {label(chosen.values)}."
    return said
