"""The report of experiments that have ended: tables and sentences for a terminal.

Experiments measured on the same rows share a table, next to the baselines of these rows.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.figure_text import figure_text, significant_text
from workers.range_text import range_text

Experiment = dict[str, Any]

MEANS = ("accuracy", "balanced_accuracy")
UNDER_IMBALANCE = ("macro_f1", "auroc", "average_precision")
"""Means that are shown in any case, and those that are where the classes are imbalanced."""
IMBALANCED = 1.5
"""The ratio of the largest to the smallest class from which they are."""
HEADINGS = {
    "accuracy": "Accuracy of each class (its recall)",
    "mae": "Mean absolute error in each range of the targets",
}
LABELS = {
    "macro_f1": "macro F1",
    "mcc": "MCC",
    "auroc": "AUROC",
    "nll": "NLL",
    "rmse": "RMSE",
    "mse": "MSE",
    "mae": "MAE",
    "r2": "R²",
}
BASELINE_FIGURES = ("name", "accuracy", "balanced_accuracy", "predicted_class")
BASELINE_WIDTH, MORE_BASELINE_WIDTH, COLUMN_WIDTH = 36, 17, 20
"""Characters of a table's row: classes and two baselines together, each further baseline, and each experiment."""
LONGEST_IN_HEADING = 16
"""Characters of the name of a class above the column of the majority baseline."""


def show_report(console: Console, experiments: Sequence[Experiment], url: str | None) -> None:
    """Print the tables, failures, findings and warnings, and links to the experiments' pages if there is a `url`."""
    finished = sorted((each for each in experiments if each["summary"]), key=_comparison_key)
    for _, comparable in groupby(finished, key=_comparison_key):
        _tables(console, list(comparable))
    _notes(console, "Failures", ((each, failure) for each in experiments for failure in _failures(each)))
    _notes(console, "Findings", ((each, note) for each in finished for note in each["summary"]["findings"]))
    _notes(console, "Warnings", ((each, note) for each in experiments for note in each["warnings"]))
    if url is not None:
        console.print(Text("Links", "bold"))
        links = [f"{url}/ui/experiments/{each['id']}" for each in experiments]
        for link in [*links, f"{url}/docs"]:
            console.print(Text(f"  {link}"), soft_wrap=True)


def title(experiment: Experiment) -> str:
    """The name of an experiment, or its id if it has no name."""
    return str(experiment["name"] or f"experiment {experiment['id']}")


def _comparison_key(experiment: Experiment) -> str:
    """A key that is equal for experiments with the same classes, rows and baselines: only these are comparable."""
    summary = experiment["summary"]
    classes = [(each["class"], each["support"]) for each in summary["classes"]]
    baselines = [[each[name] for name in BASELINE_FIGURES] for each in summary["baselines"]]
    return json.dumps([experiment["plan"]["dataset"]["sha256"], classes, baselines])


def _tables(console: Console, comparable: list[Experiment]) -> None:
    """Print one table, or several if the experiments are too many for the width."""
    console.print(_heading(comparable), end="\n\n")
    width = BASELINE_WIDTH + MORE_BASELINE_WIDTH * max(0, len(comparable[0]["summary"]["baselines"]) - 2)
    width_of_one = max(COLUMN_WIDTH, *(_width(each) + 2 for each in comparable))
    side_by_side = max(1, (console.width - width) // width_of_one)
    for start in range(0, len(comparable), side_by_side):
        console.print(_table(comparable[start : start + side_by_side]))
        console.print()
    console.print(_caption(comparable), end="\n\n")


def _table(experiments: list[Experiment]) -> Table:
    summaries = [each["summary"] for each in experiments]
    classes, baselines = summaries[0]["classes"], summaries[0]["baselines"]
    figure = _class_figure(experiments[0])
    first = "targets" if figure == "mae" else "class"
    table = Table(first, box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("rows", *map(_baseline_heading, baselines)):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for experiment in experiments:
        table.add_column(
            Text(title(experiment)),
            justify="right",
            style="bold",
            no_wrap=True,
            max_width=max(COLUMN_WIDTH - 2, _width(experiment)),
        )
    for index, each in enumerate(classes):
        of_baselines = [_baseline_figure(baseline, index, figure) for baseline in baselines]
        measured = [_with_interval(summary["classes"][index], figure) for summary in summaries]
        name = range_text(each["class"]) if figure == "mae" else each["class"]
        _row(table, name, str(each["support"]), *of_baselines, *measured)
    table.add_section()
    rows = str(sum(each["support"] for each in classes))
    for metric in _means_shown(summaries):
        of_baselines = [_value(_baseline_metric(baseline, metric)) for baseline in baselines]
        _row(
            table, _in_words(metric), rows, *of_baselines, *[_mean(summary, metric) for summary in summaries]
        )
    return table


def _width(experiment: Experiment) -> int:
    """Characters of the longest figure with its interval: that of a house price is longer than an accuracy's."""
    summary, figure = experiment["summary"], _class_figure(experiment)
    of_classes = [_with_interval(each, figure) for each in summary["classes"]]
    return max(
        map(len, [*of_classes, *(_mean(summary, metric) for metric in _means_shown([summary]))]), default=0
    )


def _means_shown(summaries: list[dict[str, Any]]) -> list[str]:
    """The metrics that have a row: those of MEANS, those that selected epochs, and those that imbalance asks for."""
    support = [each["support"] for each in summaries[0]["classes"] if each["support"]]
    imbalanced = max(support, default=0) >= IMBALANCED * min(support, default=1)
    selected = [summary["selection"]["metric"] for summary in summaries]
    wanted = dict.fromkeys([*MEANS, *selected, *(UNDER_IMBALANCE if imbalanced else ())])
    return [metric for metric in wanted if any(summary["metrics"].get(metric) for summary in summaries)]


def _row(table: Table, *cells: str) -> None:
    """Add a row as plain text: a class name may contain square brackets, which rich would read as markup."""
    table.add_row(*map(Text, cells))


def _heading(experiments: list[Experiment]) -> Text:
    facts = experiments[0]["plan"]["dataset"]
    part = "evaluation parts" if _folds(experiments[0]) else "validation part"
    return Text(f"{HEADINGS[_class_figure(experiments[0])]} on the {part} of {facts['name']}", "bold")


def _class_figure(experiment: Experiment) -> str:
    """The figure of each class: the error of each bin of the targets in a regression, else the recall."""
    return "mae" if experiment["plan"].get("task") == "regression" else "accuracy"


def _folds(experiment: Experiment) -> int:
    """How many folds over all repeats a cross-validation has; 0 for any other split."""
    return len(experiment["plan"].get("folds") or ())


def _caption(experiments: list[Experiment]) -> Text:
    seeds = sorted({len({run["seed"] for run in each["summary"]["seeds"]}) for each in experiments})
    selected = sorted({_in_words(each["summary"]["selection"]["metric"]) for each in experiments})
    count = "1 seed" if seeds == [1] else f"{' or '.join(map(str, seeds))} seeds"
    if _folds(experiments[0]):
        folds = sorted({_measured(each["summary"]) for each in experiments})
        count = f"{' or '.join(map(str, folds))} folds with {count} in each"
    run = "each run" if _folds(experiments[0]) else "each"
    mean = f"Mean of {count}, {run} at its epoch of best validation {' or '.join(selected)}."
    return Text("\n".join([mean, *_interval_notes(experiments)]), "dim")


def _in_words(metric: str) -> str:
    return LABELS.get(metric, metric.replace("_", " "))


def _interval_notes(experiments: list[Experiment]) -> list[str]:
    """What the intervals in brackets are of, and why others are missing; each sentence once."""
    notes: dict[str, None] = {}
    for experiment in experiments:
        meaning = next(each for each in experiment["summary"]["intervals"] if "metrics" in each["figures"])
        missing = meaning["missing"]
        if missing:
            notes[f"No intervals for {title(experiment)}: {missing['sentence']}"] = None
        else:
            notes[f"In brackets, {100 * meaning['level']:g} % intervals. {meaning['sentence']}"] = None
    return list(notes)


def _baseline_heading(baseline: dict[str, Any]) -> str:
    predicted = baseline["predicted_class"]
    if predicted is not None and len(predicted) > LONGEST_IN_HEADING:
        predicted = f"{predicted[: LONGEST_IN_HEADING - 1].rstrip()}…"
    return f"always '{predicted}'" if predicted is not None else str(baseline["name"]).replace("_", ", ")


def _baseline_metric(baseline: dict[str, Any], metric: str) -> float | None:
    """A metric of a baseline. One that an earlier version stored has two of them, as fields of its own."""
    value: float | None = {**(baseline.get("metrics") or {}), **baseline}.get(metric)
    return value


def _baseline_figure(baseline: dict[str, Any], index: int, figure: str) -> str:
    """The figure of a class under a baseline; empty if an earlier version fitted it."""
    if not baseline["classes"]:
        return ""
    value = baseline["classes"][index][figure]
    return "no rows" if value is None else _number(value)


def _measured(summary: dict[str, Any]) -> int:
    """How many folds have figures: accuracy is null in a regression, and other metrics may be in some folds."""
    return max(int(estimate["n"]) for estimate in summary["metrics"].values() if estimate)


def _mean(summary: dict[str, Any], metric: str) -> str:
    estimate = summary["metrics"].get(metric)
    return _interval(estimate["mean"], estimate["low"], estimate["high"]) if estimate else ""


def _value(value: float | None) -> str:
    return "" if value is None else _number(value)


def _with_interval(figures: dict[str, Any], metric: str) -> str:
    return _interval(figures[metric], figures[f"{metric}_low"], figures[f"{metric}_high"])


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "no rows"
    if low is None or high is None:
        return _number(value)
    return f"{_number(value)} [{_number(low, 2)}, {_number(high, 2)}]"


def _number(value: float, decimals: int = 3) -> str:
    """A number with so many decimals, or from 10 on with one digit more in all, so that it fits its column."""
    return figure_text(value, decimals) if abs(value) < 10 else significant_text(value, decimals + 1)


def _failures(experiment: Experiment) -> list[dict[str, str]]:
    failed = [run for run in experiment["runs"] if run["status"] == "failed"]
    folds = _folds(experiment)
    return [
        {"sentence": f"{_run(run, folds)} {run['cause']}: {run['message']}", "remedy": ""} for run in failed
    ]


def _run(run: dict[str, Any], folds: int) -> str:
    of_fold = f" of fold {run['fold']}, repeat {run['repeat']}," if folds else ""
    return f"Seed {run['seed']}{of_fold}"


def _notes(console: Console, heading: str, notes: Iterable[tuple[Experiment, dict[str, str]]]) -> None:
    """Print each sentence once, with the experiments that it concerns."""
    about: dict[str, list[str]] = {}
    for experiment, note in notes:
        sentence = f"{note['sentence']} {note['remedy']}".strip()
        about.setdefault(sentence, []).append(title(experiment))
    if about:
        console.print(Text(heading, "bold"))
        for sentence, titles in about.items():
            paragraph = Text.assemble((f"{', '.join(titles)}: ", "bold"), sentence)
            for line in paragraph.wrap(console, console.width - 2):
                line.rstrip()
                console.print(Text("  ") + line)
        console.print()
