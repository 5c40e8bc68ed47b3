"""A data set, and how a file would be taken as one."""

from typing import Any

from service.client import html
from service.client.api import Api
from service.client.tables import Table

COLUMNS = ("name", "kind", "missing", "distinct", "low", "high")


class Dataset:
    """A data set that a spec can name. data: what the service says about it."""

    def __init__(self, api: Api, data: dict[str, Any]) -> None:
        self._api, self.data = api, data

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def classes(self) -> Table:
        """The classes, with the rows of each."""
        return Table(self.data["classes"] or [])

    @property
    def columns(self) -> Table:
        """The columns of an uploaded table; none of other data sets."""
        return _columns(self.data.get("table"))

    def preview(self) -> bytes:
        """Some images of each class as PNG. Raises RequestRefused if it holds no images."""
        return self._api.preview(self.name)

    def delete(self) -> None:
        """Delete it, if it was uploaded."""
        self._api.delete_dataset(self.name)

    def __repr__(self) -> str:
        return f"Dataset {self.name!r}: {self.data['rows']:,} rows, {self.data['features']:,} features"

    def _repr_html_(self) -> str:
        shown = html.paragraph(repr(self)) + self.classes._repr_html_()
        if self.columns:
            shown += self.columns._repr_html_()
        return shown + (html.image(self.preview(), f"Images of {self.name}") if self.data["shape"] else "")


class Inspection:
    """How a file would be taken. data: the whole response."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @property
    def is_ready(self) -> bool:
        """Whether an upload would be taken; false if a question is open."""
        return bool(self.data["is_ready"])

    @property
    def columns(self) -> Table:
        """The columns as they would be taken."""
        return _columns(self.data["table"])

    @property
    def doubts(self) -> Table:
        """What the file may mean in two ways: `blocking` ones are questions, and `fields` answers them."""
        return Table(self.data["table"]["warnings"] if self.data["table"] else [])

    def __repr__(self) -> str:
        return f"Inspection: {self.data['rows']:,} rows, {'ready' if self.is_ready else 'a question is open'}"

    def _repr_html_(self) -> str:
        doubts = "".join(html.paragraph(each["message"]) for each in self.doubts)
        return html.paragraph(repr(self)) + self.columns._repr_html_() + doubts


def _columns(table: dict[str, Any] | None) -> Table:
    return Table([{name: each[name] for name in COLUMNS} for each in table["columns"]] if table else [])
