"""The report on corrupted rows: one line for each corruption, with its severities and their mean."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.figure_text import figure_text

Answer = dict[str, Any]


def show_robustness_report(console: Console, found: Answer) -> None:
    """Print the last metric of the report under each corruption, and what is lost on average."""
    report = found["report"]
    clean = report["clean"]["figures"][-1]
    metric = clean["metric"].replace("_", " ")
    severities = sorted({each["severity"] for each in report["items"]})
    table = Table("corruption", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in (*map(str, severities), "mean", "drop", "worst class"):
        table.add_column(heading, justify="right", no_wrap=True)
    for mean in [*report["means"], report["mean"]]:
        table.add_row(*map(Text, _row(report["items"], mean, len(severities))))
    console.print(table)
    console.print(
        f"{metric} on {report['rows']:,} corrupted rows in severities 1 to 5, mean of {len(report['runs'])} models; "
        f"{figure_text(clean['value'])} as they are. In brackets, 95 % intervals of what is lost.",
        soft_wrap=True,
    )


def _row(items: list[Answer], mean: Answer, severities: int) -> list[str]:
    name, figure = mean["corruption"], mean["figures"][-1]
    cells = [figure_text(each["figures"][-1]["value"]) for each in items if each["corruption"] == name]
    cells += [""] * (severities - len(cells))
    drop = _signed(figure["drop"])
    if figure["low"] is not None:
        drop += f" [{_signed(figure['low'])}, {_signed(figure['high'])}]"
    worst = mean["worst_class"]
    shown = "-" if worst is None else f"{worst} ({mean['worst_class_accuracy']:.2f})"
    return [(name or "all").replace("_", " "), *cells, figure_text(figure["value"]), drop, shown]


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{figure_text(abs(value))}"
