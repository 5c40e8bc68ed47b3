"""Responses that are charts: their media type, and a policy that allows nothing but their own style sheet."""

from collections.abc import Mapping

from fastapi import Response

from service.charts.theme import Theme, policy


class SVG(Response):
    """A chart. Its text is UTF-8."""

    media_type = "image/svg+xml"


def svg_response(chart: str, theme: Theme, headers: Mapping[str, str]) -> Response:
    """Send a chart that was drawn in `theme`."""
    return SVG(chart, headers={**headers, "Content-Security-Policy": policy(theme)})
