"""What the command line prints: plain lines without control codes where the output is not a terminal."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from service.cli.report import Experiment, show_report, title
from service.operations.doctor import Finding

POLL_SECONDS = 0.2
PLAIN_WIDTH = 120
TERMINAL = ("succeeded", "failed", "cancelled")
INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ended."""

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "bad": ("bad ", "red")}


class Source(Protocol):
    """Where experiments are read from; `service.cli.client.Client` is one."""

    url: str

    def experiment(self, experiment_id: int) -> Experiment: ...


def follow(source: Source, experiment_ids: Sequence[int], *, links: bool = True, stays: bool = True) -> int:
    """Show progress until all experiments are over, then the report; 0 if all succeeded, else 1.

    links: end the report with the URLs of the experiments.
    stays: whether the service goes on when the command is interrupted.
    """
    console = _console()
    try:
        experiments = _watch(console, source, experiment_ids)
    except KeyboardInterrupt:
        ids = " ".join(map(str, experiment_ids))
        again = f" The service continues training. To follow it again: holdout watch {ids}"
        console.print(f"Interrupted.{again if stays else ''}")
        return INTERRUPTED
    show_report(console, experiments, source.url if links else None)
    return 0 if all(each["status"] == "succeeded" for each in experiments) else 1


def show_json(value: Any) -> None:
    """Print an answer as JSON that can be piped on."""
    _console().print_json(data=value)


def show_datasets(datasets: Sequence[dict[str, Any]]) -> None:
    """The data sets, one per line."""
    table = Table("name", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("rows", "features", "classes"):
        table.add_column(column, justify="right")
    table.add_column("note", justify="left")
    for each in datasets:
        figures = [each.get("rows"), each.get("features"), len(each.get("classes") or ()) or None]
        counted = ["-" if figure is None else f"{figure:,}" for figure in figures]
        table.add_row(*map(Text, [each["name"], *counted, each.get("problem") or ""]))
    _console().print(table)


def show_tokens(tokens: Sequence[Any]) -> None:
    """The tokens, one per line: name, scope, dates of creation and end, state."""
    table = Table("name", "scope", "created", "ends", "", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for each in tokens:
        state = "valid" if each.valid else "expired" if each.revoked_at is None else "revoked"
        ends = _day(each.expires_at if each.revoked_at is None else each.revoked_at)
        table.add_row(each.name, each.scope, _day(each.created_at), ends, state)
    _console().print(table)


def _day(seconds: float | None) -> str:
    return "never" if seconds is None else time.strftime("%Y-%m-%d", time.gmtime(seconds))


def show_findings(findings: Sequence[Finding]) -> int:
    """Print what `holdout doctor` found; 1 if something keeps the service from working, else 0."""
    console = _console()
    for finding in findings:
        console.print(Text.assemble(MARKS[finding.state], "  ", finding.what))
        if finding.remedy:
            console.print(Text(f"      {finding.remedy}", "dim"))
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def _watch(console: Console, source: Source, experiment_ids: Sequence[int]) -> list[Experiment]:
    """Poll until every experiment is finished; return their final states."""
    latest = {each: source.experiment(each) for each in experiment_ids}
    display = Bars(console) if console.is_terminal else Lines(console)
    with display:
        while True:
            for experiment in latest.values():
                display.show(experiment)
            active = [each for each, experiment in latest.items() if experiment["status"] not in TERMINAL]
            if not active:
                return list(latest.values())
            time.sleep(POLL_SECONDS)
            latest |= {each: source.experiment(each) for each in active}


class Bars(Progress):
    """A progress bar per experiment: the epochs of all its seeds, and the time left."""

    def __init__(self, console: Console) -> None:
        words = TextColumn("{task.description}", markup=False)
        epochs = TextColumn("{task.completed:.0f}/{task.total} epochs, {task.fields[state]}")
        super().__init__(words, BarColumn(), epochs, console=console)
        self.bars: dict[int, TaskID] = {}

    def show(self, experiment: Experiment) -> None:
        """Bring an experiment's bar up to date."""
        epoch, epochs = experiment["progress"]["epoch"], experiment["progress"]["epochs"]
        if experiment["id"] not in self.bars:
            self.bars[experiment["id"]] = self.add_task(title(experiment), total=epochs, state="")
        bar = self.bars[experiment["id"]]
        self.update(bar, completed=epoch, total=epochs, state=_state(experiment))


class Lines:
    """A line per experiment whenever its status changes or another tenth of it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.shown: dict[int, tuple[str, int]] = {}

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, experiment: Experiment) -> None:
        """Print the progress of an experiment, if it has changed enough."""
        epoch, epochs = experiment["progress"]["epoch"], experiment["progress"]["epochs"]
        news = experiment["status"], 10 * epoch // max(1, epochs)
        if self.shown.get(experiment["id"]) != news:
            self.shown[experiment["id"]] = news
            words = f"{title(experiment)}: {epoch}/{epochs} epochs, {_state(experiment)}"
            self.console.print(Text(words))


def _state(experiment: Experiment) -> str:
    eta = experiment["progress"]["eta_seconds"]
    if experiment["status"] != "running" or eta is None:
        return str(experiment["status"])
    minutes, seconds = divmod(round(eta), 60)
    return f"{minutes}:{seconds:02} left" if minutes else f"{seconds} s left"
