"""Conditional requests, as a dashboard polls."""

from typing import Any

from httpx2 import Client, Response


def get(client: Client, path: str, tag: str | None = None, **query: Any) -> Response:
    """Ask for what is new since the answer with `tag`, or for all."""
    return client.get(path, params=query, headers={"If-None-Match": tag} if tag else {})
