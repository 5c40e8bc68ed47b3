"""Lists of experiments, and of what a spec can name."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.figure_text import significant_text


def show_experiments(console: Console, page: dict[str, Any]) -> None:
    """Print experiments, one per line, with the metrics of the list."""
    metrics = list(page["items"][0]["metrics"]) if page["items"] else []
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("id", justify="right")
    for heading in ("name", "status", "data set", "loss"):
        table.add_column(heading)
    for heading in ("epochs", *(name.replace("_", " ") for name in metrics)):
        table.add_column(heading, justify="right")
    for each in page["items"]:
        facts = [each["name"] or "-", each["status"], each["dataset"], each["loss"]]
        figures = [
            "-" if each["metrics"][name] is None else significant_text(each["metrics"][name])
            for name in metrics
        ]
        cells = [str(each["id"]), *facts, f"{each['epoch']}/{each['epochs']}", *figures]
        table.add_row(*map(Text, cells))
    console.print(table)
    if page["next"]:
        console.print("There are more: raise --limit, or narrow the list.")


def show_catalog(console: Console, catalog: dict[str, Any]) -> None:
    """Print the names of each kind, one per line, with a sentence."""
    for kind, items in catalog.items():
        console.print(Text(kind.replace("_", " ").capitalize(), "bold"))
        for each in items:
            console.print(Text(f"  {each['name']:<28}{each.get('summary') or ''}"), soft_wrap=True)
