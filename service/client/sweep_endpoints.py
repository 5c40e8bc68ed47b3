"""The endpoints of sweeps, each as a method that returns decoded JSON."""

from typing import Any

from service.client.connection import Connection


class SweepEndpoints(Connection):
    """What programs need of /sweeps."""

    def submit_sweep(self, request: str, key: str | None = None) -> dict[str, Any]:
        """Queue a sweep from a request in JSON. key: with the same key, a repeated request submits nothing again."""
        accepted: dict[str, Any] = self._submit("/sweeps", request, key)
        return accepted

    def validate_sweep(self, request: str) -> dict[str, Any]:
        """The candidates that a sweep would train."""
        resolved: dict[str, Any] = self._json("POST", "/sweeps/validate", content=request)
        return resolved

    def sweeps(self, **query: Any) -> dict[str, Any]:
        """A page of sweeps, the newest first."""
        page: dict[str, Any] = self._json("GET", "/sweeps", query=query)
        return page

    def sweep(self, sweep_id: int) -> dict[str, Any]:
        """A sweep's status and progress."""
        sweep: dict[str, Any] = self._json("GET", f"/sweeps/{sweep_id}")
        return sweep

    def changed_sweep(
        self, sweep_id: int, etag: str | None, wait: float
    ) -> tuple[dict[str, Any], str | None] | None:
        """A sweep and its ETag once it has changed; None if it has not within `wait` seconds."""
        return self._changed(f"/sweeps/{sweep_id}", etag, wait)

    def candidates(self, sweep_id: int, **query: Any) -> dict[str, Any]:
        """A page of the candidates of a sweep, in their order."""
        page: dict[str, Any] = self._json("GET", f"/sweeps/{sweep_id}/candidates", query=query)
        return page

    def leaderboard(self, sweep_id: int, metric: str | None = None) -> dict[str, Any]:
        """The candidates of a sweep, ranked."""
        path, query = f"/sweeps/{sweep_id}/leaderboard", {"metric": metric}
        leaderboard: dict[str, Any] = self._json("GET", path, query=query)
        return leaderboard

    def sweep_importance(self, sweep_id: int, metric: str | None = None) -> dict[str, Any]:
        """Which swept field mattered."""
        path, query = f"/sweeps/{sweep_id}/importance", {"metric": metric}
        importance: dict[str, Any] = self._json("GET", path, query=query)
        return importance

    def sweep_chart(self, sweep_id: int, name: str, **query: Any) -> str:
        """A chart of a sweep as SVG."""
        return self._text(f"/sweeps/{sweep_id}/{name}.svg", query)

    def cancel_sweep(self, sweep_id: int) -> dict[str, Any]:
        """Cancel all candidates that have not ended."""
        cancelled: dict[str, Any] = self._json("POST", f"/sweeps/{sweep_id}/cancel")
        return cancelled

    def retry_sweep(self, sweep_id: int) -> dict[str, Any]:
        """Queue the failed and cancelled runs of all candidates again."""
        retried: dict[str, Any] = self._json("POST", f"/sweeps/{sweep_id}/retry")
        return retried

    def delete_sweep(self, sweep_id: int) -> None:
        """Delete a sweep that has ended, with its candidates."""
        self._json("DELETE", f"/sweeps/{sweep_id}")
