"""The report of a comparison: a table of pairs, and what each shows in words."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.terminal import print_paragraph

Comparisons = dict[str, Any]


def show_comparisons(console: Console, comparisons: Comparisons) -> None:
    """Print the table, the sentence of each pair, and each piece of advice once, with the pairs that it is for."""
    metric = comparisons["metric"].replace("_", " ")
    table = Table("a", "b", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in (f"{metric} of a", "of b", "a minus b", "better"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for each in comparisons["items"]:
        table.add_row(*map(Text, _cells(each)))
    console.print(table)
    console.print()
    advice: dict[str, list[str]] = {}
    for each in comparisons["items"]:
        print_paragraph(console, each["finding"]["sentence"])
        advice.setdefault(each["finding"]["remedy"], []).append(f"{each['a']} and {each['b']}")
    console.print()
    for remedy, pairs in advice.items():
        print_paragraph(console, f"{', '.join(pairs)}: {remedy}" if len(advice) > 1 else remedy)
    for remark in comparisons["remarks"]:
        print_paragraph(console, f"{remark['sentence']} {remark['remedy']}")


def _cells(item: dict[str, Any]) -> list[str]:
    better = "-" if item["better"] is None else str(item["better"])
    means = [_number(item[name], ".3f") for name in ("mean_a", "mean_b")]
    difference = _number(item["difference"], "+.3f")
    if item["low"] is not None:
        difference += f" [{item['low']:+.3f}, {item['high']:+.3f}]"
    return [str(item["a"]), str(item["b"]), *means, difference, better]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
