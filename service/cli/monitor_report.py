"""What the commands of monitors print."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.terminal import terminal

Answer = dict[str, Any]


def show_monitor(monitor: Answer) -> None:
    """Print a monitor in a sentence."""
    _say(terminal(), _sentence(monitor))


def show_monitors(page: Answer) -> None:
    """Print monitors, one per line."""
    console = terminal()
    rows = (
        [str(each["id"]), each["name"], str(each["experiment_id"]), each["status"], f"{each['batches']:,}"]
        for each in page["items"]
    )
    _table(console, ("id", "name", "experiment", "status", "batches"), rows)
    if page["next"]:
        _say(console, "There are more: raise --limit, or name an experiment.")


def show_batch(batch: Answer) -> None:
    """Print what a test of a batch has found."""
    console = terminal()
    against = {"validation": "the validation rows", "before": "the rows before"}
    raised = " and ".join(against[each] for each in batch["alarms"])
    verdict = f"raises an alarm, against {raised}" if raised else "raises no alarm"
    _say(console, f"Batch {batch['number']:,} of {batch['rows']:,} rows {verdict}.")
    level = f"p = {batch['p_value']:.4f}, an alarm at {batch['level']:.2g}"
    _say(console, f"Validation rows: {level}. Rows before: evidence {batch['evidence']:.4g}.")
    if batch["features_moved"]:
        _say(console, f"{batch['features_moved']:,} features moved: {', '.join(batch['moved'])}.")


def show_history(found: Answer) -> None:
    """Print a monitor and its batches, one per line."""
    console = terminal()
    _say(console, _sentence(found["monitor"]))
    console.print()
    columns = ("batch", "name", "rows", "p", "evidence", "accuracy", "alarm", "moved")
    _table(console, columns, map(_row, found["items"]))


def _row(batch: Answer) -> list[str]:
    accuracy = "-" if batch["accuracy"] is None else f"{batch['accuracy']:.3f}"
    figures = [f"{batch['p_value']:.4f}", f"{batch['evidence']:.4g}", accuracy]
    moved = ", ".join(batch["moved"][:3]) or "-"
    facts = [str(batch["number"]), batch["name"] or "-", f"{batch['rows']:,}"]
    return [*facts, *figures, ", ".join(batch["alarms"]) or "-", moved]


def _sentence(monitor: Answer) -> str:
    name = f"Monitor {monitor['id']} ({monitor['name']}) of experiment {monitor['experiment_id']}"
    state = (
        "is quiet" if monitor["status"] == "quiet" else f"raised an alarm at batch {monitor['first_alarm']}"
    )
    after = f"after {monitor['batches']:,} batches" if monitor["batches"] else "and waits for its first batch"
    evidence = f"evidence {monitor['evidence']:.4g} of {monitor['threshold']:.4g}"
    return f"{name} {state}, {after}: {monitor['spent']:.4f} of {monitor['alpha']:g} spent, {evidence}."


def _say(console: Console, sentence: str) -> None:
    console.print(Text(sentence), soft_wrap=True)


def _table(console: Console, headings: Sequence[str], rows: Iterable[list[str]]) -> None:
    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
