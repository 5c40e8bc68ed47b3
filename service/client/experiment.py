"""An experiment as the client holds it: its results as tables, and what can be done with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from service.client import html
from service.client.charts import Chart
from service.client.files import content_of, format_of_batch, rows_of
from service.client.matrices import ConfusionMatrix
from service.client.tables import Table
from service.client.waiting import Awaited


class Experiment(Awaited):
    """One experiment. In the methods, `run` is any of `seed`, `repeat` and `fold`; by default all runs."""

    @property
    def spec(self) -> dict[str, Any]:
        """The spec, with every default."""
        spec: dict[str, Any] = self.data["spec"]
        return spec

    @property
    def summary(self) -> dict[str, Any] | None:
        """The estimates with their intervals, classes, baselines and findings; None before the first epoch."""
        summary: dict[str, Any] | None = self.data["summary"]
        return summary

    def metrics(self, *, split: str | None = None, **run: int) -> Table:
        """The metrics of each epoch, run and part (`train`, `validation`)."""
        return Table(self._api.rows(self.id, "metrics", split=split, **run))

    def classes(
        self, *, split: str | None = "validation", epoch: int | str | None = None, **run: int
    ) -> Table:
        """The recall of each class, with its interval, and further figures, at the selected or another epoch."""
        return Table(self._api.rows(self.id, "classes", split=split, epoch=epoch, **run))

    def predictions(self, *, wrong: bool | None = None, **run: int) -> Table:
        """What each run predicted for each validation row. wrong: only those that it got wrong."""
        only = {"wrong": str(wrong).lower()} if wrong is not None else {}
        return Table(self._api.rows(self.id, "predictions", **only, **run))

    def confusion(
        self, *, split: str = "validation", epoch: int | str | None = None, **run: int
    ) -> ConfusionMatrix:
        """The confusion matrix at the selected or another epoch, summed over the runs."""
        return ConfusionMatrix.of(self._api.confusion(self.id, split=split, epoch=epoch, **run))

    def predict(self, rows: Any, **run: int) -> Table:
        """The predictions for rows: lists, objects by column, a NumPy array or a DataFrame."""
        return Table(self._api.predict_rows(self.id, rows_of(rows), **run)["items"])

    def shift(
        self, rows: str | Path | BinaryIO | Any, *, label: str | None = None, **run: int
    ) -> dict[str, Any]:
        """How rows differ from the validation rows: a CSV or NPZ file, or a DataFrame. label: their column."""
        fields = {"format": format_of_batch(rows)} | ({"label": label} if label else {})
        with content_of(rows) as file:
            return self._api.shift(self.id, file, fields, **run)

    def evaluate_on_test_rows(self, accept: Sequence[str] = ()) -> dict[str, Any]:
        """Look at the sealed test rows: once, when you have chosen this experiment."""
        return self._api.test(self.id, accept)

    def cancel(self) -> "Experiment":
        """Request that it stops."""
        self._api.cancel(self.id)
        return self.refresh()

    def retry(self, **run: int) -> "Experiment":
        """Queue its failed and cancelled runs again."""
        self._api.retry(self.id, **run)
        return self.refresh()

    def delete(self) -> None:
        """Delete it, after it has ended."""
        self._api.delete(self.id)

    def edit(
        self, *, name: str | None = None, tags: Sequence[str] | None = None, note: str | None = None
    ) -> "Experiment":
        """Change its name, its tags or its note."""
        given = {"name": name, "tags": None if tags is None else list(tags), "note": note}
        self._api.edit(self.id, {key: value for key, value in given.items() if value is not None})
        return self.refresh()

    def export(self, path: str | Path) -> Path:
        """Write the zip file with all that is needed to repeat it, and return its path."""
        with Path(path).open("wb") as file:
            self._api.bundle(self.id, file)
        return Path(path)

    def chart(self, name: str = "curves", **query: Any) -> Chart:
        """A chart, such as `curves`, `classes`, `confusion`, `roc`, `pr`, `reliability` or `importance`."""
        return Chart(self._api.chart(self.id, name, **query))

    def __repr__(self) -> str:
        return f"Experiment {self.id} {self.name!r}: {self.status}"

    def _repr_html_(self) -> str:
        metrics = (self.summary or {}).get("metrics", {})
        rows = [{"metric": name, **estimate} for name, estimate in metrics.items() if estimate]
        shown = html.paragraph(repr(self)) + (Table(rows)._repr_html_() if rows else "")
        return shown + (html.image(self.chart().svg, f"The curves of {self!r}") if self.summary else "")

    def _changed(self, etag: str | None, wait: float) -> tuple[dict[str, Any], str | None] | None:
        return self._api.changed_experiment(self.id, etag, wait)

    def _progress(self) -> tuple[int, int, str]:
        progress = self.data["progress"]
        done, total = progress["epoch"], progress["epochs"]
        return done, total, f"{done}/{total} epochs, {self.status}"
