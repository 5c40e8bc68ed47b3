"""The report on a batch of new rows: whether they have shifted, which features moved, and what the model is worth."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Answer = dict[str, Any]
SHOWN_FEATURES = 10


def show_shift_report(console: Console, shift: Answer) -> None:
    """Print the verdict, the tests, the features that moved, and the classes."""
    verdict = "has shifted" if shift["shifted"] else "shows no shift"
    known = f"{shift['validation_rows']:,} validation rows"
    console.print(
        f"The batch of {shift['rows']:,} rows {verdict} against {known} (p = {shift['p_value']:.4f}).",
        soft_wrap=True,
    )
    console.print()
    _table(console, ("test", "statistic", "p", "finds a share of"), map(_test, shift["tests"]))
    console.print()
    moved = [each for each in shift["features"] if each["alarm"]]
    if moved:
        rows = map(_feature, moved[:SHOWN_FEATURES])
        _table(console, ("feature", "move", "p", "before", "after", "beyond", "unseen", "missing"), rows)
    console.print(f"{shift['features_moved']:,} features moved.")
    _show_classes(console, shift)
    _show_accuracy(console, shift)


def _test(test: Answer) -> list[str]:
    smallest = "-" if test["smallest_share"] is None else f"{test['smallest_share']:.2f}"
    p_value = f"{test['p_value']:.4f}{' *' if test['alarm'] else ''}"
    return [test["name"], f"{test['statistic']:.3f}", p_value, smallest]


def _feature(each: Answer) -> list[str]:
    means = [_number(each[name], ".4g") for name in ("mean_before", "mean_after")]
    counts = [f"{each['out_of_range']:,}", f"{each['unseen']:,}", f"{each['missing_after']:.0%}"]
    return [each["name"], f"{each['move']:.2f}", f"{each['p_value']:.4f}", *means, *counts]


def _show_classes(console: Console, shift: Answer) -> None:
    prior = shift["prior"]
    if prior is None:
        return
    console.print()
    rows = (
        [each["class"], *(_number(each[name], ".3f") for name in ("validation", "black_box", "em"))]
        for each in prior["classes"]
    )
    _table(console, ("class", "validation", "BBSE", "EM"), rows)
    if prior["expected"]:
        accuracy = prior["expected"]["accuracy"]
        console.print(f"If only these shares changed, the accuracy is {accuracy:.3f}.", soft_wrap=True)


def _show_accuracy(console: Console, shift: Answer) -> None:
    measured, errors = shift["measured"], shift["errors"]
    change, what = (errors, "mean absolute error") if measured is None else (measured["accuracy"], "accuracy")
    if change is None:
        return
    console.print()
    text = f"Measured {what}: {_number(change['batch'], '.3f')}, {_number(change['validation'], '.3f')} in validation"
    if change["low"] is not None:
        text += f" (difference {change['difference']:+.3f} [{change['low']:+.3f}, {change['high']:+.3f}])"
    console.print(Text(f"{text}."), soft_wrap=True)


def _table(console: Console, headings: tuple[str, ...], rows: Any) -> None:
    table = Table(headings[0], box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
