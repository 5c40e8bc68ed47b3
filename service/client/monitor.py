"""A monitor as the client holds it: its batches, its alarm, its chart."""

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from service.client import html
from service.client.api import Api
from service.client.charts import Chart
from service.client.files import content_of, format_of_batch
from service.client.pages import pages
from service.client.tables import Table


class Monitor:
    """One monitor. `data` is what the service said last."""

    def __init__(self, api: Api, data: dict[str, Any]) -> None:
        self._api, self.data = api, data

    @property
    def id(self) -> int:
        """Its number."""
        number: int = self.data["id"]
        return number

    @property
    def has_alarm(self) -> bool:
        """Whether a batch has raised an alarm."""
        return bool(self.data["status"] == "alarm")

    def refresh(self) -> "Monitor":
        """Read it again."""
        self.data = self._api.monitor(self.id)
        return self

    def add(
        self, rows: str | Path | BinaryIO | Any, *, name: str | None = None, label: str | None = None
    ) -> dict[str, Any]:
        """Test rows: a CSV or NPZ file, or a DataFrame. label: the column with the labels.

        name: under which the same rows are tested once, so that a call that failed can be repeated; without it they
        would count twice. The client itself repeats no request.
        """
        fields = {"format": format_of_batch(rows)} | ({"label": label} if label else {})
        with content_of(rows) as file:
            found = self._api.add_batch(self.id, file, fields, name)
        self.refresh()
        return found

    def batches(self, *, limit: int = 100) -> Table:
        """The batches as rows, at most `limit`, the newest first."""
        return Table(pages(partial(self._api.batches, self.id), limit))

    def batch(self, number: int) -> dict[str, Any]:
        """A batch with its report."""
        return self._api.batch(self.id, number)

    def chart(self, **query: Any) -> Chart:
        """How close each batch came to an alarm."""
        return Chart(self._api.monitor_chart(self.id, **query))

    def delete(self) -> None:
        """Delete it with its batches."""
        self._api.delete_monitor(self.id)

    def __repr__(self) -> str:
        return (
            f"Monitor {self.id} {self.data['name']!r}: {self.data['status']}, {self.data['batches']} batches"
        )

    def _repr_html_(self) -> str:
        return html.paragraph(repr(self)) + html.image(self.chart().svg, f"The batches of {self!r}")
