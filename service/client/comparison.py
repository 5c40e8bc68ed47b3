"""How experiments compare, pair by pair."""

from collections.abc import Sequence
from typing import Any

from service.client import html
from service.client.api import Api
from service.client.charts import Chart
from service.client.connection import RequestRefused
from service.client.tables import Table

SHOWN = ("a", "b", "mean_a", "mean_b", "difference", "low", "high", "p_value_corrected", "better")


class Comparison(Table):
    """A row for each pair: the difference, its interval and its corrected p-value. data: the whole response."""

    def __init__(self, api: Api, ids: Sequence[int], metric: str | None, reference: int | None) -> None:
        self.data = api.compare(ids, metric, reference)
        super().__init__(self.data["items"])
        self._api, self._asked = api, (ids, metric, reference)

    @property
    def metric(self) -> str:
        return str(self.data["metric"])

    @property
    def sentences(self) -> list[str]:
        """What the comparison found of each pair, and what to mind."""
        found = [each["finding"]["sentence"] for each in self]
        return found + [remark["sentence"] for remark in self.data["remarks"]]

    def chart(self) -> Chart:
        """The differences with their intervals."""
        return Chart(self._api.comparison_chart(*self._asked))

    def _repr_html_(self) -> str:
        rows: list[list[Any]] = [[row[name] for name in SHOWN] for row in self]
        shown = html.table(SHOWN, rows) + "".join(map(html.paragraph, self.sentences))
        try:
            return shown + html.image(self.chart().svg, f"Differences of {self.metric}")
        except RequestRefused:  # no pair has an interval
            return shown
