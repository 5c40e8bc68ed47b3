"""The progress of experiments and sweeps until they have ended."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from service.cli.report import title
from service.figure_text import duration_text
from service.store.tables import FINAL_STATUSES

POLL_SECONDS = 0.2
State = dict[str, Any]
"""An experiment or a sweep, as the service returns it."""


def watch(console: Console, read: Callable[[int], State], numbers: Sequence[int]) -> list[State]:
    """Poll experiments or sweeps until each has ended. Returns their final states. read: the state of one."""
    latest = {each: read(each) for each in numbers}
    display = ProgressBars(console) if console.is_terminal else ProgressLines(console)
    with display:
        while True:
            for state in latest.values():
                display.show(state)
            active = [each for each, state in latest.items() if state["status"] not in FINAL_STATUSES]
            if not active:
                return list(latest.values())
            time.sleep(POLL_SECONDS)
            latest |= {each: read(each) for each in active}


class ProgressBars(Progress):
    """On a terminal: a progress bar for each, with the epochs of all its runs and the time left."""

    def __init__(self, console: Console) -> None:
        words = TextColumn("{task.description}", markup=False)
        epochs = TextColumn("{task.completed:.0f}/{task.total} epochs, {task.fields[state]}")
        super().__init__(words, BarColumn(), epochs, console=console)
        self.bars: dict[int, TaskID] = {}

    def show(self, state: State) -> None:
        """Update the bar of an experiment or a sweep."""
        epoch, epochs = state["progress"]["epoch"], state["progress"]["epochs"]
        if state["id"] not in self.bars:
            self.bars[state["id"]] = self.add_task(_title(state), total=epochs, state="")
        bar = self.bars[state["id"]]
        self.update(bar, completed=epoch, total=epochs, state=_words(state))


class ProgressLines:
    """Without a terminal: a line whenever a status changes or another tenth is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.shown: dict[int, tuple[str, str | None, int]] = {}

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, state: State) -> None:
        """Print the progress of an experiment or a sweep if it has changed enough."""
        epoch, epochs = state["progress"]["epoch"], state["progress"]["epochs"]
        reached = state["status"], state.get("waiting_for"), 10 * epoch // max(1, epochs)
        if self.shown.get(state["id"]) != reached:
            self.shown[state["id"]] = reached
            words = f"{_title(state)}: {epoch}/{epochs} epochs, {_words(state)}"
            self.console.print(Text(words))


def _title(state: State) -> str:
    return str(state["name"] or f"sweep {state['id']}") if "counts" in state else title(state)


def _words(state: State) -> str:
    eta, status = state["progress"]["eta_seconds"], str(state["status"])
    if status == "running" and eta is not None:
        status = f"{duration_text(eta)} left"
    counts = state.get("counts")
    if counts is None:
        return status
    if state["waiting_for"]:
        status = f"waiting for an agent that has {state['waiting_for']}"
    ended = sum(counts[each] for each in FINAL_STATUSES)
    return f"{ended}/{state['candidates']} candidates, {status}"
