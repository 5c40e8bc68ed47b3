"""The leaderboard of a sweep as a table, and what it says in words."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.terminal import print_paragraph
from service.figure_text import figure_text

Leaderboard = dict[str, Any]


def show_leaderboard(console: Console, leaderboard: Leaderboard, limit: int) -> None:
    """Print the best candidates, one per line, those of the top group with a star; then the sentences."""
    items = leaderboard["items"]
    if not items:
        console.print(f"No candidate of sweep {leaderboard['sweep_id']} has succeeded yet.")
        return
    metric = leaderboard["metric"].replace("_", " ")
    table = Table("", "experiment", "candidate", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in (metric, "95 % interval", "seconds", "parameters"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for each in items[:limit]:
        table.add_row(*map(Text, _cells(each)))
    console.print(table)
    if len(items) > limit:
        console.print(f"and {len(items) - limit:,} more")
    console.print()
    for sentence in _sentences(leaderboard, metric):
        print_paragraph(console, sentence)


def _cells(item: dict[str, Any]) -> list[str]:
    interval = "-" if item["low"] is None else f"[{figure_text(item['low'])}, {figure_text(item['high'])}]"
    figures = [figure_text(item["value"]), interval, f"{item['seconds']:.1f}", f"{item['parameters']:,}"]
    return ["*" if item["top"] else "", str(item["experiment_id"]), _label(item["values"]), *figures]


def _label(values: dict[str, Any]) -> str:
    """What is special about a candidate: the last step of each path, and its value."""
    return ", ".join(f"{path.rpartition('.')[2]} {_text(value)}" for path, value in values.items()) or "-"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("name")) if set(value) == {"name"} else json.dumps(value)
    return (
        f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
    )


def _sentences(leaderboard: Leaderboard, metric: str) -> list[str]:
    sentences = ["* cannot be told from the best."] if leaderboard["top"] else []
    if leaderboard["recommended"]:
        sentences.append(leaderboard["recommended"]["sentence"])
    best = leaderboard["best"]
    if best["corrected"] is not None:
        measured, corrected, low, high = (
            figure_text(best[name]) for name in ("measured", "corrected", "low", "high")
        )
        sentences.append(
            f"The best {metric} is {measured} as measured, and {corrected} "
            f"[{low}, {high}] corrected for having been chosen among {best['among']:,}."
        )
    return sentences + [f"{remark['sentence']} {remark['remedy']}" for remark in leaderboard["remarks"]]
