"""The endpoints of monitors, each as a method that returns decoded JSON."""

import json
from typing import Any, BinaryIO

from service.client.connection import Connection


class MonitorEndpoints(Connection):
    """What programs need of /monitors."""

    def create_monitor(self, experiment_id: int, name: str, **settings: Any) -> dict[str, Any]:
        """Add a monitor; the same request again returns the one that is there."""
        given = {"experiment_id": experiment_id, "name": name, **settings}
        content = json.dumps({key: value for key, value in given.items() if value is not None})
        made: dict[str, Any] = self._json("POST", "/monitors", content=content)
        return made

    def monitors(self, **query: Any) -> dict[str, Any]:
        """A page of monitors, the newest first."""
        page: dict[str, Any] = self._json("GET", "/monitors", query=query)
        return page

    def monitor(self, monitor_id: int) -> dict[str, Any]:
        """A monitor, and how far it is."""
        found: dict[str, Any] = self._json("GET", f"/monitors/{monitor_id}")
        return found

    def add_batch(
        self, monitor_id: int, file: BinaryIO, fields: dict[str, str], name: str | None = None
    ) -> dict[str, Any]:
        """Test the rows of a file. name: with the same name, the same file is tested once."""
        return self._form(f"/monitors/{monitor_id}/batches", file, fields, {"name": name})

    def batches(self, monitor_id: int, **query: Any) -> dict[str, Any]:
        """A page of the batches of a monitor, the newest first."""
        page: dict[str, Any] = self._json("GET", f"/monitors/{monitor_id}/batches", query=query)
        return page

    def batch(self, monitor_id: int, number: int) -> dict[str, Any]:
        """A batch with its report."""
        found: dict[str, Any] = self._json("GET", f"/monitors/{monitor_id}/batches/{number}")
        return found

    def monitor_chart(self, monitor_id: int, **query: Any) -> str:
        """A monitor over time as SVG."""
        return self._text(f"/monitors/{monitor_id}/chart.svg", query)

    def delete_monitor(self, monitor_id: int) -> None:
        """Delete a monitor with its batches."""
        self._json("DELETE", f"/monitors/{monitor_id}")
