"""An experiment as the client holds it: its state when it was last read, and what can be done with it."""

import sys
import time
from pathlib import Path
from typing import Any, TextIO

from service.client.api import Api
from service.client.tables import Table

ENDED = ("succeeded", "failed", "cancelled")
POLL_SECONDS = 0.5
BAR_WIDTH = 30


class Experiment:
    """One experiment. `id`, `name`, `status` and `summary` are as of the last reading; `refresh` reads again."""

    def __init__(self, api: Api, experiment_id: int) -> None:
        self._api, self.id = api, experiment_id
        self.refresh()

    def refresh(self) -> "Experiment":
        """Read its present state."""
        self.data = self._api.experiment(self.id)
        return self

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def status(self) -> str:
        return str(self.data["status"])

    @property
    def summary(self) -> dict[str, Any] | None:
        """The estimates with their intervals, classes, baselines and findings; None before the first epoch."""
        summary: dict[str, Any] | None = self.data["summary"]
        return summary

    def wait(
        self, *, timeout: float | None = None, progress: bool = True, file: TextIO | None = None
    ) -> "Experiment":
        """Wait until it has ended, with a progress bar on standard error. Raises TimeoutError after `timeout` s."""
        deadline = None if timeout is None else time.monotonic() + timeout
        out = sys.stderr if file is None else file
        while self.status not in ENDED:
            if progress:
                out.write(f"\r{self._bar()}")
                out.flush()
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"experiment {self.id} is {self.status} after {timeout:g} s")
            time.sleep(POLL_SECONDS)
            self.refresh()
        if progress:
            out.write(f"\r{self._bar()}\n")
        return self

    def metrics(self) -> Table:
        """The metrics of each epoch, run and split."""
        return Table(self._api.metrics(self.id))

    def classes(self) -> Table:
        """The figures of each class in the summary."""
        return Table(self.summary["classes"] if self.summary else [])

    def predict(self, rows: Any, *, seed: int | None = None) -> Table:
        """The predictions for rows: lists, objects by column, a NumPy array or a DataFrame."""
        if hasattr(rows, "to_dict"):
            rows = rows.to_dict("records")
        elif hasattr(rows, "tolist"):
            rows = rows.tolist()
        return Table(self._api.predict_rows(self.id, rows, seed)["items"])

    def cancel(self) -> "Experiment":
        """Request that it stops."""
        self._api.cancel(self.id)
        return self.refresh()

    def edit(self, **changes: Any) -> "Experiment":
        """Change its `name`, `tags` or `note`."""
        self._api.edit(self.id, changes)
        return self.refresh()

    def export(self, path: str | Path) -> Path:
        """Write the zip file with all that is needed to repeat it."""
        with Path(path).open("wb") as file:
            self._api.bundle(self.id, file)
        return Path(path)

    def chart(self, name: str = "curves") -> str:
        """A chart as SVG: `curves`, `classes` or `confusion`."""
        return self._api.chart(self.id, name)

    def __repr__(self) -> str:
        return f"Experiment {self.id} {self.name!r}: {self.status}"

    def _repr_html_(self) -> str:
        metrics = (self.summary or {}).get("metrics", {})
        rows = [{"metric": name, **estimate} for name, estimate in metrics.items() if estimate]
        title = f"<p>{repr(self).replace('&', '&amp;').replace('<', '&lt;')}</p>"
        return title + Table(rows)._repr_html_()

    def _repr_svg_(self) -> str | None:
        return self.chart() if self.summary else None

    def _bar(self) -> str:
        done, total = self.data["progress"]["epoch"], max(1, self.data["progress"]["epochs"])
        filled = BAR_WIDTH * done // total
        return f"{self.status:<9} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done}/{total} epochs"
