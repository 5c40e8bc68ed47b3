"""The leaderboard of a sweep as a table, with its top group and the recommended candidate."""

from collections.abc import Iterable
from typing import Any

from service.client import html
from service.client.tables import SHOWN_ROWS, Table

LEFT_OUT = ("values", "links", "class_values")


class Leaderboard(Table):
    """The candidates that have succeeded, the best first. Each swept field is a column.

    `top` marks those that cannot be told from the best. data: the whole response.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        swept = dict.fromkeys(path for each in data["items"] for path in each["values"])
        super().__init__([_flat(each, swept) for each in data["items"]])
        self.data = data

    @property
    def metric(self) -> str:
        return str(self.data["metric"])

    @property
    def recommended(self) -> int | None:
        """The number of the experiment to take: the simplest of the top group."""
        return self.data["recommended"]["experiment_id"] if self.data["recommended"] else None

    @property
    def sentences(self) -> list[str]:
        """What the leaderboard says: which candidate to take and why, the corrected best value, and what to mind."""
        found = [self.data["recommended"]["sentence"]] if self.data["recommended"] else []
        best = self.data["best"]
        if best and best["corrected"] is not None:
            found.append(
                f"The best {self.metric} is {best['measured']:.4g} as measured, and {best['corrected']:.4g} "
                f"corrected for having been chosen among {best['among']:,}."
            )
        return found + [remark["sentence"] for remark in self.data["remarks"]]

    def _repr_html_(self) -> str:
        names = [
            name for name in self.names if name not in ("candidate", "name", "runs", "difference", "p_value")
        ]
        top = [number for number, row in enumerate(self) if row["top"]]
        rows = [[row[name] for name in names] for row in self[:SHOWN_ROWS]]
        return html.table(names, rows, bold=top) + "".join(map(html.paragraph, self.sentences))


def _flat(candidate: dict[str, Any], swept: Iterable[str]) -> dict[str, Any]:
    """A candidate with its swept values as columns; those that only some variants have are null in the others."""
    row = {name: value for name, value in candidate.items() if name not in LEFT_OUT}
    first = {name: row.pop(name) for name in ("rank", "experiment_id")}
    return {**first, **{path: candidate["values"].get(path) for path in swept}, **row}
