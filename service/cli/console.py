"""What the command line prints. If the output is not a terminal, it is plain lines without control codes."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.comparison_report import Comparisons, show_comparisons
from service.cli.inspection_report import print_doubts, print_inspection
from service.cli.progress import watch
from service.cli.report import Experiment, show_report
from service.cli.robustness_report import show_robustness_report
from service.cli.score_report import show_curves, show_importance, show_operating_points, show_reliability
from service.cli.shift_report import show_shift_report
from service.cli.terminal import terminal
from service.figure_text import significant_text
from service.operations.doctor import CheckResult
from workers.range_text import range_text

INTERRUPTED = 130
"""The exit status of a command that was ended with Ctrl-C."""

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "bad": ("bad ", "red")}


class ExperimentClient(Protocol):
    """Reads experiments; `service.client.api.Api` does."""

    url: str

    def experiment(self, experiment_id: int) -> Experiment: ...


def follow(
    client: ExperimentClient,
    experiment_ids: Sequence[int],
    *,
    links: bool = True,
    service_continues: bool = True,
) -> int:
    """Show the progress until all experiments have ended, then the report.

    links: end the report with the URLs of the experiments.
    service_continues: whether the service keeps running when the command is interrupted.
    Returns the exit status: 0 if all succeeded, 130 after Ctrl-C, else 1.
    """
    console = terminal()
    try:
        experiments = watch(console, client.experiment, experiment_ids)
    except KeyboardInterrupt:
        ids = " ".join(map(str, experiment_ids))
        again = f" The service continues training. To follow it again: holdout watch {ids}"
        console.print(f"Interrupted.{again if service_continues else ''}")
        return INTERRUPTED
    show_report(console, experiments, client.url if links else None)
    return 0 if all(each["status"] == "succeeded" for each in experiments) else 1


def show_json(value: Any) -> None:
    """Print a response as JSON, which can be piped into another program."""
    terminal().print_json(data=value)


def show_comparison(comparisons: Comparisons) -> None:
    """Print how experiments compare, pair by pair."""
    show_comparisons(terminal(), comparisons)


def show_shift(shift: dict[str, Any]) -> None:
    """Print how a batch of new rows differs from the validation rows."""
    show_shift_report(terminal(), shift)


def show_robustness(found: dict[str, Any]) -> None:
    """Print how much worse models are on corrupted rows."""
    show_robustness_report(terminal(), found)


def show_datasets(datasets: Sequence[dict[str, Any]]) -> None:
    """Print the data sets, one per line."""
    table = Table("name", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("rows", "features", "classes"):
        table.add_column(column, justify="right")
    table.add_column("note", justify="left")
    for each in datasets:
        figures = [each.get("rows"), each.get("features"), len(each.get("classes") or ()) or None]
        counted = ["-" if figure is None else f"{figure:,}" for figure in figures]
        table.add_row(*map(Text, [each["name"], *counted, each.get("problem") or ""]))
    terminal().print(table)


def show_upload(dataset: dict[str, Any]) -> None:
    """Print a data set that was uploaded, and the warnings about its columns."""
    show_datasets([dataset])
    if dataset.get("table"):
        print_doubts(terminal(), "Warnings", dataset["table"]["warnings"])


def show_inspection(found: dict[str, Any]) -> int:
    """Print how a file would be read. Returns the exit status: 1 if a question is open."""
    print_inspection(terminal(), found)
    return 0 if found["is_ready"] else 1


def show_errors(errors: dict[str, Any]) -> None:
    """Print the rows that most seeds get wrong, one per line, and a sentence on all of them."""
    console = terminal()
    table = Table("row", "class", "taken for", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("wrong", justify="right")
    table.add_column("score", justify="right")
    for each in errors["items"]:
        taken_for = ", ".join(f"{other['class']} ({other['runs']})" for other in each["predicted"])
        score = "-" if each["score"] is None else f"{each['score']:.3f}"
        cells = [str(each["row"]), each["class"], taken_for, f"{each['wrong']} of {each['runs']}", score]
        table.add_row(*map(Text, cells))
    console.print(table)
    console.print(
        f"Of {errors['rows']:,} rows, {errors['wrong_once']:,} are wrong at least once, "
        f"{errors['wrong_in_most']:,} most times, and {errors['wrong_in_all']:,} every time that one of "
        f"{errors['runs']} models predicts them. Score: the mean probability of the true class."
    )


def show_scores(resource: str, answer: dict[str, Any]) -> None:
    """Print the curves, the reliability, the operating points or the importance of an experiment."""
    shown = {
        "curves": show_curves,
        "reliability": show_reliability,
        "operating-points": show_operating_points,
        "importance": show_importance,
    }
    shown[resource](terminal(), answer)


def show_evaluation(evaluation: dict[str, Any], asked: int | None = None) -> None:
    """Print the answer of a look at the sealed test rows: figures, bounds, and the earlier uses of these rows.

    asked: the experiment that the look was for; an earlier look at the same models, of another one, answers it.
    """
    console = terminal()
    if asked not in (None, evaluation["experiment_id"]):
        earlier = evaluation["experiment_id"]
        console.print(f"Experiment {asked} has the models of experiment {earlier}, so this is its look too.")
    number = (
        f"look {evaluation['look']} of {evaluation['looks']}" if evaluation["looks"] > 1 else "the first look"
    )
    where = f"{evaluation['rows']:,} test rows of data set '{evaluation['dataset']}'"
    console.print(f"Experiment {evaluation['experiment_id']} on the {where}, {number}:")
    for name in ("accuracy", "balanced_accuracy", "majority_accuracy"):
        if evaluation[name] is not None:
            console.print(f"  {name.replace('_', ' ')} {evaluation[name]:.3f}")
    for bound in evaluation["bounds"]:
        console.print(f"  accuracy from {bound['low']:.3f} to {bound['high']:.3f} {bound['valid']}")
    _print_figures(console, evaluation)
    for each in evaluation["classes"]:
        console.print(Text(f"  {_of_class(each)} of {each['support']:,} rows"))
    for kind in ("exposed", "looked_at"):
        if evaluation[f"{kind}_rows"]:
            console.print(f"  {_earlier_use(evaluation, kind)}")


def _of_class(found: dict[str, Any]) -> str:
    """The name and the figure of a class, or of a range of the targets."""
    if found.get("mae") is not None:
        return f"{range_text(found['class'])}: MAE {significant_text(found['mae'])}"
    return f"{found['class']}: {'-' if found['accuracy'] is None else format(found['accuracy'], '.3f')}"


def _print_figures(console: Console, evaluation: dict[str, Any]) -> None:
    """Print the metrics of a regression with their bounds, and what constant predictions reach."""
    for figure in evaluation.get("figures", []):
        name = figure["metric"].replace("_", " ")
        console.print(f"  {name} {significant_text(figure['value'])}")
        for bound in figure["bounds"]:
            low, high = significant_text(bound["low"]), significant_text(bound["high"])
            console.print(f"  {name} from {low} to {high} {bound['valid']}")
    for each in evaluation.get("baselines", []):
        reached = ", ".join(
            f"{name.replace('_', ' ')} {significant_text(value)}" for name, value in each["metrics"].items()
        )
        console.print(f"  always the {each['name']} of the training rows: {reached}")


def _earlier_use(evaluation: dict[str, Any], kind: str) -> str:
    used = "trained or validated an experiment" if kind == "exposed" else "tested one"
    by = [str(use["experiment_id"]) for use in evaluation["earlier_uses"] if use["kind"] == kind]
    more = f" and {len(by) - 10} more" if len(by) > 10 else ""
    return f"{evaluation[f'{kind}_rows']:,} of these rows have {used} before: {', '.join(by[:10])}{more}"


def show_tokens(tokens: Sequence[Any]) -> None:
    """Print the tokens, one per line: name, scope, dates of creation and end, state."""
    table = Table("name", "scope", "created", "ends", "", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for each in tokens:
        state = "valid" if each.valid else "expired" if each.revoked_at is None else "revoked"
        ends = _day(each.expires_at if each.revoked_at is None else each.revoked_at)
        table.add_row(each.name, each.scope, _day(each.created_at), ends, state)
    terminal().print(table)


def _day(seconds: float | None) -> str:
    return "never" if seconds is None else time.strftime("%Y-%m-%d", time.gmtime(seconds))


def show_checks(results: Sequence[CheckResult]) -> int:
    """Print the results of `holdout doctor`. Returns the exit status: 1 if the service cannot work, else 0."""
    console = terminal()
    for result in results:
        console.print(Text.assemble(MARKS[result.status], "  ", result.message))
        if result.remedy:
            console.print(Text(f"      {result.remedy}", "dim"))
    return 1 if any(result.status == "bad" for result in results) else 0
