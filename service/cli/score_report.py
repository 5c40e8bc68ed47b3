"""What an experiment's models are worth, as tables: curves, calibration, operating points, importance."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Answer = dict[str, Any]
SHOWN_PAIRS = 10


def show_curves(console: Console, curves: Answer) -> None:
    """Print the areas under the curves of each run."""
    headings = ("epoch", "rows", "AUROC", "average precision")
    rows = [
        [
            *_run(each),
            str(each["epoch"]),
            f"{each['rows']:,}",
            _with_interval(each["auroc"], each["auroc_low"], each["auroc_high"]),
            _number(each["average_precision"]),
        ]
        for each in curves["runs"]
    ]
    _table(console, headings, rows)
    share = curves["runs"][0]["positive_share"] if curves["runs"] else 0.0
    console.print(
        f"Positive is '{curves['positive']}', with a share of {share:.3f}: the average precision of guessing. In "
        f"brackets, 95 % intervals of this model on new rows. --csv prints the {len(curves['items']):,} points of "
        "both curves.",
        soft_wrap=True,
    )


def show_reliability(console: Console, reliability: Answer) -> None:
    """Print the calibration error of each run, then the bins of all runs together."""
    rows = [[*_run(each), str(each["epoch"]), f"{each['ece']:.4f}"] for each in reliability["runs"]]
    _table(console, ("epoch", "ECE"), rows)
    console.print()
    bins: dict[tuple[float, float], list[Answer]] = {}
    for each in reliability["items"]:
        bins.setdefault((each["low"], each["high"]), []).append(each)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("probability", "rows", "mean probability", "accuracy"):
        table.add_column(heading, justify="right", no_wrap=True)
    for (low, high), items in bins.items():
        figures = (_number(_mean(items, name)) for name in ("confidence", "accuracy"))
        table.add_row(f"{low:.3f} to {high:.3f}", f"{sum(each['rows'] for each in items):,}", *figures)
    console.print(table)
    console.print("Rows by the probability of their predicted class, over all runs.")


def show_operating_points(console: Console, points: Answer) -> None:
    """Print the threshold of each run, and what it gives."""
    headings = ("threshold", "objective", "value", "TP", "FP", "FN", "TN")
    counts = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    rows = [
        [
            *_run(each),
            f"{each['threshold']:.4f}",
            each["objective"],
            _number(each["value"]),
            *(f"{each[name]:,}" for name in counts),
        ]
        for each in points["items"]
    ]
    _table(console, headings, rows)
    for positive in dict.fromkeys(each["positive"] for each in points["items"]):
        console.print(f"A row is called '{positive}' if its probability is at least the threshold.")
    if any(each["optimistic"] for each in points["items"]):
        console.print("These rows chose the thresholds, so the figures are too good.")


def show_importance(console: Console, importance: Answer) -> None:
    """Print the importance of each column, the largest first, and which columns share."""
    table = Table("column", "kind", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("importance", "sd of runs", "sd of repeats"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in importance["items"]:
        value = _with_interval(each["importance"], each["low"], each["high"])
        spread = (_number(each["run_sd"]), _number(each["repeat_sd"]))
        table.add_row(Text(each["column"]), each["kind"], Text(value), *spread)
    console.print(table)
    for pair in importance["correlated"][:SHOWN_PAIRS]:
        both = f"'{pair['first']}' and '{pair['second']}' share: correlation {pair['correlation']:.2f}"
        console.print(Text(both), soft_wrap=True)
    runs, metric = importance["runs"], importance["metric"].replace("_", " ")
    console.print(Text(importance["sentence"]), soft_wrap=True)
    console.print(
        f"How much worse {metric} on the {importance['split']} part becomes when the column is permuted: the mean of "
        f"{len(runs):,} of {importance['available_runs']:,} models x {importance['repeats']} permutations, on "
        f"{runs[0]['rows']:,} of {importance['available_rows']:,} rows. In brackets, 95 % intervals.",
        soft_wrap=True,
    )


def _table(console: Console, headings: tuple[str, ...], rows: list[list[str]]) -> None:
    table = Table("seed", "repeat", "fold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _run(item: Answer) -> list[str]:
    return [str(item[name]) for name in ("seed", "repeat", "fold")]


def _mean(items: list[Answer], name: str) -> float | None:
    """The mean over the rows of all runs; None without rows."""
    known = [(each["rows"], each[name]) for each in items if each[name] is not None]
    total = sum(rows for rows, _ in known)
    return sum(rows * value for rows, value in known) / total if total else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    return _number(value) if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
