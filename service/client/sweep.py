"""A sweep as the client holds it: its progress, leaderboard and candidates, and what can be done with it."""

from functools import partial
from typing import Any

from service.client import html
from service.client.charts import Chart
from service.client.leaderboard import Leaderboard
from service.client.pages import pages
from service.client.tables import Table
from service.client.waiting import Awaited


class Sweep(Awaited):
    """One sweep."""

    def leaderboard(self, metric: str | None = None) -> Leaderboard:
        """The candidates that have succeeded, ranked by the metric that selected their epochs, or another."""
        return Leaderboard(self._api.leaderboard(self.id, metric))

    def importance(self, metric: str | None = None) -> Table:
        """The share of the variation between candidates that each swept field explains, the most important first."""
        return Table(self._api.sweep_importance(self.id, metric)["fields"])

    def candidates(self) -> Table:
        """All candidates in their order, with their experiments and statuses."""
        return Table(pages(partial(self._api.candidates, self.id)))

    def chart(self, name: str = "chart", **query: Any) -> Chart:
        """A chart: `chart`, the leaderboard; `parallel`, coordinates; or `importance` of the swept fields."""
        return Chart(self._api.sweep_chart(self.id, name, **query))

    def cancel(self) -> "Sweep":
        """Cancel all candidates that have not ended."""
        self._api.cancel_sweep(self.id)
        return self.refresh()

    def retry(self) -> "Sweep":
        """Queue the failed and cancelled runs of all candidates again."""
        self._api.retry_sweep(self.id)
        return self.refresh()

    def delete(self) -> None:
        """Delete it with its candidates, after it has ended."""
        self._api.delete_sweep(self.id)

    def __repr__(self) -> str:
        return f"Sweep {self.id} {self.name!r}: {self.status}"

    def _repr_html_(self) -> str:
        _, _, words = self._progress()
        shown = html.paragraph(f"{self!r}, {words}")
        if not self.data["counts"]["succeeded"]:
            return shown
        return (
            shown + self.leaderboard()._repr_html_() + html.image(self.chart().svg, f"The values of {self!r}")
        )

    def _changed(self, etag: str | None, wait: float) -> tuple[dict[str, Any], str | None] | None:
        return self._api.changed_sweep(self.id, etag, wait)

    def _progress(self) -> tuple[int, int, str]:
        counts, progress = self.data["counts"], self.data["progress"]
        ended = sum(counts[status] for status in ("succeeded", "failed", "cancelled"))
        words = f"{ended}/{self.data['candidates']} candidates"
        return progress["epoch"], progress["epochs"], f"{words}, {self.status}"
